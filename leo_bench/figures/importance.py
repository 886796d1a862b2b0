"""Importance of searched settings."""

import pandas as pd
from matplotlib.axes import Axes

from leo_bench.figures.style import BAND, COLOURS, INK, MUTED, PAPER, SMALL, style_axes


def importance_floor(frame: pd.DataFrame) -> float:
    """Return the importance below which a setting cannot be told from the planted noise.

    It is the high end of the noise's interval, or 0 if none was planted. frame: columns planted, high.
    """
    return float(frame.loc[frame["planted"].astype(bool), "high"].max()) if frame["planted"].any() else 0.0


def search_importance(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw the importance of each setting with its interval, from top to bottom. Shaded: up to the floor.

    frame: columns parameter, importance, low, high (in [0, 1]), planted. Filled marks: the interval lies above the
    floor. The planted noise is a diamond.
    """
    floor = importance_floor(frame)
    ax.axvspan(0, floor, color=BAND, zorder=0, linewidth=0)
    for row, one in enumerate(frame.to_dict("records")):
        colour = COLOURS[0] if one["low"] > floor else MUTED
        ax.plot([one["low"], one["high"]], [row, row], color=colour, linewidth=1.6, zorder=2)
        ax.plot(
            one["importance"], row, marker="d" if one["planted"] else "o", markeredgecolor=colour, markersize=6,
            markerfacecolor=colour if one["low"] > floor or one["planted"] else PAPER, zorder=3,
        )  # fmt: skip
        place, words = ax.get_yaxis_transform(), f"{one['importance']:.2f}"
        ax.text(1.03, row, words, transform=place, va="center", color=INK, fontsize=SMALL)
    ax.set(xlim=(0, max(0.1, 1.04 * float(frame["high"].max()))), ylim=(len(frame) - 0.4, -0.6), ylabel="")
    ax.set(xlabel="share of the variance of accuracy")
    ax.set_yticks(range(len(frame)), labels=list(frame["parameter"]))
    return style_axes(ax, grid="x")
