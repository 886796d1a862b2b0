"""Forest plot of paired differences."""

from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from leo_bench.figures.style import BAND, EPISODE_DASH, FONT, INK, LABEL_WIDTH, Styles, new_axes, style_axes

USUAL, ROOM = 0.8, 1.5
"""Quantile of the differences, and the factor from it to the end of the axis."""


def forest_plot(
    frame: pd.DataFrame, styles: Styles, *, margin: float, xlabel: str = "", ax: Axes | None = None
) -> Axes:
    """Draw paired differences in points, each with its 95% interval; the margin that matters is shaded.

    frame: columns variant, label, difference, low, high (low and high may be missing), kind; drawn from top to bottom.
    A value beyond the axis ends in an arrowhead at its edge.
    """
    ax = ax or new_axes()
    ax.axvspan(-100 * margin, 100 * margin, color=BAND, zorder=0, linewidth=0)
    ax.axvline(0, color=INK, linewidth=0.6, zorder=1)
    ends = 100 * frame[["difference", "low", "high"]].to_numpy(float)
    reach = _reach(ends, margin)
    for row, (name, kind) in enumerate(zip(frame["variant"], frame["kind"], strict=True)):
        style, (mean, low, high) = styles[name], ends[row]
        if np.isfinite(low):
            dash = "-" if kind == "seeds" else EPISODE_DASH
            across = np.clip([low, high], -reach, reach)
            ax.plot(across, [row, row], color=style.colour, linewidth=1.6, linestyle=dash, zorder=2)
        for edge, head in ((-reach, "<"), (reach, ">")):
            if any(abs(end) > reach and end * edge > 0 for end in (mean, low, high)):
                ax.plot(edge, row, marker=head, color=style.colour, markersize=5, zorder=3, clip_on=False)
        if abs(mean) <= reach:
            ax.plot(mean, row, marker=style.marker, color=style.colour, markersize=6, zorder=3, clip_on=False)
        ax.text(1.06, row, signed(mean), transform=ax.get_yaxis_transform(), va="center", color=INK, fontsize=FONT)
    ax.set(
        xlim=(-reach, reach),
        ylim=(len(frame) - 0.4, -0.6),
        xlabel=xlabel or "difference with the baseline, points",
        ylabel="",
    )
    ax.set_yticks(range(len(frame)), labels=[fill(label, LABEL_WIDTH) for label in frame["label"]])
    return style_axes(ax, grid="x")


def _reach(ends: np.ndarray, margin: float) -> float:
    """Return the half width of the axis: wide enough for most differences, at least three margins, no wider than what
    is drawn.

    A few large differences and long intervals may go beyond it; they would flatten the rest. ends: [n_variants, 3],
    mean, low and high in points.
    """
    sizes = np.abs(ends[:, 0])
    usual = np.quantile(sizes, USUAL, method="lower") if len(sizes) > 3 else sizes.max(initial=0.0)
    drawn = 1.08 * float(np.nanmax(np.abs(ends), initial=0.0))
    return max(min(ROOM * float(usual), drawn), 300 * margin)


def signed(points: float) -> str:
    """Return a difference in points with its sign and one decimal; no negative zero."""
    return f"{round(points, 1) + 0.0:+.1f}"
