"""Figures are functions of a frame: what is drawn is where it should be, nothing global changes."""

import io
import re
import xml.etree.ElementTree as ElementTree
from functools import partial
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib._pylab_helpers import Gcf
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image, ImageColor
from results_fixture import BIG_SWITCHES, BIG_VARIANTS, make_plan

from leo_bench import figures
from leo_bench.figures import COLOURS, INK, VariantStyle, variant_styles, without_overlap
from leo_bench.figures.accuracy_by_cost import spans_decades
from leo_bench.figures.point_labels import label_points
from leo_bench.report.layout import compose_png, compose_svg
from leo_bench.report.panels import PNG_DPI, Drawing, Panel, render
from leo_bench.report.svg import compact_page, inline_svg, without_bare_groups
from leo_bench.statistics import seed_interval

STYLES = {
    "leo": VariantStyle(INK, "o"),
    "none": VariantStyle(COLOURS[0], "s"),
    "pixels": VariantStyle(figures.MUTED, "*", (0, (5, 2))),
    "protonet": VariantStyle(figures.MUTED, "d", (0, (1, 1))),
}


def accuracy_frame(seeds: int = 3) -> pd.DataFrame:
    rows = [
        {"variant": name, "label": name, "setting": setting, "seed": seed, "accuracy": base + 0.01 * seed}
        for name, setting, base in (("leo", "pairwise", 0.80), ("none", "none", 0.78))
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows).assign(accuracy_ci95=0.005, train_seconds=[60.0 + row for row in range(len(rows))])


def step_frame() -> pd.DataFrame:
    rows = [
        {"variant": "leo", "label": "leo", "seed": seed, "step": step, "accuracy": 0.7 + 0.02 * step + 0.01 * seed}
        for seed in range(2)
        for step in range(4)
    ]
    return pd.DataFrame(rows)


def curve_frame() -> pd.DataFrame:
    parts = [step_frame().rename(columns={"step": "episode"}).assign(part=part) for part in ("training", "validation")]
    return pd.concat(parts, ignore_index=True)


def effect_frame() -> pd.DataFrame:
    rows = [
        {"variant": "none", "label": "no relation", "difference": -0.02, "low": -0.03, "high": -0.01, "kind": "seeds"},
        {"variant": "protonet", "label": "protonet", "difference": 0.1, "low": np.nan, "high": np.nan, "kind": "seeds"},
    ]
    return pd.DataFrame(rows)


def profile_frame() -> pd.DataFrame:
    shares = {"leo": [1.0, 0.5, 0.0], "none": [1.0, 1.0, 0.0]}
    rows = [
        {"variant": name, "label": name, "threshold": at, "share": share, "middle": shares[name][1]}
        for name in shares
        for at, share in zip((0.0, 0.5, 1.0), shares[name], strict=True)
    ]
    return pd.DataFrame(rows)


def group_frame() -> pd.DataFrame:
    errors = {"Tengwar": (0.3, 0.34), "Keble": (0.1, 0.1)}
    return pd.DataFrame(
        [{"group": name, "seed": seed, "error": errors[name][seed]} for name in errors for seed in (0, 1)]
    )


def gain_frame(last: float = 0.01, seeds: int = 3) -> pd.DataFrame:
    """leo gains 2 points in one step and ends at `last`; none gains half a point in all."""
    gains = {"leo": {0: 0.0, 1: 0.02, 50: last}, "none": {0: 0.0, 5: 0.005}}
    rows = [
        {"variant": name, "label": name, "seed": seed, "step": step, "gain": gain + (0.001 * (seed - 1) if step else 0)}
        for name, steps in gains.items()
        for step, gain in steps.items()
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows)


def shots_frame(seeds: int = 3) -> pd.DataFrame:
    """leo gains 1 point at 1 shot and 3 at 20; none half a point at both."""
    gains = {"leo": {1: 0.01, 20: 0.03}, "none": {1: 0.005, 20: 0.005}}
    rows = [
        {"variant": name, "label": name, "seed": seed, "shots": shots, "gain": gain + 0.001 * (seed - 1)}
        for name, own in gains.items()
        for shots, gain in own.items()
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows)


def distance_frame(seeds: int = 3) -> pd.DataFrame:
    """Two tests near each other with 2% error and no gain, one with 40% error and 5 points."""
    tests = [
        ("omniglot 5-way", "leo", 0.02, 0.0),
        ("omniglot 20-way", "leo", 0.021, 0.0),
        ("digits", "none", 0.4, 0.05),
    ]
    rows = [
        {"label": label, "group": group, "seed": seed, "error": error, "gain": gain + 0.001 * (seed - 1)}
        for label, group, error, gain in tests
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows)


def draw_setting(**changes: Any) -> Axes:
    given: dict[str, Any] = {"bands": [(0.95, 0.98)] * 2, "chance": 0.2, "xlabel": "relation"}
    return figures.accuracy_by_setting(accuracy_frame(), ["pairwise", "none"], STYLES, **{**given, **changes})


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def points_at(ax: Axes) -> set[tuple[float, float]]:
    """Rounded ends of everything drawn as lines or collections."""
    lines = [tuple(np.round(xy, 4)) for line in ax.lines for xy in np.asarray(line.get_xydata(), float)]
    offsets = [tuple(np.round(xy, 4)) for group in ax.collections for xy in np.asarray(group.get_offsets(), float)]
    return {(float(x), float(y)) for x, y in [*lines, *offsets]}


ALL = [
    partial(figures.accuracy_by_setting, accuracy_frame(), ["pairwise", "none"], STYLES, xlabel="relation"),
    partial(figures.forest_plot, effect_frame(), STYLES, margin=0.005),
    partial(figures.accuracy_by_step, step_frame(), STYLES),
    partial(figures.learning_curves, curve_frame(), STYLES),
    partial(figures.accuracy_by_cost, accuracy_frame(), STYLES),
    partial(figures.performance_profiles, profile_frame(), STYLES),
    partial(figures.error_by_group, group_frame(), STYLES["leo"], overall=0.2),
    partial(figures.gain_by_step, gain_frame(), STYLES, margin=0.005),
    partial(figures.gain_by_shots, shots_frame(), STYLES, margin=0.005),
    partial(figures.gain_by_distance, distance_frame(), STYLES, margin=0.005),
]
NO_YLABEL = (figures.forest_plot, figures.error_by_group)


@pytest.mark.parametrize("draw", ALL, ids=lambda draw: draw.func.__name__)
def test_every_figure_returns_its_axes_and_leaves_nothing_behind(draw: Any) -> None:
    style, ax = dict(mpl.rcParams), Figure().add_subplot()
    assert draw(ax=ax) is ax
    assert isinstance(draw(), Axes)
    assert dict(mpl.rcParams) == style
    assert not Gcf.figs  # no figure is registered with pyplot
    assert ax.get_xlabel() and (ax.get_ylabel() or draw.func in NO_YLABEL)


def test_accuracy_by_setting_draws_means_seeds_and_intervals() -> None:
    ax = draw_setting()
    drawn = points_at(ax)
    interval = seed_interval([80.0, 81.0, 82.0])
    assert interval.low is not None and interval.high is not None
    for point in [(0, 81.0), (1, 79.0), (0, interval.low), (0, interval.high), (0.2, 80.0), (0.2, 82.0), (1.2, 78.0)]:
        assert (point[0], round(point[1], 4)) in drawn, point
    assert [label.get_text() for label in ax.get_xticklabels()] == ["pairwise", "none"]


def test_one_seed_gets_the_dotted_interval_of_its_episodes() -> None:
    ax = figures.accuracy_by_setting(accuracy_frame(seeds=1), ["pairwise", "none"], STYLES)
    assert {(0.0, 79.5), (0.0, 80.5), (0.0, 80.0)} <= points_at(ax)
    assert (0.2, 80.0) not in points_at(ax)


def test_documented_bands_stand_where_they_apply() -> None:
    ax = draw_setting(bands=[(0.95, 0.98), (0.97, 0.99)])
    assert {"documented 95-98%", "documented 97-99%"} <= set(texts(ax))
    boxes = [group.get_paths()[0].get_extents() for group in ax.collections if len(group.get_offsets()) < 2]
    corners = {(box.x0, box.x1, round(box.y0), round(box.y1)) for box in boxes}
    assert {(-0.5, 0.5, 95, 98), (0.5, 1.5, 97, 99)} <= corners
    low, high = ax.get_ylim()
    assert low < 78 and high > 98
    assert not any("documented" in text for text in texts(draw_setting(bands=[None, None])))


def test_references_are_lines_in_view_or_named_at_the_edge() -> None:
    ax = draw_setting(references={"protonet": ("ProtoNet", 0.94), "pixels": ("pixels", 0.30)})
    heights = {round(float(np.asarray(line.get_ydata())[0]), 4) for line in ax.lines if len(line.get_xdata()) == 2}
    assert 94.0 in heights and 30.0 not in heights
    assert "ProtoNet 94.0" in texts(ax)
    assert any(text.startswith("\N{DOWNWARDS ARROW} pixels 30.0") for text in texts(ax))


def test_chance_is_drawn_only_where_results_are_near_it() -> None:
    assert "chance" not in texts(draw_setting())
    near = accuracy_frame().assign(accuracy=0.21)
    ax = figures.accuracy_by_setting(near, ["pairwise", "none"], STYLES, chance=0.2)
    assert "chance" in texts(ax)


def test_forest_cuts_what_would_flatten_the_rest() -> None:
    rows = [
        {"variant": "none", "label": f"v{row}", "difference": d, "low": d - 0.01, "high": d + 0.01, "kind": "seeds"}
        for row, d in enumerate([0.01, -0.02, 0.0, 0.015, -0.6])
    ]
    ax = figures.forest_plot(pd.DataFrame(rows), STYLES, margin=0.005)
    left, right = ax.get_xlim()
    assert left == pytest.approx(-3) and right == -left  # 1.5 times the 2 points of all but the last
    assert "-60.0" in texts(ax) and "+0.0" in texts(ax)
    assert [line.get_marker() for line in ax.lines if line.get_marker() in "<>"] == ["<"]


def heads(ax: Axes) -> dict[int, str]:
    """Row of a forest -> its arrowheads."""
    found: dict[int, str] = {}
    for line in ax.lines:
        if line.get_marker() in ("<", ">"):
            row = round(float(np.asarray(line.get_ydata())[0]))
            found[row] = found.get(row, "") + str(line.get_marker())
    return found


def test_one_long_interval_neither_sets_the_forests_axis_nor_ends_unmarked() -> None:
    ends = [(1, 0, 2), (-2, -3, -1), (1, -90, 92), (2, 1, 70), (-1, -60, 1)]
    rows = [
        {"variant": "none", "label": f"v{row}", "difference": d / 100, "low": low / 100, "high": high / 100}
        for row, (d, low, high) in enumerate(ends)
    ]
    ax = figures.forest_plot(pd.DataFrame(rows).assign(kind="seeds"), STYLES, margin=0.005)
    assert ax.get_xlim() == pytest.approx((-3, 3))  # 1.5 times the 2 points that most differences reach
    assert heads(ax) == {2: "<>", 3: ">", 4: "<"}
    drawn = points_at(ax)
    assert {(1.0, 2.0), (2.0, 3.0), (-1.0, 4.0)} <= drawn and max(abs(x) for x, _ in drawn) <= 3 + 1e-9


def test_no_variants_mark_is_an_arrowhead() -> None:
    plan = make_plan(BIG_VARIANTS, [0], switches=BIG_SWITCHES, references=["protonet", "untrained", "pixels"])
    assert not {style.marker for style in variant_styles(plan).values()} & {"<", ">"}


def test_below_three_seeds_single_seeds_are_drawn_and_no_interval() -> None:
    two = figures.accuracy_by_setting(accuracy_frame(seeds=2), ["pairwise", "none"], STYLES)
    heights = {y for x, y in points_at(two) if abs(x) < 0.3 and np.isfinite(y)}
    assert heights == {80.0, 80.5, 81.0}  # both seeds and their mean
    steps = figures.accuracy_by_step(step_frame(), STYLES)
    assert {(3.0, 76.0), (3.0, 77.0), (3.0, 76.5)} <= points_at(steps)
    bands = [path.get_extents() for group in steps.collections for path in group.get_paths()]
    assert all(y <= 77.0 + 1e-9 for box in bands for y in (box.y0, box.y1))
    groups = figures.error_by_group(group_frame(), STYLES["leo"], overall=0.2)
    assert {x for x, y in points_at(groups) if y == 0.0 and x != 20.0} == {30.0, 32.0, 34.0}


def test_intervals_end_at_nothing_and_at_all() -> None:
    frame = accuracy_frame().assign(accuracy=[1.0, 0.99, 0.8, 0.0, 0.01, 0.2])
    ax = figures.accuracy_by_setting(frame, ["pairwise", "none"], STYLES)
    heights = {y for x, y in points_at(ax) if x in (0.0, 1.0)}
    assert min(heights) == 0.0 and max(heights) == 100.0
    assert figures.interval_is_cut(pd.Series([1.0, 0.99, 0.8])) and figures.interval_is_cut(pd.Series([0.0, 0.01, 0.2]))
    assert not figures.interval_is_cut(pd.Series([0.5, 0.51, 0.52]))
    assert not figures.interval_is_cut(pd.Series([1.0, 0.8]))  # two seeds: none is drawn


def test_steps_between_that_were_not_scored_are_dotted() -> None:
    every = figures.accuracy_by_step(step_frame(), STYLES)
    ends = step_frame()[lambda rows: rows["step"].isin([0, 3])]
    styles = [
        {line.get_linestyle() for line in ax.lines if len(line.get_xdata()) > 1}
        for ax in (every, figures.accuracy_by_step(ends, STYLES))
    ]
    assert styles[0] == {"-"} and not styles[1] & {"-", "None"}


def rings(ax: Axes) -> list[tuple[float, float]]:
    """Return the places of the rings."""
    lines = [line for line in ax.lines if line.get_markerfacecolor() == "none"]
    return [(float(line.get_xdata()[0]), round(float(line.get_ydata()[0]), 6)) for line in lines]


def test_gains_end_with_their_last_value_and_a_ring_marks_a_better_step() -> None:
    ax = figures.gain_by_step(gain_frame(), STYLES, margin=0.005)
    assert {"leo: +1.0", "none: +0.5"} <= set(texts(ax))
    assert rings(ax) == [(1.0, 2.0)]
    assert {(0.0, 0.0), (1.0, 2.0), (50.0, 1.0), (5.0, 0.5)} <= points_at(ax)
    assert rings(figures.gain_by_step(gain_frame(last=0.0195), STYLES, margin=0.005)) == []
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "1", "2", "5", "10", "20", "50"]


def test_gains_within_the_margin_do_not_fill_the_axis_and_a_collapse_does_not_flatten_the_rest() -> None:
    small = gain_frame().query("variant == 'none'")
    assert figures.gain_by_step(small, STYLES, margin=0.005).get_ylim() == (-1, 1)
    ax = figures.gain_by_step(gain_frame(last=-0.6), STYLES, margin=0.005)
    assert -10 < ax.get_ylim()[0] < -1
    heads = [collection for collection in ax.collections if collection.get_clip_on() is False]
    assert [tuple(head.get_offsets()[0]) for head in heads] == [(50.0, 0.0)]


def test_gains_by_shots_have_a_tick_for_each_number_on_a_log_scale() -> None:
    ax = figures.gain_by_shots(shots_frame(), STYLES, margin=0.005)
    assert ax.get_xscale() == "log"
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1", "20"]
    assert {"leo: +3.0", "none: +0.5"} <= set(texts(ax))
    assert {(1.0, 1.0), (20.0, 3.0), (20.0, 0.5)} <= points_at(ax)


def test_gains_by_distance_are_marks_with_intervals_and_labels_that_do_not_overlap() -> None:
    ax = figures.gain_by_distance(distance_frame(), STYLES, margin=0.005)
    assert ax.get_xscale() == "log"
    half = 4.302652730 * 0.1 / np.sqrt(3)  # t of 2 degrees of freedom; the seeds' standard deviation is 0.1 points
    assert {(2.0, 0.0), (40.0, 5.0), (40.0, round(5 + half, 4)), (40.0, round(5 - half, 4))} <= points_at(ax)
    labels = {text.get_text(): text.get_window_extent() for text in ax.texts}
    assert set(labels) == {"omniglot 5-way", "omniglot 20-way", "digits"}
    near, other, far = labels.values()
    assert not near.overlaps(other) and not far.overlaps(near)
    assert all(ax.bbox.contains(*corner) for box in labels.values() for corner in box.corners())
    two = figures.gain_by_distance(distance_frame(seeds=2), STYLES, margin=0.005)
    assert {(40.0, 4.9), (40.0, 5.0)} <= points_at(two)  # single seeds, no interval
    assert (
        figures.gain_by_distance(distance_frame().query("error < 0.1"), STYLES, margin=0.005).get_xscale() == "linear"
    )


def test_many_labels_in_one_place_cover_neither_each_other_nor_a_mark() -> None:
    ax = Figure(figsize=(7, 4), dpi=100).add_subplot()
    ax.set(xlim=(0, 10), ylim=(0, 10))
    points = [(5 + 0.4 * (index % 4), 5 + 0.8 * (index // 4)) for index in range(8)]
    label_points(ax, points, [f"test number {index}" for index in range(8)])
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(one.overlaps(other) for index, one in enumerate(boxes) for other in boxes[:index])
    assert not any(box.contains(*ax.transData.transform(point)) for box in boxes for point in points)


def test_steps_and_curves_draw_means_over_seeds() -> None:
    assert {(0.0, 70.5), (3.0, 76.5)} <= points_at(figures.accuracy_by_step(step_frame(), STYLES))
    assert {(0.0, 70.5), (3.0, 76.5)} <= points_at(figures.learning_curves(curve_frame(), STYLES))


def test_cost_is_in_minutes_and_the_front_is_bold() -> None:
    ax = figures.accuracy_by_cost(accuracy_frame(), STYLES)
    assert (round(61 / 60, 4), 81.0) in points_at(ax)
    assert {text.get_text(): text.get_weight() for text in ax.texts} == {"leo 81.0": "bold", "none 79.0": "normal"}


def test_costs_that_differ_much_are_logarithmic_with_nothing_at_the_left_edge() -> None:
    frame = accuracy_frame().assign(n_parameters=[1000.0] * 3 + [9000.0] * 3)
    free = frame[:3].assign(variant="pixels", label="pixels", n_parameters=0.0, accuracy=0.3)
    both = pd.concat([frame, free])
    assert spans_decades(both, "n_parameters") and not spans_decades(frame[:3], "n_parameters")
    ax = figures.accuracy_by_cost(both, STYLES, cost="n_parameters", logarithmic=True)
    assert ax.get_xscale() == "log"
    assert (round(1 / 2.5, 4), 30.0) in points_at(ax)
    labels = {tick: ax.xaxis.get_major_formatter()(tick, 0) for tick in ax.get_xticks()}
    assert labels[1 / 2.5] == "0" and labels[1.0] == "1"
    assert figures.accuracy_by_cost(frame[:3], STYLES, cost="n_parameters").get_xscale() == "linear"


def test_near_the_ceiling_is_where_the_median_variant_is() -> None:
    assert not figures.near_ceiling(accuracy_frame())
    high = accuracy_frame().assign(accuracy=[0.99, 0.99, 0.99, 0.2, 0.2, 0.2])
    assert not figures.near_ceiling(high)  # the median of 99 and 20 is 59.5
    third = high[:3].assign(variant="protonet")
    assert figures.near_ceiling(pd.concat([high, third]))


@pytest.mark.parametrize("draw", ALL[:1] + ALL[2:5], ids=lambda draw: draw.func.__name__)
def test_the_error_axis_shows_errors_small_ones_at_the_top(draw: Any) -> None:
    (frame, *rest), keywords = draw.args, draw.keywords
    high = frame.assign(accuracy=0.97 + frame["accuracy"] / 50)
    ax = draw.func(high, *rest, **keywords, error=True)
    assert ax.get_ylabel() == "error, % (log scale)"
    low, top = ax.get_ylim()
    assert low < top < 100
    ticks = [tick for tick in ax.get_yticks() if low <= tick <= top]
    errors = [float(ax.yaxis.get_major_formatter()(tick, 0)) for tick in ticks]
    assert errors == pytest.approx([100 - tick for tick in ticks]) and len(errors) > 2
    # equal factors of error are equal heights: from 4% to 2% as from 2% to 1%
    heights = ax.transScale.transform([(0, 96), (0, 98), (0, 99)])[:, 1]
    assert heights[2] - heights[1] == pytest.approx(heights[1] - heights[0]) and heights[1] > heights[0]


def test_a_perfect_score_stays_on_the_error_axis() -> None:
    ax = figures.accuracy_by_step(step_frame().assign(accuracy=1.0), STYLES, error=True)
    assert np.isfinite(ax.get_ylim()).all() and np.isfinite(ax.transScale.transform([(0, 100.0)])).all()


def test_profiles_mark_medians_and_name_interquartile_means() -> None:
    ax = figures.performance_profiles(profile_frame(), STYLES)
    assert {"leo 50.0", "none 100.0"} <= set(texts(ax))
    assert (50.0, 50.0) in points_at(ax) and (75.0, 50.0) in points_at(ax)


def test_errors_by_group_are_drawn_in_the_frames_order() -> None:
    ax = figures.error_by_group(group_frame(), STYLES["leo"], overall=0.2)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Tengwar", "Keble"]
    assert {(32.0, 0.0), (30.0, 0.0), (34.0, 0.0), (10.0, 1.0), (20.0, 0.0)} <= points_at(ax)
    assert {"32.0", "10.0", " all 20.0"} <= set(texts(ax))


def test_many_settings_are_named_upright() -> None:
    order = [f"setting {index}" for index in range(12)]
    frame = pd.DataFrame({"variant": "leo", "setting": order, "seed": 0, "accuracy": 0.8, "accuracy_ci95": 0.01})
    ax = figures.accuracy_by_setting(frame, order, STYLES)
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {90.0}


def test_each_variant_has_its_own_mark() -> None:
    plan = make_plan(BIG_VARIANTS, [0], switches=BIG_SWITCHES, references=["protonet", "untrained", "pixels"])
    styles = variant_styles(plan)
    assert set(styles) == set(BIG_VARIANTS)
    marks = [(style.colour, style.marker) for style in styles.values()]
    assert len(set(marks)) == len(marks)
    for variants in BIG_SWITCHES.values():
        assert len({styles[name].colour for name in variants}) == len(variants)


def luminance(colour: str) -> float:
    """Relative luminance as the contrast rule of WCAG 2 defines it."""
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("colour", [*COLOURS, figures.MUTED, INK])
def test_colours_stand_out_from_paper(colour: str) -> None:
    assert 1.05 / (luminance(colour) + 0.05) >= 3


@given(st.lists(st.floats(0, 100), min_size=1, max_size=10))
def test_spread_keeps_order_and_distance(values: list[float]) -> None:
    places = without_overlap(values, 3.0)
    order = np.argsort(values, kind="stable")
    assert (np.diff(np.array(places)[order]) >= 3.0 - 1e-9).all()
    inside = np.array(without_overlap(values, 3.0, limits=(0, 100)))[order]
    assert (np.diff(inside) >= 3.0 - 1e-9).all() and inside[0] >= -1e-9 and inside[-1] <= 100 + 1e-9


def test_spread_leaves_alone_what_has_room() -> None:
    assert without_overlap([30.0, 10.0, 20.0], 5.0) == [30.0, 10.0, 20.0]
    assert without_overlap([10.0, 10.0], 4.0) == [8.0, 12.0]


def panel() -> Panel:
    return Panel(ALL[0], "5-way mixed", "omniglot 5f1c0ffe", alt='pairwise 81.0%, "none" 79.0%')


def test_rendering_is_repeatable_and_undated() -> None:
    first, again = render(panel()), render(panel())
    assert (first.svg, first.png) == (again.svg, again.png)
    assert "dc:date" not in first.svg and "matplotlib.org" not in first.svg.split("<defs>")[0].replace("<!--", "")


def test_composed_figures_hold_all_panels() -> None:
    drawings = [render(panel())] * 3
    root = ElementTree.fromstring(compose_svg(drawings, columns=2).encode())
    inner = [child for child in root if child.tag.endswith("svg")]
    assert [float(child.attrib["x"]) for child in inner] == [0, pytest.approx(72 * 3.9), 0]
    assert float(inner[2].attrib["y"]) == pytest.approx(72 * 2.75)
    ids = re.findall(r'\bid="([^"]+)"', compose_svg(drawings, columns=2))
    assert len(set(ids)) == len(ids)
    png = compose_png(drawings, columns=2)
    colours = Image.open(io.BytesIO(png)).convert("RGB").getcolors(1 << 24)
    assert colours is not None
    assert {ImageColor.getrgb(INK), ImageColor.getrgb(COLOURS[0]), (255, 255, 255)} <= {rgb for _, rgb in colours}
    width, height = (int.from_bytes(png[at : at + 4]) for at in (16, 20))
    assert (width, height) == (2 * int(3.9 * PNG_DPI), 2 * int(2.75 * PNG_DPI))


def test_a_palette_never_changes_a_colour_with_a_meaning() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    noise[0] = ImageColor.getrgb(COLOURS[3])
    drawing = Drawing("<svg ></svg>", png_of(noise), 1.0, 1.0, "")
    picture = np.asarray(Image.open(io.BytesIO(compose_png([drawing], 1))).convert("RGB"))
    assert (picture[0] == noise[0]).all()
    few = np.where(noise > 127, 200, 40).astype(np.uint8)
    assert Image.open(io.BytesIO(compose_png([Drawing("<svg ></svg>", png_of(few), 1, 1, "")], 1))).mode == "P"


def png_of(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_inline_svg_takes_the_pages_colours_and_alternative_text() -> None:
    svg = inline_svg(render(panel()).svg, "relation-0", panel().alt)
    assert 'aria-label="pairwise 81.0%, &quot;none&quot; 79.0%"' in svg
    assert "var(--ink)" in svg and INK not in svg and figures.GRID not in svg
    targets = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg))
    ids = set(re.findall(r'\bid="([^"]+)"', svg))
    assert {one or other for one, other in targets} <= ids
    assert all(name.startswith("relation-0-") for name in ids)


def test_groups_without_attributes_go_and_what_they_hold_stays() -> None:
    svg = '<svg>\n<g>\n<g id="a">\n<g>\n<path d="M 0 0"/>\n</g>\n<g/>\n<g clip-path="url(#c)"/>\n</g>\n</g>\n</svg>'
    assert without_bare_groups(svg) == ('<svg>\n<g id="a">\n<path d="M 0 0"/>\n<g clip-path="url(#c)"/>\n</g>\n</svg>')
    drawn = inline_svg(render(panel()).svg, "relation-0", "")
    assert drawn.count("<g ") - len(re.findall("<g [^>]*/>", drawn)) == drawn.count("</g>")
    assert "<g>" not in drawn


def test_a_page_says_each_style_of_its_drawings_once() -> None:
    page = (
        '<style>p { color: red }</style><p style="top: 0">'
        '<svg><path style="fill: none; x: &quot;a&quot;"/><path style="fill: red"/></svg>'
        '<svg><path style="fill: red"/></svg>'
    )
    page += '<svg><path id="a-1"/><use xlink:href="#a-1" clip-path="url(#a-2)"/></svg><svg><clipPath id="b-1"/></svg>'
    assert compact_page(page) == (
        '<style>p { color: red }.s0{fill: none; x: "a"}\n.s1{fill: red}\n</style><p style="top: 0">'
        '<svg><path class="s0"/><path class="s1"/></svg><svg><path class="s1"/></svg>'
        '<svg><path id="i0"/><use xlink:href="#i0" clip-path="url(#a-2)"/></svg><svg><clipPath id="i1"/></svg>'
    )


def labelled(label: str) -> Panel:
    def draw(ax: Axes) -> Axes:
        ax.plot([0, 1], [0, 1])
        ax.text(0.5, 0.5, label)
        ax.set_xlabel(label)
        return ax

    return Panel(draw, label, label)


def drawn_texts(drawing: Drawing) -> list[str]:
    tree = ElementTree.fromstring(drawing.svg)
    return ["".join(element.itertext()) for element in tree.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("label", ["$5 to $6", r"$\frac{1$", "a_b^c", r"\alpha", "<b>&amp;</b>", "100% {x}"])
def test_a_label_is_drawn_as_it_is_and_never_as_mathematics(label: str) -> None:
    assert drawn_texts(render(labelled(label))).count(label) == 4


def test_what_a_user_has_set_in_matplotlib_changes_no_figure_and_applies_again_afterwards() -> None:
    plain = render(labelled("x"))
    own = {"font.size": 22, "axes.grid": True, "lines.linewidth": 9, "text.usetex": True, "axes.facecolor": "red"}
    with mpl.rc_context(own):
        strange = render(labelled("x"))
        assert all(mpl.rcParams[name] == value for name, value in own.items())
    assert (plain.svg, plain.png) == (strange.svg, strange.png)
