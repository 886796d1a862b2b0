"""Figures of a search: marks, bars and axes are where the numbers say, worked by hand."""

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
from leo_bench.figures import COLOURS, MUTED, PAPER, accuracy_limits
from leo_bench.figures.search.trials import part_edges
from leo_bench.records.search import Parameter

RATE = Parameter(name="inner_lr", low=0.005, high=0.05, log=True)
STEPS = Parameter(name="inner_steps", low=3, high=10, whole=True)
ENCODER = Parameter(name="encoder", choices=["separate", "shared"])
PARTS = pd.DataFrame(
    [
        (3.0, 6.0, None, 0.84, 0.02, "bad"),
        (7.0, 10.0, None, 0.88, 0.01, "good"),
        (None, None, "shared", 0.8, np.nan, "open"),
    ],
    columns="low high choice mean std_error verdict".split(),
)
"""Two parts of inner_steps, then one of encoder."""


def trials() -> pd.DataFrame:
    """Complete, pruned and failed trials; trial 3 is the best, trial 4 far below the rest."""
    rows = [
        (0, "complete", 0.80, 0.005, 3.0, "separate"),
        (1, "pruned", np.nan, 0.05, 4.0, "shared"),
        (2, "failed", np.nan, 0.01, 5.0, "shared"),
        (3, "complete", 0.90, 0.02, 3.0, "shared"),
        (4, "complete", 0.20, 0.04, 10.0, "separate"),
        (5, "complete", 0.88, 0.03, 6.0, "shared"),
    ]
    return pd.DataFrame(rows, columns="number state accuracy inner_lr inner_steps encoder".split())


def marks(ax: Axes, marker: str) -> list[tuple[float, float]]:
    """(x, y) of everything drawn as lines with this marker."""
    found = [line for line in ax.lines if line.get_marker() == marker]
    return [(float(x), round(float(y), 6)) for line in found for x, y in np.asarray(line.get_xydata(), float)]


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


def test_importance_above_the_floor_is_filled() -> None:
    rows = [("outer_lr", 0.6, 0.4, 0.8, False), ("inner_lr", 0.2, 0.1, 0.3, False), ("noise", 0.1, 0, 0.15, True)]
    frame = pd.DataFrame(rows, columns="parameter importance low high planted".split())
    ax = figures.search_importance(frame)
    assert (figures.importance_floor(frame), figures.importance_floor(frame[:2])) == (0.15, 0.0)
    # inner_lr begins at 0.1, below the floor of 0.15
    faces = {line.get_xdata()[0]: to_hex(line.get_markerfacecolor()) for line in ax.lines if line.get_marker() in "od"}
    assert faces == {0.6: COLOURS[0], 0.2: PAPER, 0.1: MUTED}
    assert [label.get_text() for label in ax.get_yticklabels()] == ["outer_lr", "inner_lr", "noise"]
    assert any(patch.get_width() == pytest.approx(0.15) for patch in ax.patches)


def test_every_trial_has_its_mark_and_every_part_its_bar() -> None:
    # top 90, median 84: the upper half is 6 points and takes 0.15 of an axis of 40, so 20 lies below 50
    ax = figures.accuracy_by_parameter(trials(), STEPS, PARTS[:2], best=3)
    edge = ax.get_xaxis_transform()
    below = [group.get_offsets().tolist() for group in ax.collections if group.get_offset_transform() == edge]
    assert below == [[[10.0, 0.0]]]
    points = [group.get_offsets().tolist() for group in ax.collections if group.get_offset_transform() == ax.transData]
    assert [[3.0, 80.0], [6.0, 88.0]] in points
    assert marks(ax, "*") == [(3.0, 90.0)]
    assert marks(ax, "|") == [(4.0, 1.0)]  # the upper edge
    bars = {
        to_hex(line.get_color()): np.asarray(line.get_xydata()).tolist()
        for line in ax.lines
        if line.get_marker() == "None"
    }
    assert bars == {COLOURS[1]: [[2.5, 84], [6.5, 84]], COLOURS[2]: [[6.5, 88], [10.5, 88]]}
    assert [(text.get_text(), text.get_position()[0]) for text in ax.texts] == [("bad", 4.5), ("good", 8.5)]
    assert ax.get_xlim() == (2.5, 10.5)


def test_edges_of_parts_and_ticks_follow_the_scale() -> None:
    steps, shared = PARTS.iloc[0].to_dict(), PARTS.iloc[2].to_dict()
    assert part_edges(STEPS, steps) == (2.5, 6.5)
    assert part_edges(RATE, {"low": 0.005, "high": 0.01}) == (0.005, 0.01)
    assert part_edges(ENCODER, shared) == (0.5, 1.5)
    assert part_edges(Parameter(name="x", choices=[False, True]), {"choice": "True"}) == (0.5, 1.5)
    ax = figures.accuracy_by_parameter(trials(), ENCODER, PARTS[2:], best=3)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["separate", "shared"]
    assert len({float(x) for group in ax.collections for x, y in group.get_offsets() if x > 0.5 and y > 1}) == 1
    ax = figures.accuracy_by_parameter(trials(), RATE, PARTS[:0], best=3)
    assert ax.get_xscale() == "log"
    low, high = ax.get_xlim()
    assert [tick for tick in ax.get_xticks() if low <= tick <= high] == pytest.approx([0.005, 0.01, 0.02, 0.05])


def test_the_front_is_joined_in_steps() -> None:
    front = trials().query("number in (0, 3)")
    ax = figures.accuracy_by_parameter(trials(), RATE, PARTS[:0], best=3, front=front)
    (line,) = [line for line in ax.lines if line.get_drawstyle() == "steps-post"]
    assert np.asarray(line.get_xydata()).tolist() == [[0.005, 80], [0.02, 90]]


@pytest.mark.parametrize("error", [False, True])
@pytest.mark.parametrize("parameter", [RATE, STEPS, ENCODER])
def test_every_figure_returns_its_axes_and_leaves_nothing_behind(parameter: Parameter, error: bool) -> None:
    style, ax = dict(mpl.rcParams), Figure().add_subplot()
    draw: Any = figures.accuracy_by_parameter
    assert draw(trials(), parameter, PARTS[:0], best=3, error=error, ax=ax) is ax
    assert dict(mpl.rcParams) == style
