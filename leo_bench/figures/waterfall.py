"""Waterfall: how accuracy climbs from step to step, and falls when a part is taken out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from leo_bench.figures.accuracy_axis import LEAST_ERROR, error_height, stretch_axis
from leo_bench.figures.rows import row_axes
from leo_bench.figures.style import BAND, COLOURS, INK, MUTED, SMALL

BETTER, WORSE = COLOURS[2], COLOURS[1]
SAME = "no difference that matters"
LONGEST = 60
"""Characters of a label on one line."""
LEAST_ROOM = 0.03
"""Least room left and right of what is drawn, in powers of ten of the error."""


def waterfall(frame: pd.DataFrame, *, band: Sequence[Any] | None = None, ax: Axes) -> Axes:
    """Draw the accuracy of each row with its 95% interval, on an axis of percent stretched towards 100.

    A bar leads from the accuracy that the row changes to its own. Its verdict decides its style (`bar_style`), and a
    legend says which. frame, from top to bottom: group (a line is drawn between groups), label, accuracy, low, high,
    start (accuracy that the row changes; NaN without one), change_verdict, words (written right of the row). A row
    without a measurement has NaN for accuracy. band: low and high
    accuracy to shade, and what else follows them.
    """
    ends = np.clip(100 * frame[["accuracy", "low", "high", "start"]].to_numpy(float), 0, 100 - LEAST_ERROR)
    low, high = np.nanmin(ends), np.nanmax(ends)
    if band is not None:
        ax.axvspan(100 * band[0], 100 * band[1], color=BAND, zorder=0, linewidth=0)
        high = max(high, 100 * band[1])
    for row, (mean, bottom, top, start) in enumerate(ends):
        if np.isfinite(start) and np.isfinite(mean):
            style = bar_style(str(frame["change_verdict"].iloc[row]), mean >= start)
            ax.barh(row, mean - start, left=start, height=0.56, zorder=2, **style)
        if np.isfinite(bottom):
            ax.plot([bottom, top], [row, row], color=INK, linewidth=1.3, zorder=3, solid_capstyle="butt")
        if np.isfinite(mean):
            ax.plot(mean, row, marker="o", color=INK, markersize=3.6, zorder=3.5)
    groups = frame["group"].to_numpy()
    for last in np.flatnonzero(groups[1:] != groups[:-1]):
        ax.axhline(last + 0.5, color=MUTED, linewidth=0.8, zorder=1)
    room = max(0.06 * (error_height(high) - error_height(low)), LEAST_ROOM)
    left, right = 100 - 10.0 ** -np.array([error_height(low) - room, error_height(high) + room])
    stretch_axis(ax, float(left), float(right), "x")
    ax.set_xlabel("accuracy, % (stretched towards 100)")
    row_axes(ax, list(frame["label"]), list(frame["words"]), label_width=LONGEST)
    _write_legend(ax)
    return ax


def bar_style(verdict: str, rises: bool) -> Mapping[str, Any]:
    """Return the style of a bar: filled for better and worse, pale for no difference that matters, else hollow."""
    if verdict == SAME:
        return {"facecolor": MUTED, "alpha": 0.35, "linewidth": 0}
    colour = BETTER if rises else WORSE
    if verdict in ("better", "worse"):
        return {"facecolor": colour, "alpha": 0.85, "linewidth": 0}
    return {"facecolor": "none", "edgecolor": colour, "linewidth": 1.1}


def _write_legend(ax: Axes) -> None:
    """Write the legend of bars above the Axes."""
    styles = {"better": bar_style("better", True), "worse": bar_style("worse", False), SAME: bar_style(SAME, True)}
    styles["open"] = {**bar_style("", True), "edgecolor": MUTED}
    handles = [Patch(label=label, **style) for label, style in styles.items()]
    ax.legend(
        handles=handles, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=4, frameon=False, fontsize=SMALL,
        borderaxespad=0.2, columnspacing=1.0, handlelength=1.4, labelcolor=INK,
    )  # fmt: skip
