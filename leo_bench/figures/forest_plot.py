"""Forest plot: differences in points, a row each."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from leo_bench.figures.rows import draw_row, row_axes
from leo_bench.figures.style import BAND, EPISODE_DASH, INK, LABEL_WIDTH, Styles
from leo_bench.records import signed

USUAL, ROOM = 0.8, 3.0
"""Quantile of the differences, and the factor from it to the farthest end of the axis."""


def forest_plot(
    frame: pd.DataFrame,
    styles: Styles,
    *,
    margin: float,
    label_width: int = LABEL_WIDTH,
    ax: Axes,
) -> Axes:
    """Draw differences in points, each with its 95% interval; the margin that matters is shaded.

    frame: columns variant, label, difference, low, high (low and high may be missing), kind; drawn from top to bottom.
    A value beyond the axis ends in an arrowhead.
    """
    ax.axvspan(-100 * margin, 100 * margin, color=BAND, zorder=0, linewidth=0)
    ax.axvline(0, color=INK, linewidth=0.6, zorder=1)
    ends = 100 * frame[["difference", "low", "high"]].to_numpy(float)
    limits = _limits(ends, margin)
    for row, (name, kind) in enumerate(zip(frame["variant"], frame["kind"], strict=True)):
        dash = "-" if kind == "seeds" else EPISODE_DASH
        draw_row(ax, row, ends[row, 0], (ends[row, 1], ends[row, 2]), styles[name], limits, dash)
    ax.set(xlim=limits, xlabel="paired difference, points")
    return row_axes(ax, list(frame["label"]), [signed(mean) for mean in ends[:, 0]], label_width)


def _limits(ends: np.ndarray, margin: float) -> tuple[float, float]:
    """Return the limits of the axis: at least three margins, no wider than what is drawn, and not so wide that a few
    large differences or long intervals flatten the rest. ends: [n_variants, 3], mean, low and high in points.
    """
    sizes = np.abs(ends[:, 0])
    usual = float(np.quantile(sizes, USUAL, method="lower")) if len(sizes) > 3 else np.inf
    reach = max(ROOM * max(usual, 0.01), 300 * margin)
    low, high = np.nanmin(ends, initial=0.0), np.nanmax(ends, initial=0.0)
    room = 0.04 * (high - low)
    return max(-reach, min(low - room, -300 * margin)), min(reach, max(high + room, 300 * margin))
