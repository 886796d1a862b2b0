"""Waterfall: where bars stand, and that their style tells what is shown."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from leo_bench.figures.style import MUTED
from leo_bench.figures.waterfall import BETTER, SAME, WORSE, waterfall

COLUMNS = "group label accuracy low high start change_verdict words".split()
ROWS = [
    ("step", "a", 0.2, 0.1, 0.3, np.nan, "", "20"),
    ("step", "b", 0.9, 0.88, 0.92, 0.2, "better", "90"),
    ("step", "c", np.nan, np.nan, np.nan, 0.9, "", "not scored here"),
    ("part", "d", 0.8, np.nan, np.nan, 0.9, "worse", "80"),
    ("part", "e", 0.91, np.nan, np.nan, 0.9, "inconclusive", "91"),
    ("part", "f", 0.85, np.nan, np.nan, 0.9, "direction shown", "85"),
    ("part", "g", 0.905, np.nan, np.nan, 0.9, SAME, "90.5"),
]


def bars(ax: Axes) -> dict[int, Rectangle]:
    """Row -> its bar."""
    found = [patch for patch in ax.patches if isinstance(patch, Rectangle) and patch.get_height() < 1]
    return {round(bar.get_y() + bar.get_height() / 2): bar for bar in found}


def axes() -> Axes:
    return Figure().add_subplot()


def test_bars_lead_from_the_accuracy_that_a_row_changes_to_its_own() -> None:
    ax = waterfall(pd.DataFrame(ROWS, columns=COLUMNS), band=(0.95, 0.98, "more"), ax=axes())
    places = {row: (bar.get_x(), bar.get_width()) for row, bar in bars(ax).items()}
    assert places == {
        row: pytest.approx(place)
        for row, place in {1: (20, 70), 3: (90, -10), 4: (90, 1), 5: (90, -5), 6: (90, 0.5)}.items()
    }
    assert [label.get_text() for label in ax.get_yticklabels()] == list("abcdefg")
    assert {"20", "not scored here"} <= {text.get_text() for text in ax.texts}
    low, high = ax.get_xlim()
    assert low < 10 and high > 98  # intervals and band are in view
    assert [line for line in ax.lines if np.allclose(line.get_ydata(), 2.5)]  # between the groups


def test_a_bar_is_filled_pale_or_hollow_by_its_verdict_and_a_legend_says_so() -> None:
    ax = waterfall(pd.DataFrame(ROWS, columns=COLUMNS), ax=axes())
    found = bars(ax)
    faces = {row: (to_hex(bar.get_facecolor()), bar.get_facecolor()[3]) for row, bar in found.items()}
    assert faces[1] == (BETTER, 0.85) and faces[3] == (WORSE, 0.85)
    assert faces[6] == (MUTED, 0.35)
    assert faces[4][1] == faces[5][1] == 0
    assert to_hex(found[4].get_edgecolor()) == BETTER and to_hex(found[5].get_edgecolor()) == WORSE
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["better", "worse", SAME, "open"]


@pytest.mark.parametrize("accuracy", [0.2, 1.0])
@pytest.mark.filterwarnings("error")
def test_rows_that_are_all_alike_still_have_an_axis(accuracy: float) -> None:
    rows = [("step", name, accuracy, np.nan, np.nan, start, "", "") for name, start in (("a", np.nan), ("b", accuracy))]
    low, high = waterfall(pd.DataFrame(rows, columns=COLUMNS), ax=axes()).get_xlim()
    assert low < min(100 * accuracy, 99.99) < high
