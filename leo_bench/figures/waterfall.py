"""Waterfall: how accuracy climbs from step to step, and falls when a part is taken out."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from leo_bench.figures.axis import error_height
from leo_bench.figures.style import BAND, COLOURS, FONT, GRID, INK, MUTED, SMALL, dress, new_axes

TICKS = (5.0, 10, 20, 40, 60, 80, 90, 95, 97, 98, 99, 99.5, 99.9)
"""Percent."""
GAP = 0.07
"""Between two ticks, as a share of the axis."""
BETTER, WORSE = COLOURS[2], COLOURS[1]
BAR = 0.56
"""Height of a bar, in rows."""


def waterfall(
    frame: pd.DataFrame, *, band: tuple[float, float] | None = None, labels: bool = True, ax: Axes | None = None
) -> Axes:
    """Accuracy of each row with its 95% interval, on an axis of percent that stretches towards 100 (log of the error);
    a bar from where the row comes from, green where it climbs and orange where it falls, pale without a verdict.

    frame, from top to bottom: group (a line is drawn between groups), label, accuracy, low, high, start (accuracy that
    the row is a change from; NaN without one), verdict (of the change), words (written right of the row). A row that
    was not measured has NaN for accuracy. band: accuracies to shade. labels: write the labels.
    """
    ax = ax or new_axes()
    ends = frame[["accuracy", "low", "high", "start"]].to_numpy(float)
    low, high = 100 * np.nanmin(ends), 100 * np.nanmax(ends)
    ax.set_xscale("function", functions=(error_height, lambda height: 100 - 10.0**-height))
    if band is not None:
        ax.axvspan(100 * band[0], 100 * band[1], color=BAND, zorder=0, linewidth=0)
        high = max(high, 100 * band[1])
    for row, (mean, bottom, top, start) in enumerate(100 * ends):
        verdict, words = str(frame["verdict"].iloc[row]), str(frame["words"].iloc[row])
        if np.isfinite(start) and np.isfinite(mean):
            colour = BETTER if mean >= start else WORSE
            told = verdict in ("better", "worse")
            ax.barh(
                row,
                mean - start,
                left=start,
                height=BAR,
                color=colour,
                alpha=0.85 if told else 0.3,
                linewidth=0,
                zorder=2,
            )
        if np.isfinite(mean):
            if np.isfinite(bottom):
                ax.plot([bottom, top], [row, row], color=INK, linewidth=1.3, zorder=3, solid_capstyle="butt")
            ax.plot(mean, row, marker="o", color=INK, markersize=3.6, zorder=3.5)
        colour = INK if np.isfinite(mean) else MUTED
        ax.text(1.03, row, words, transform=ax.get_yaxis_transform(), va="center", color=colour, fontsize=SMALL)
    groups = frame["group"].to_numpy()
    for last in np.flatnonzero(groups[1:] != groups[:-1]):
        ax.axhline(last + 0.5, color=MUTED, linewidth=0.8, zorder=1)
    room = 0.06 * (error_height(high) - error_height(low))
    view = 100 - 10.0 ** -np.array([error_height(low) - room, error_height(high) + room])
    ax.set(xlim=view, ylim=(len(frame) - 0.4, -0.6), xlabel="accuracy, % (stretched towards 100)", ylabel="")
    ax.xaxis.set_major_locator(FixedLocator(_ticks(view)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda accuracy, _: f"{accuracy:g}"))
    ax.set_yticks(range(len(frame)), labels=list(frame["label"]) if labels else [""] * len(frame))
    dress(ax, grid="x")
    ax.tick_params(axis="y", length=0, labelsize=FONT)
    ax.spines["left"].set_color(GRID)
    return ax


def _ticks(view: np.ndarray) -> list[float]:
    """Those of TICKS that have room in the view (low and high end, percent), from the high end on."""
    bottom, top = error_height(view)
    chosen: list[float] = []
    for tick in reversed(TICKS):
        near = chosen and error_height(chosen[-1]) - error_height(tick) < GAP * (top - bottom)
        if view[0] <= tick <= view[1] and not near:
            chosen.append(tick)
    return chosen[::-1]
