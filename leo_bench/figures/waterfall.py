"""Waterfall: how accuracy climbs from step to step, and falls when a part is taken out."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from leo_bench.figures.accuracy_axis import LEAST_ERROR, error_height
from leo_bench.figures.style import BAND, COLOURS, FONT, GRID, INK, MUTED, SMALL, new_axes, style_axes

TICKS = (5.0, 10, 20, 40, 60, 80, 90, 95, 97, 98, 99, 99.5, 99.9)
"""Candidates for ticks, percent."""
GAP = 0.07
"""Least distance between two ticks, as a share of the axis."""
BETTER, WORSE = COLOURS[2], COLOURS[1]
BAR = 0.56
"""Height of a bar, in rows."""
TOLD, PALE = 0.85, 0.3
"""Opacity of a bar with a verdict of better or worse, and of any other bar."""
LEAST_ROOM = 0.03
"""Least room left and right of what is drawn, in powers of ten of the error."""


def waterfall(frame: pd.DataFrame, *, band: tuple[float, float] | None = None, ax: Axes | None = None) -> Axes:
    """Draw the accuracy of each row with its 95% interval, on an axis of percent stretched towards 100 (log of the
    error).

    A bar leads from the accuracy that the row changes to its own: green upwards, orange downwards, pale without a
    verdict. frame, from top to bottom: group (a line is drawn between groups), label, accuracy, low, high, start
    (accuracy that the row changes; NaN without one), change_verdict, words (written right of the row). A row without a
    measurement has NaN for accuracy. band: accuracies to shade.
    """
    ax = ax or new_axes()
    ends = np.clip(100 * frame[["accuracy", "low", "high", "start"]].to_numpy(float), 0, 100 - LEAST_ERROR)
    low, high = np.nanmin(ends), np.nanmax(ends)
    ax.set_xscale("function", functions=(error_height, lambda height: 100 - 10.0**-height))
    if band is not None:
        ax.axvspan(100 * band[0], 100 * band[1], color=BAND, zorder=0, linewidth=0)
        high = max(high, 100 * band[1])
    for row, (mean, bottom, top, start) in enumerate(ends):
        if np.isfinite(start) and np.isfinite(mean):
            told = frame["change_verdict"].iloc[row] in ("better", "worse")
            colour = BETTER if mean >= start else WORSE
            ax.barh(
                row,
                mean - start,
                left=start,
                height=BAR,
                color=colour,
                alpha=TOLD if told else PALE,
                linewidth=0,
                zorder=2,
            )
        if np.isfinite(bottom):
            ax.plot([bottom, top], [row, row], color=INK, linewidth=1.3, zorder=3, solid_capstyle="butt")
        if np.isfinite(mean):
            ax.plot(mean, row, marker="o", color=INK, markersize=3.6, zorder=3.5)
        ax.text(
            1.03,
            row,
            str(frame["words"].iloc[row]),
            transform=ax.get_yaxis_transform(),
            va="center",
            color=INK if np.isfinite(mean) else MUTED,
            fontsize=SMALL,
        )
    groups = frame["group"].to_numpy()
    for last in np.flatnonzero(groups[1:] != groups[:-1]):
        ax.axhline(last + 0.5, color=MUTED, linewidth=0.8, zorder=1)
    room = max(0.06 * (error_height(high) - error_height(low)), LEAST_ROOM)
    view = 100 - 10.0 ** -np.array([error_height(low) - room, error_height(high) + room])
    ax.set(xlim=view, ylim=(len(frame) - 0.4, -0.6), xlabel="accuracy, % (stretched towards 100)", ylabel="")
    ax.xaxis.set_major_locator(FixedLocator(_ticks(view)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda accuracy, _: f"{accuracy:g}"))
    ax.set_yticks(range(len(frame)), labels=list(frame["label"]))
    style_axes(ax, grid="x")
    ax.tick_params(axis="y", length=0, labelsize=FONT)
    ax.spines["left"].set_color(GRID)
    return ax


def _ticks(view: np.ndarray) -> list[float]:
    """Return the TICKS that fit into the view (low and high end, percent), from the high end on."""
    bottom, top = error_height(view)
    chosen: list[float] = []
    for tick in reversed(TICKS):
        near = chosen and error_height(chosen[-1]) - error_height(tick) < GAP * (top - bottom)
        if view[0] <= tick <= view[1] and not near:
            chosen.append(tick)
    return chosen[::-1]
