"""Figures of a search: marks, bars and axes are where the numbers say, worked by hand."""

import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from leo_bench.figures.importance import importance_floor, search_importance
from leo_bench.figures.style import COLOURS, MUTED, PAPER


def test_importance_above_the_floor_is_filled() -> None:
    rows = [("outer_lr", 0.6, 0.4, 0.8, False), ("inner_lr", 0.2, 0.1, 0.3, False), ("noise", 0.1, 0, 0.15, True)]
    frame = pd.DataFrame(rows, columns="parameter importance low high planted".split())
    ax = search_importance(frame, ax=Figure().add_subplot())
    assert (importance_floor(frame), importance_floor(frame[:2])) == (0.15, 0.0)
    # inner_lr begins at 0.1, below the floor of 0.15
    faces = {line.get_xdata()[0]: to_hex(line.get_markerfacecolor()) for line in ax.lines if line.get_marker() in "od"}
    assert faces == {0.6: COLOURS[0], 0.2: PAPER, 0.1: MUTED}
    assert [label.get_text() for label in ax.get_yticklabels()] == ["outer_lr", "inner_lr", "noise"]
    assert any(patch.get_width() == pytest.approx(0.15) for patch in ax.patches)
