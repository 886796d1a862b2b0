"""Figures are functions of a frame: what is drawn is where it should be, nothing global changes."""

import io
import itertools
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
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image, ImageColor
from results_fixture import BIG_SWITCHES, BIG_VARIANTS, make_plan

from leo_bench.figures.accuracy_axis import near_ceiling
from leo_bench.figures.accuracy_by_cost import accuracy_by_cost
from leo_bench.figures.accuracy_by_setting import accuracy_by_setting
from leo_bench.figures.claim_numbers import claim_numbers, ratio_ticks
from leo_bench.figures.forest_plot import forest_plot
from leo_bench.figures.gains import MOST_SHADED, gain_by_error, gains
from leo_bench.figures.intervals import LEAST_SEEDS, interval_over_seeds
from leo_bench.figures.labels import without_overlap
from leo_bench.figures.learning_curves import IN_SAMPLE_DASH, learning_curves
from leo_bench.figures.style import COLOURS, GRID, INK, MUTED, PNG_DPI, VariantStyle, variant_styles
from leo_bench.report.layout import compose_png, compose_svg
from leo_bench.report.panels import Drawing, Panel, render
from leo_bench.report.svg import inline_svg
from leo_bench.statistics import seed_interval

STYLES = {
    "leo": VariantStyle(INK, "o"),
    "none": VariantStyle(COLOURS[0], "s"),
    "pixels": VariantStyle(MUTED, "*"),
    "protonet": VariantStyle(MUTED, "d"),
}


def accuracy_frame(seeds: int = 3) -> pd.DataFrame:
    """leo at 80, 81 and 82%, none at 78, 79 and 80%."""
    rows = [
        {"variant": name, "label": setting, "seed": seed, "accuracy": base + 0.01 * seed}
        for name, setting, base in (("leo", "pairwise", 0.80), ("none", "none", 0.78))
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows).assign(accuracy_ci95=0.005, minutes=[1 + row / 60 for row in range(len(rows))])


def curve_frame(seeds: int = 2) -> pd.DataFrame:
    rows = [
        ("leo", "leo", seed, episode, 0.7 + 0.02 * episode + 0.01 * seed, part, False)
        for part in ("training", "validation")
        for seed in range(seeds)
        for episode in range(4)
    ]
    return pd.DataFrame(rows, columns="variant label seed episode accuracy part in_sample".split())


def effect_frame() -> pd.DataFrame:
    rows = [("none", "no relation", -0.02, -0.03, -0.01), ("protonet", "protonet", 0.1, np.nan, np.nan)]
    return pd.DataFrame(rows, columns="variant label difference low high".split()).assign(kind="seeds")


def gain_frame(last: float = 0.01, seeds: int = 3) -> pd.DataFrame:
    """leo gains 2 points in one step and ends at `last` after 50; none gains half a point in 5."""
    gains = {"leo": {0: 0.0, 1: 0.02, 50: last}, "none": {0: 0.0, 5: 0.005}}
    rows = [
        (name, name, seed, step, gain + (0.001 * (seed - 1) if step else 0))
        for name, steps in gains.items()
        for step, gain in steps.items()
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows, columns="variant label seed step gain".split())


def axes() -> Axes:
    return Figure(figsize=(3.9, 2.7)).add_subplot()


def draw_setting(frame: pd.DataFrame | None = None, **changes: Any) -> Axes:
    given: dict[str, Any] = {"bands": [(0.95, 0.98)] * 2, "band_words": "document: 95 to 98%", "chance": 0.2}
    return accuracy_by_setting(accuracy_frame() if frame is None else frame, STYLES, ax=axes(), **{**given, **changes})


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def points_at(ax: Axes) -> set[tuple[float, float]]:
    """Rounded ends of everything drawn as lines or collections."""
    lines = [tuple(np.round(xy, 4)) for line in ax.lines for xy in np.asarray(line.get_xydata(), float)]
    offsets = [tuple(np.round(xy, 4)) for group in ax.collections for xy in np.asarray(group.get_offsets(), float)]
    return {(float(x), float(y)) for x, y in [*lines, *offsets]}


def row_labels(ax: Axes) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


ALL = [
    partial(accuracy_by_setting, accuracy_frame(), STYLES),
    partial(forest_plot, effect_frame(), STYLES, margin=0.005),
    partial(learning_curves, curve_frame(), STYLES),
    partial(accuracy_by_cost, accuracy_frame(), STYLES, cost="minutes", xlabel="minutes"),
    partial(gains, gain_frame(), STYLES),
    partial(gain_by_error, gain_frame().assign(dataset="leo", test="x", error=0.1), STYLES),
]


@pytest.mark.parametrize("draw", ALL, ids=lambda draw: draw.func.__name__)
def test_every_figure_returns_its_axes_and_leaves_nothing_behind(draw: Any) -> None:
    style, ax = dict(mpl.rcParams), Figure().add_subplot()
    assert draw(ax=ax) is ax
    assert dict(mpl.rcParams) == style
    assert not Gcf.figs  # no figure is registered with pyplot
    assert ax.get_xlabel() and (ax.get_ylabel() or all(row_labels(ax)))


def test_accuracy_by_setting_draws_means_seeds_and_intervals_a_row_each() -> None:
    ax = draw_setting()
    drawn = points_at(ax)
    interval = seed_interval([80.0, 81.0, 82.0])
    assert interval.low is not None and interval.high is not None
    for point in [
        (81.0, 0),
        (79.0, 1),
        (interval.low, 0),
        (interval.high, 0),
        (80.0, 0.28),
        (82.0, 0.28),
        (78.0, 1.28),
    ]:
        assert (round(point[0], 4), point[1]) in drawn, point
    assert row_labels(ax) == ["pairwise", "none"]
    assert {"81.0", "79.0"} <= set(texts(ax))


def test_one_seed_gets_the_dotted_interval_of_its_episodes() -> None:
    ax = draw_setting(accuracy_frame(seeds=1))
    assert {(79.5, 0.0), (80.5, 0.0), (80.0, 0.0)} <= points_at(ax)
    assert (80.0, 0.28) not in points_at(ax)
    bars = [line for line in ax.lines if np.allclose(line.get_xdata(), [79.5, 80.5])]
    assert [line.get_linestyle() for line in bars] == [":"] or all(line.is_dashed() for line in bars)


def test_documented_bands_stand_where_they_apply() -> None:
    ax = draw_setting(bands=[(0.95, 0.98), (0.97, 0.99)])
    assert "document: 95 to 98%" in texts(ax)
    boxes = [group.get_paths()[0].get_extents() for group in ax.collections if len(group.get_offsets()) < 2]
    assert {(95, 98, -0.5, 0.5), (97, 99, 0.5, 1.5)} <= {
        (round(box.x0), round(box.x1), box.y0, box.y1) for box in boxes
    }
    low, high = ax.get_xlim()
    assert low < 78 and high > 99
    assert not any("document" in text for text in texts(draw_setting(bands=[None, None])))


def test_references_are_the_last_rows_and_may_lie_beyond_the_axis() -> None:
    more = pd.DataFrame(
        {"variant": ["protonet", "pixels"], "label": ["ProtoNet", "pixels"], "seed": 0, "accuracy": [0.79, 0.3]}
    )
    frame = pd.concat([accuracy_frame(), more.assign(accuracy_ci95=0.001)])
    ax = draw_setting(frame, references=["protonet", "pixels"])
    assert row_labels(ax) == ["pairwise", "none", "ProtoNet", "pixels"]
    assert (79.0, 2.0) in points_at(ax) and {"79.0", "30.0"} <= set(texts(ax))
    assert heads(ax) == {3: "<"} and ax.get_xlim()[0] > 70
    assert any(np.allclose(line.get_ydata(), 1.5) for line in ax.lines)  # the line above the references


def test_chance_is_drawn_only_where_results_are_near_it() -> None:
    assert " chance" not in texts(draw_setting())
    assert " chance" in texts(draw_setting(accuracy_frame().assign(accuracy=0.21), bands=[]))


def heads(ax: Axes) -> dict[int, str]:
    """Row -> its arrowheads."""
    found: dict[int, str] = {}
    for line in ax.lines:
        if line.get_marker() in ("<", ">"):
            row = round(float(np.asarray(line.get_ydata())[0]))
            found[row] = found.get(row, "") + str(line.get_marker())
    return found


def test_long_intervals_and_large_differences_neither_set_the_forests_axis_nor_end_unmarked() -> None:
    ends = [(1, 0, 2), (-2, -3, -1), (1, -90, 92), (2, 1, 70), (-1, -60, 1), (-60, -61, -59)]
    rows = [("none", f"v{row}", d / 100, low / 100, high / 100) for row, (d, low, high) in enumerate(ends)]
    frame = pd.DataFrame(rows, columns="variant label difference low high".split()).assign(kind="seeds")
    ax = forest_plot(frame, STYLES, margin=0.005, ax=axes())
    assert ax.get_xlim() == pytest.approx((-6, 6))  # 3 times the 2 points that most differences reach
    assert heads(ax) == {2: "<>", 3: ">", 4: "<", 5: "<"}
    drawn = points_at(ax)
    assert {(1.0, 2.0), (2.0, 3.0), (-1.0, 4.0)} <= drawn and max(abs(x) for x, _ in drawn) <= 6 + 1e-9
    assert "-60.0" in texts(ax)


def test_no_variants_mark_is_an_arrowhead() -> None:
    plan = make_plan(BIG_VARIANTS, [0], switches=BIG_SWITCHES, references=["protonet", "untrained", "pixels"])
    assert not {style.marker for style in variant_styles(plan).values()} & {"<", ">"}


def test_below_three_seeds_single_seeds_are_drawn_and_no_interval() -> None:
    two = draw_setting(accuracy_frame(seeds=2), bands=[])
    assert {x for x, y in points_at(two) if abs(y) < 0.3} == {80.0, 80.5, 81.0}  # both seeds and their mean
    curves = learning_curves(curve_frame(), STYLES, ax=axes())
    assert {(3.0, 76.0), (3.0, 77.0), (3.0, 76.5)} <= points_at(curves)
    bands = [path.get_extents() for group in curves.collections for path in group.get_paths()]
    assert all(y <= 77.0 + 1e-9 for box in bands for y in (box.y0, box.y1))


@pytest.mark.parametrize(("seeds", "single", "height"), [(LEAST_SEEDS - 1, LEAST_SEEDS - 1, 0), (LEAST_SEEDS, 0, 2)])
def test_learning_curves_have_a_band_from_the_least_number_of_seeds_on(seeds: int, single: int, height: float) -> None:
    # Seeds are a point apart, so the standard deviation of three is a point, and the interval 4.3027 / sqrt(3) on
    # either side.
    ax = learning_curves(curve_frame(seeds), STYLES, ax=axes())
    thin = [line for line in ax.lines if line.get_linewidth() == 0.6 and len(line.get_xdata()) == 4]
    assert len(thin) == single
    (band,) = [path.vertices for group in ax.collections for path in group.get_paths() if len(path.vertices) > 4]
    at_the_start = band[band[:, 0] == 0, 1]
    assert np.ptp(at_the_start) == pytest.approx(height * 4.302653 / np.sqrt(3), abs=1e-6)


def test_intervals_end_at_nothing_and_at_all() -> None:
    ax = draw_setting(accuracy_frame().assign(accuracy=[1.0, 0.99, 0.8, 0.0, 0.01, 0.2]), bands=[])
    assert {x for x, y in points_at(ax) if y in (0.0, 1.0)} >= {0.0, 100.0}
    assert all(0 <= x <= 100 for x, y in points_at(ax) if y in (0.0, 1.0))


def test_validation_on_characters_that_were_trained_on_is_dotted() -> None:
    both = pd.concat([curve_frame(), curve_frame().assign(variant="none", label="none, in-sample", in_sample=True)])
    ax = learning_curves(both, STYLES, ax=axes())
    curves = [line for line in ax.lines if line.get_linewidth() == 1.5 and len(line.get_xdata()) > 1]
    dashes = {line.get_color(): line._unscaled_dash_pattern for line in curves}  # type: ignore[attr-defined]
    assert dashes[INK] == (0, None)
    assert dashes[COLOURS[0]] == IN_SAMPLE_DASH
    assert {"leo", "none, in-sample"} <= set(texts(ax))


@pytest.mark.parametrize("most", [3_000, 9_000, 29_000, 48_000, 60_000, 99_000, 154_000, 480_000])
def test_numbers_of_episodes_do_not_touch_in_a_panel(most: int) -> None:
    """Numbers as long as these touch if there are many, in an axis of 1.6 inches as beside long labels."""
    frame = curve_frame()
    figure = Figure(figsize=(3.9, 2.75), dpi=PNG_DPI)
    ax = figure.add_axes((0.1, 0.2, 1.6 / 3.9, 0.6))
    learning_curves(frame.assign(episode=frame["episode"] * (most / 3)), STYLES, ax=ax)
    FigureCanvasAgg(figure).draw()
    low, high = ax.get_xlim()
    shown = [label for tick, label in zip(ax.get_xticks(), ax.get_xticklabels(), strict=True) if low <= tick <= high]
    boxes = [label.get_window_extent() for label in shown]
    assert len(boxes) >= 2
    assert all(left.x1 + 2 < right.x0 for left, right in itertools.pairwise(boxes))


def test_long_labels_of_learning_curves_are_broken_into_lines() -> None:
    """A label of one long line would leave the axes no width."""
    long = curve_frame().assign(label="MAML by its published protocol, transductive, in-sample")
    (label,) = [text for text in texts(learning_curves(long, STYLES, ax=axes())) if text.startswith("MAML")]
    assert label == "MAML by its published\nprotocol, transductive,\nin-sample"


def test_learning_curves_are_means_over_seeds() -> None:
    assert {(0.0, 70.5), (3.0, 76.5)} <= points_at(learning_curves(curve_frame(), STYLES, ax=axes()))


def test_gains_end_with_their_last_value_on_a_scale_of_steps() -> None:
    ax = gains(gain_frame(), STYLES, ax=axes())
    assert {"leo +1.0", "none +0.5"} <= set(texts(ax))
    assert {(0.0, 0.0), (1.0, 2.0), (50.0, 1.0), (5.0, 0.5)} <= points_at(ax)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "1", "5", "50"]


def test_small_gains_do_not_fill_the_axis_and_a_collapse_does_not_flatten_the_rest() -> None:
    low, high = gains(gain_frame().query("variant == 'none'"), STYLES, ax=axes()).get_ylim()
    assert low < -0.5 and high > 0.5
    ax = gains(gain_frame(last=-0.6), STYLES, ax=axes())
    assert ax.get_yscale() == "symlog" and ax.get_ylim()[0] < -60
    heights = ax.transScale.transform([(1, 0.0), (1, 2.0), (1, -60.0)])[:, 1]
    assert heights[1] - heights[0] > (heights[0] - heights[2]) / 4  # 2 points up are not lost beside 60 down


@pytest.mark.parametrize(("n_lines", "n_shaded"), [(MOST_SHADED, MOST_SHADED), (MOST_SHADED + 1, 0)])
def test_intervals_of_many_lines_are_left_out(n_lines: int, n_shaded: int) -> None:
    one = gain_frame().query("variant == 'leo'")
    frame = pd.concat(one.assign(variant=f"v{number}", label=f"v{number}") for number in range(n_lines))
    styles = dict.fromkeys(frame["variant"], VariantStyle(INK, "o"))
    ax = gains(frame, styles, ax=axes())
    assert len(ax.collections) == n_shaded
    assert sum(len(line.get_xdata()) == one["step"].nunique() for line in ax.lines) == n_lines


def claim_frame(*rows: tuple[float, float, float, float, float]) -> pd.DataFrame:
    """Rows of value, low, high, above and below, NaN for none."""
    frame = pd.DataFrame(rows, columns="value low high above below".split())
    return frame.assign(label=[f"row {row}" for row in frame.index], outcome="holds", words="")


def test_what_a_statement_asks_is_shaded_to_the_end_of_the_axis() -> None:
    nan = float("nan")
    frame = claim_frame((1.0, 0.5, 1.5, 0.5, nan), (-1.0, -2.0, 0.0, nan, -0.5), (0.2, 0.1, 0.3, -0.5, 0.5))
    ax = claim_numbers(frame, xlabel="points", same=0.0, label_width=20, ax=axes())
    low, high = ax.get_xlim()
    bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in ax.patches]  # type: ignore[attr-defined]
    assert bars == [pytest.approx(ends) for ends in [(0.5, high), (low, -0.5), (-0.5, 0.5)]]
    assert low < -2 and high > 1.5


def test_one_number_far_from_the_others_does_not_flatten_them_and_a_log_axis_has_round_ticks() -> None:
    nan = float("nan")
    near = [(value, value - 1, value + 1, 0.5, nan) for value in (-2.0, 1.0, 2.0, 3.0)]
    ax = claim_numbers(
        claim_frame((-71.0, -74.0, -68.0, 0.5, nan), *near), xlabel="", same=0.0, label_width=20, ax=axes()
    )
    assert -10 < ax.get_xlim()[0] < -3
    assert any(line.get_marker() == "<" for line in ax.lines)
    ratios = claim_frame((0.12, 0.11, 0.13, nan, 1.0), (1.08, 0.98, 1.19, nan, 1.0))
    ax = claim_numbers(ratios, xlabel="", same=1.0, log=True, label_width=20, ax=axes())
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0.2", "0.5", "1"]
    ax = claim_numbers(
        claim_frame((1.01, 0.96, 1.04, 1.0, nan)), xlabel="", same=1.0, log=True, label_width=20, ax=axes()
    )
    assert {"0.98", "1", "1.02"} <= {tick.get_text() for tick in ax.get_xticklabels()}


@pytest.mark.parametrize(
    ("low", "high"), [(0.92, 1.03), (0.9, 2.2), (2.1, 5.3), (5.2, 14), (0.12, 1.1), (1e-4, 30), (1e-8, 1e9)]
)
def test_ticks_of_ratios_are_few_and_round_and_name_no_change(low: float, high: float) -> None:
    ticks = ratio_ticks(low, high)
    assert 2 <= len(ticks) <= 9 and ticks == sorted(ticks)
    assert all(low <= tick <= high and len(f"{tick:g}") <= 6 for tick in ticks)
    assert (1 in ticks) == (low <= 1 <= high)


def test_nothing_impossible_is_shaded_and_what_is_not_finite_leaves_the_axis() -> None:
    nan, inf = float("nan"), float("inf")
    ax = claim_numbers(claim_frame((98.4, 98.2, 98.6, 95, nan)), xlabel="", most=100.0, label_width=20, ax=axes())
    (bar,) = ax.patches
    assert bar.get_x() + bar.get_width() <= 100  # type: ignore[attr-defined]
    ax = claim_numbers(
        claim_frame((inf, nan, nan, 0.5, nan), (1, 0, 2, 0.5, nan)), xlabel="", label_width=20, ax=axes()
    )
    assert np.isfinite(ax.get_xlim()).all()


def test_costs_stand_beside_means_with_the_interval_of_the_accuracy() -> None:
    ax = draw_cost(accuracy_frame())
    interval = seed_interval([80.0, 81.0, 82.0])
    assert interval.low is not None
    at = round(61 / 60, 4)
    assert {(at, 81.0), (at, round(interval.low, 4))} <= points_at(ax)
    assert {"pairwise 81.0", "none 79.0"} == set(texts(ax))
    assert ax.get_xscale() == "linear" and ax.get_xlim()[0] == 0


def draw_cost(frame: pd.DataFrame) -> Axes:
    return accuracy_by_cost(frame, STYLES, cost="minutes", xlabel="minutes", ax=axes())


def test_costs_that_differ_much_are_on_a_log_scale_that_has_zero_if_a_cost_is_zero() -> None:
    wide = accuracy_frame().assign(minutes=[1.0] * 3 + [90.0] * 3)
    ax = draw_cost(wide)
    assert ax.get_xscale() == "symlog" and ax.get_xlabel() == "minutes (log scale)"
    assert list(ax.get_xticks()) == [1, 3, 10, 30, 100]
    free = draw_cost(pd.concat([wide, wide[:3].assign(variant="pixels", label="pixels", minutes=0.0)]))
    assert list(free.get_xticks()) == [0, 1, 3, 10, 30, 100] and (0.0, 81.0) in points_at(free)


def test_near_the_ceiling_is_where_the_median_variant_is() -> None:
    assert not near_ceiling(accuracy_frame())
    high = accuracy_frame().assign(accuracy=[0.99, 0.99, 0.99, 0.2, 0.2, 0.2])
    assert not near_ceiling(high)  # the median of 99 and 20 is 59.5
    third = high[:3].assign(variant="protonet")
    assert near_ceiling(pd.concat([high, third]))


@pytest.mark.parametrize("draw", [ALL[0], ALL[2], ALL[3]], ids=lambda draw: draw.func.__name__)
def test_the_error_axis_shows_errors_small_ones_at_its_end(draw: Any) -> None:
    (frame, *rest), keywords = draw.args, draw.keywords
    high = frame.assign(accuracy=0.97 + frame["accuracy"] / 50)
    ax = draw.func(high, *rest, **keywords, error=True, ax=axes())
    across = draw.func is accuracy_by_setting
    axis, low, top = (ax.xaxis, *ax.get_xlim()) if across else (ax.yaxis, *ax.get_ylim())
    assert axis.get_label_text() == "error, % (log scale)"
    assert low < top < 100
    ticks = [tick for tick in axis.get_majorticklocs() if low <= tick <= top]
    errors = [float(axis.get_major_formatter()(tick, 0)) for tick in ticks]
    assert errors == pytest.approx([100 - tick for tick in ticks]) and len(errors) > 2
    # equal factors of error are equal heights: from 4% to 2% as from 2% to 1%
    heights = ax.transScale.transform([(at, at) if across else (0, at) for at in (96, 98, 99)])[:, 0 if across else 1]
    assert heights[2] - heights[1] == pytest.approx(heights[1] - heights[0]) and heights[1] > heights[0]


def test_a_perfect_score_stays_on_the_error_axis() -> None:
    ax = learning_curves(curve_frame().assign(accuracy=1.0), STYLES, error=True, ax=axes())
    assert np.isfinite(ax.get_ylim()).all() and np.isfinite(ax.transScale.transform([(0, 100.0)])).all()


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


@pytest.mark.parametrize("colour", [*COLOURS, MUTED, INK])
def test_colours_stand_out_from_paper(colour: str) -> None:
    assert 1.05 / (luminance(colour) + 0.05) >= 3


@given(st.lists(st.floats(0, 100), min_size=1, max_size=10))
def test_labels_keep_order_and_distance(values: list[float]) -> None:
    order = np.argsort(values, kind="stable")
    places = np.array(without_overlap(values, 3.0))[order]
    assert (np.diff(places) >= 3.0 - 1e-9).all()
    inside = np.array(without_overlap(values, 3.0, limits=(0, 100)))[order]
    assert (np.diff(inside) >= 3.0 - 1e-9).all() and inside[0] >= -1e-9 and inside[-1] <= 100 + 1e-9


def test_labels_with_room_stay_and_others_move_as_little_as_they_can() -> None:
    assert without_overlap([30.0, 10.0, 20.0], 5.0) == [30.0, 10.0, 20.0]
    assert without_overlap([10.0, 10.0], 4.0) == [8.0, 12.0]
    # heights 2 and 6: their middles are 4 apart, and both move by the same
    assert without_overlap([10.0, 10.0], [2.0, 6.0]) == [8.0, 12.0]
    assert without_overlap([], 1.0) == []


def test_a_panel_is_as_wide_beside_its_axes_as_what_is_drawn_there() -> None:
    long = accuracy_frame().assign(label="a setting with a name much longer than all the others")
    drawn = partial(accuracy_by_setting, long, STYLES)
    lines = partial(gains, gain_frame().assign(label="a long name of a line"), STYLES)
    for draw in (drawn, lines):
        axes: list[Axes] = []

        def kept(ax: Axes, draw: Any = draw, axes: list[Axes] = axes) -> Axes:
            axes.append(draw(ax=ax))
            return ax

        render(Panel(kept, "title", "data"))
        box = axes[0].get_tightbbox()
        assert box is not None and 0 <= box.x0 < 30 and 0 <= PNG_DPI * 3.9 - box.x1 < 30


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
    before = np.asarray(Image.open(io.BytesIO(drawings[0].png)), int)
    after = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), int)[: before.shape[0], : before.shape[1]]
    assert np.abs(after - before).max() <= 24, "no line takes the colour of another one"


def test_a_palette_never_changes_a_colour_with_a_meaning() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    noise[0] = ImageColor.getrgb(COLOURS[3])
    drawing = Drawing("<svg ></svg>", png_of(noise), 1.0, 1.0, "")
    picture = Image.open(io.BytesIO(compose_png([drawing], 1)))
    assert picture.mode == "P", "the other colours are as many as a palette has"
    assert (np.asarray(picture.convert("RGB"))[0] == noise[0]).all()
    few = np.where(noise > 127, 200, 40).astype(np.uint8)
    assert Image.open(io.BytesIO(compose_png([Drawing("<svg ></svg>", png_of(few), 1, 1, "")], 1))).mode == "P"


@pytest.mark.parametrize("draw", ALL, ids=lambda draw: draw.func.__name__)
def test_all_text_of_a_figure_takes_a_colour_of_the_page(draw: Any) -> None:
    svg = inline_svg(render(Panel(draw, "title", "alt")).svg, "figure-0", "alt")
    words = re.findall(r"<text[^>]*>", svg)
    assert words and all("fill: var(--" in word for word in words), words


def png_of(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_inline_svg_takes_the_pages_colours_and_alternative_text() -> None:
    svg = inline_svg(render(panel()).svg, "relation-0", panel().alt)
    assert 'aria-label="pairwise 81.0%, &quot;none&quot; 79.0%"' in svg
    assert "var(--ink)" in svg and INK not in svg and GRID not in svg
    targets = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg))
    ids = set(re.findall(r'\bid="([^"]+)"', svg))
    assert {one or other for one, other in targets} <= ids
    assert all(name.startswith("relation-0-") for name in ids)


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


def test_a_line_is_drawn_from_three_seeds_on() -> None:
    # Mean 50 and standard deviation 1: the t interval of three seeds is 4.3027 / sqrt(3) wide on either side.
    half = 4.302653 / np.sqrt(3)
    assert LEAST_SEEDS == 3
    assert interval_over_seeds(pd.Series([49.0, 50.0, 51.0])) == pytest.approx((50 - half, 50 + half))
    assert interval_over_seeds(pd.Series([49.0, 51.0])) == (50, 50)
    assert interval_over_seeds(pd.Series([50.0])) == (50, 50)
    # cut where no accuracy can be
    assert interval_over_seeds(pd.Series([90.0, 95.0, 100.0]))[1] == 100
    assert interval_over_seeds(pd.Series([0.0, 1.0, 5.0]))[0] == 0
