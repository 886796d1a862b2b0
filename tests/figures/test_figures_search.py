"""Figures of a search: what is drawn is where it should be; colours, axes and cells by hand."""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from leo_bench import figures
from leo_bench.figures import COLOURS, INK, MUTED, PAPER, RAMP, Scale, accuracy_limits, colour_bounds
from leo_bench.figures.colour_scale import accuracy_colours
from leo_bench.figures.search.parameter_axis import log_ticks, number_words
from leo_bench.figures.search.parameters import cell_means

RATE = Scale("inner_lr", 0.005, 0.05, log=True)
STEPS = Scale("inner_steps", 3, 10, whole=True)
ENCODER = Scale("encoder", choices=("separate", "shared"))
BOUNDS = (0.7, 0.9)


def trials() -> pd.DataFrame:
    """Complete, pruned and failed trials; trial 3 is the best, trial 4 far below the rest."""
    rows = [
        (0, "complete", 0.80, 0.80, 0.005, 3.0, "separate"),
        (1, "pruned", np.nan, 0.75, 0.05, 4.0, "shared"),
        (2, "failed", np.nan, np.nan, 0.01, 5.0, "shared"),
        (3, "complete", 0.90, 0.89, 0.02, 3.0, "shared"),
        (4, "complete", 0.20, 0.20, 0.04, 10.0, "separate"),
        (5, "complete", 0.88, 0.88, 0.03, 6.0, "shared"),
    ]
    return pd.DataFrame(rows, columns="number state accuracy last inner_lr inner_steps encoder".split())


def complete() -> pd.DataFrame:
    return trials()[trials()["state"] == "complete"].reset_index(drop=True)


def marks(ax: Axes, marker: str) -> list[tuple[float, float]]:
    """(x, y) of everything drawn as lines with this marker."""
    found = [line for line in ax.lines if line.get_marker() == marker and line.get_transform() is not ax.transAxes]
    return [(float(x), float(round(y, 6))) for line in found for x, y in np.asarray(line.get_xydata(), float)]


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def arrowheads(ax: Axes) -> list[float]:
    """Places on the x axis of what lies below the lower edge."""
    edge = ax.get_xaxis_transform()
    return [
        float(x) for group in ax.collections if group.get_offset_transform() == edge for x, _ in group.get_offsets()
    ]


def test_the_better_half_has_room_and_what_is_far_below_is_cut() -> None:
    # top 90, median 75: the upper half is 15 points and takes 0.3 of an axis of 50, so 10 lies below 40
    low, high = accuracy_limits([90, 80, 70, 10])
    assert (low, high) == (pytest.approx(40 - 0.06 * 50), pytest.approx(90 + 0.08 * 50))
    # a larger share for the upper half leaves less room below: 15 / 0.5 = 30 points
    assert accuracy_limits([90, 80, 70, 10], share=0.5)[0] == pytest.approx(60 - 0.06 * 30)
    # nothing is far below: the axis goes from the least, with others taken in
    assert accuracy_limits([90, 80, 70], [65])[0] == pytest.approx(65 - 0.06 * 25)
    # values next to each other still get an axis of two points
    assert accuracy_limits([80.0, 80.0]) == (pytest.approx(80 - 0.12), pytest.approx(80 + 0.16))
    assert accuracy_limits([97, 98, 99], error=True) == (pytest.approx(100 - 1.1 * 3), pytest.approx(100 - 0.6))


@given(st.lists(st.floats(0, 100), min_size=1, max_size=30), st.floats(0.1, 0.9))
def test_the_better_half_is_never_cut(values: list[float], share: float) -> None:
    low, high = accuracy_limits(values, share=share)
    assert all(low <= value < high for value in values if value >= np.median(values))


def test_the_ramp_goes_from_low_to_high_and_gives_half_of_itself_to_the_better_half() -> None:
    assert accuracy_colours([0.7, 0.9, 0.1, 1.0], (0.7, 0.9)) == [RAMP[0], RAMP[6], RAMP[0], RAMP[6]]
    assert accuracy_colours([0.7 + 0.2 * 3.5 / 7], (0.7, 0.9)) == [RAMP[3]]
    # median 0.8, top 0.9: colours begin 0.2 below the top
    assert colour_bounds([0.1, 0.78, 0.82, 0.9]) == (pytest.approx(0.7), pytest.approx(0.9))
    assert accuracy_colours([0.5], colour_bounds([0.5])) == [RAMP[6]]


def test_places_on_a_scale() -> None:
    assert RATE.shares([0.005, 0.005 * 10**0.5, 0.05]).tolist() == pytest.approx([0, 0.5, 1])
    assert STEPS.shares([3, 6.5, 10]).tolist() == pytest.approx([0, 0.5, 1])
    assert ENCODER.places(["shared", "separate"]).tolist() == [1, 0]
    assert ENCODER.shares([0, 1]).tolist() == pytest.approx([0.25, 0.75])
    assert Scale("x", 2, 2).shares([2]).tolist() == [0.5]


def test_ticks_name_the_ends_of_a_range_and_every_choice() -> None:
    assert [text for _, text in STEPS.ticks()] == [str(step) for step in range(3, 11)]
    assert [text for _, text in RATE.ticks()] == ["0.005", "0.01", "0.02", "0.05"]
    dims = [text for _, text in Scale("latent_dim", 32, 128, whole=True).ticks()]
    assert (dims[0], dims[-1]) == ("32", "128") and len(dims) > 2
    # 0.01 is 12% of the way from 0.0075 to 0.08, so its number would touch the end's
    assert [text for _, text in Scale("x", 0.0075, 0.08, log=True).ticks()] == ["0.0075", "0.02", "0.05", "0.08"]
    assert ENCODER.ticks() == [(0.0, "separate"), (1.0, "shared")]
    assert log_ticks(0.0001, 0.01) == pytest.approx([0.0001, 0.001, 0.01])
    assert len(log_ticks(30, 55)) >= 3
    assert [number_words(value) for value in (0.02134, 58.14, 1075.8)] == ["0.0213", "58.1", "1,076"]


def test_history_marks_every_trial_and_the_best_so_far() -> None:
    ax = figures.search_history(trials(), best=3)
    assert set(marks(ax, "o")) == {(0.0, 80.0), (3.0, 90.0), (5.0, 88.0)}
    assert arrowheads(ax) == [4.0]
    assert marks(ax, "x") == [(1.0, 75.0)]
    assert marks(ax, "|") == [(2.0, 0.0)]  # the lower edge
    assert marks(ax, "*") == [(3.0, 90.0)]
    (line,) = [line for line in ax.lines if line.get_drawstyle() == "steps-post"]
    assert np.asarray(line.get_xydata()).tolist() == [[0, 80], [3, 90], [4, 90], [5, 90], [5.5, 90]]
    assert {"best, trial 3", "complete", "pruned", "failed", "best so far"} <= set(texts(ax))
    whole = figures.search_history(trials()[trials()["state"] == "complete"], best=3)
    assert not {"pruned", "failed"} & set(texts(whole))


def curve_frame() -> pd.DataFrame:
    rows = [
        (0, "complete", 250, 0.5, 0.70), (0, "complete", 500, 0.7, 0.70), (1, "complete", 250, 0.6, 0.90),
        (1, "complete", 500, 0.9, 0.90), (2, "pruned", 250, 0.4, np.nan), (3, "running", 250, 0.45, np.nan),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns="number state episode accuracy final".split())


def test_curves_are_coloured_by_where_they_end_and_pruned_ones_end_in_a_cross() -> None:
    ax = figures.trial_curves(curve_frame(), best=1, bounds=BOUNDS)
    lines = {
        tuple(np.asarray(line.get_ydata(), float).round(1)): line for line in ax.lines if len(line.get_ydata()) > 1
    }
    assert to_hex(lines[50.0, 70.0].get_color()) == RAMP[0]
    best = lines[60.0, 90.0]
    assert to_hex(best.get_color()) == RAMP[6] and best.get_linewidth() > lines[50.0, 70.0].get_linewidth()
    assert marks(ax, "x") == [(250.0, 40.0)] and marks(ax, "*") == [(500.0, 90.0)]
    assert {"70.0", "80.0", "90.0"} <= set(texts(ax))
    plain = figures.trial_curves(curve_frame().query("state == 'pruned'"), best=None, bounds=None)
    assert texts(plain) == []  # no key to colours that nothing has


def importance_frame() -> pd.DataFrame:
    rows = [
        ("outer_lr", 0.6, 0.4, 0.8, False),
        ("inner_lr", 0.2, 0.1, 0.3, False),
        ("planted noise", 0.1, 0, 0.15, True),
    ]
    return pd.DataFrame(rows, columns="parameter importance low high planted".split())


def test_importance_above_the_floor_is_filled() -> None:
    ax = figures.search_importance(importance_frame())
    assert figures.importance_floor(importance_frame()) == 0.15
    assert figures.importance_floor(importance_frame()[:2]) == 0.0
    faces = {
        (float(line.get_xdata()[0]), float(line.get_ydata()[0])): to_hex(line.get_markerfacecolor())
        for line in ax.lines
        if line.get_marker() in "od"
    }
    # inner_lr begins at 0.1, below the floor of 0.15
    assert faces == {(0.6, 0.0): COLOURS[0], (0.2, 1.0): PAPER, (0.1, 2.0): MUTED}
    assert [label.get_text() for label in ax.get_yticklabels()] == ["outer_lr", "inner_lr", "planted noise"]
    assert any(patch.get_width() == pytest.approx(0.15) for patch in ax.patches)


def test_parts_of_ranges_have_their_verdict_and_count() -> None:
    rows = [
        ("outer_lr", "low", 0.6, 0.02, 3, "bad"), ("outer_lr", "high", 0.85, 0.01, 5, "good"),
        ("encoder", "shared", 0.8, np.nan, 1, "open"), ("encoder", "separate", np.nan, np.nan, 0, "open"),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns="parameter text mean std_error n_trials verdict".split())
    ax = figures.range_parts(frame, overall=0.7)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["outer_lr", "low", "high", "encoder", "shared", "separate"]
    assert [text for text in texts(ax) if text != "trials"] == ["3, bad", "5, good", "1", "0"]
    drawn = {line.get_marker(): float(line.get_xdata()[0]) for line in ax.lines if line.get_marker() in "osD"}
    assert drawn == {"s": pytest.approx(60), "o": pytest.approx(85), "D": pytest.approx(80)}


def test_parallel_coordinates_go_through_every_setting_to_the_accuracy() -> None:
    ax = figures.parallel_coordinates(complete(), [RATE, STEPS, ENCODER], bounds=BOUNDS, best=3)
    lines = [np.asarray(line.get_xydata()) for line in ax.lines if len(line.get_xdata()) == 4]
    assert len(lines) == 4
    paths = {round(float(line[0, 0]), 3): line for line in lines}
    best = paths[round(float(RATE.shares([0.02])[0]), 3)]
    assert best[:, 1].tolist() == [0, 1, 2, 3]
    assert best[1, 0] == 0 and best[3, 0] == 1  # 3 steps; 90%, the end of the colours
    assert 0.5 < best[2, 0] < 1  # in the half of the second choice
    worst = paths[round(float(RATE.shares([0.04])[0]), 3)]
    assert worst[3, 0] == 0 and worst[1, 0] == 1
    both = sorted(line[2, 0] for line in lines if line[2, 0] > 0.5)
    assert len(set(both)) == 2  # lines of one choice are told apart
    assert {"inner_lr", "inner_steps", "encoder", "accuracy, %"} <= set(texts(ax))


def test_a_slice_has_a_point_a_trial_and_ticks_for_pruned_ones() -> None:
    ax = figures.accuracy_slice(trials(), STEPS, best=3)
    points = {(float(x), float(y)) for group in ax.collections for x, y in group.get_offsets() if y > 1}
    assert points == {(3.0, 80.0), (6.0, 88.0)}
    assert arrowheads(ax) == [10.0]
    assert marks(ax, "*") == [(3.0, 90.0)]
    assert marks(ax, "|") == [(4.0, 1.0)]  # the upper edge
    choices = figures.accuracy_slice(trials(), ENCODER, best=3)
    assert [label.get_text() for label in choices.get_xticklabels()] == ["separate", "shared"]


def test_cells_hold_the_means_of_their_trials() -> None:
    x, y = np.array([3, 4, 5, 10]), np.array([0, 0, 1, 1])
    means = cell_means(x, y, [0.8, 0.6, 0.9, 0.5], [2.5, 4.5, 10.5], [-0.5, 0.5, 1.5])
    assert means == {(0, 0): pytest.approx(0.7), (1, 1): pytest.approx(0.7)}
    # on an edge: the cell after it; at the ends, the cells there are
    assert cell_means(np.array([0, 1, 2]), np.zeros(3), [0.1, 0.2, 0.3], [0, 1, 2], [0, 1]) == {
        (0, 0): pytest.approx(0.1),
        (1, 0): pytest.approx(0.25),
    }


def test_a_map_shows_each_trial_over_the_mean_of_its_cell() -> None:
    edges = ([0.005, 0.0158, 0.05], [2.5, 6.5, 10.5])
    ax = figures.accuracy_map(complete(), (RATE, STEPS), edges, bounds=BOUNDS, best=3)
    cells = {(patch.get_x(), patch.get_y()): to_hex(patch.get_facecolor()) for patch in ax.patches if patch.get_x() < 1}
    # left, few steps: 80% alone; right: 90 and 88, mean 89, and 20 with many steps; the fourth cell is open
    assert cells == {(0.005, 2.5): RAMP[3], (0.0158, 2.5): RAMP[6], (0.0158, 6.5): RAMP[0]}
    assert sum(len(group.get_offsets()) for group in ax.collections) == 4
    assert ax.get_xscale() == "log" and ax.get_yscale() == "linear"


def front_frame() -> pd.DataFrame:
    rows = [(0, 0.8, 1e8, True), (1, 0.9, 4e8, True), (2, 0.85, 5e8, False)]
    return pd.DataFrame(rows, columns="number accuracy multiply_adds on_front".split())


def test_the_front_is_joined_and_what_was_chosen_is_named() -> None:
    ax = figures.search_front(front_frame(), chosen={1: "trial 1, best"})
    (line,) = [line for line in ax.lines if line.get_drawstyle() == "steps-post"]
    assert np.asarray(line.get_xydata()).tolist() == [[100, 80], [400, 90]]
    assert ax.get_xscale() == "log"
    assert marks(ax, "*") == [(400.0, 90.0)]
    assert "trial 1, best" in texts(ax)
    assert any(to_hex(mark.get_color()) == INK for mark in ax.lines if mark.get_marker() == "*")


ALL: list[Any] = [
    lambda ax: figures.search_history(trials(), best=3, error=True, ax=ax),
    lambda ax: figures.trial_curves(curve_frame(), best=1, bounds=BOUNDS, error=True, ax=ax),
    lambda ax: figures.search_importance(importance_frame(), ax=ax),
    lambda ax: figures.parallel_coordinates(complete(), [RATE], bounds=BOUNDS, best=3, ax=ax),
    lambda ax: figures.accuracy_slice(trials(), RATE, best=3, error=True, ax=ax),
    lambda ax: figures.accuracy_map(
        complete(), (ENCODER, STEPS), ([-0.5, 0.5, 1.5], [2.5, 10.5]), bounds=BOUNDS, best=3, ax=ax
    ),
    lambda ax: figures.search_front(front_frame(), chosen={}, error=True, ax=ax),
]


@pytest.mark.parametrize("draw", ALL)
def test_every_figure_returns_its_axes_and_leaves_nothing_behind(draw: Any) -> None:
    style, ax = dict(mpl.rcParams), Figure().add_subplot()
    assert draw(ax) is ax
    assert dict(mpl.rcParams) == style
