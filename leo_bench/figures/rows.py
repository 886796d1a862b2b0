"""Figures with one labelled row for each variant or group, from top to bottom."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes

from leo_bench.figures.style import FONT, GRID, INK, LABEL_WIDTH, SMALL, VariantStyle, style_axes


def draw_row(
    ax: Axes, row: int, mean: float, ends: tuple[float, float], style: VariantStyle, limits: tuple[float, float],
    dash: str | tuple[int, tuple[float, ...]] = "-",
) -> None:  # fmt: skip
    """Draw a mean and the two ends of its interval (NaN without one). Beyond the limits there is an arrowhead."""
    if np.isfinite(ends).all():
        ax.plot(np.clip(ends, *limits), [row, row], color=style.colour, linewidth=1.6, linestyle=dash, zorder=2)
    least, most = np.nanmin([mean, *ends]), np.nanmax([mean, *ends])
    for edge, head, beyond in ((limits[0], "<", least < limits[0]), (limits[1], ">", most > limits[1])):
        if beyond:
            ax.plot(edge, row, marker=head, color=style.colour, markersize=5, zorder=3, clip_on=False)
    if limits[0] <= mean <= limits[1]:
        ax.plot(mean, row, marker=style.marker, color=style.colour, markersize=6, zorder=3, clip_on=False)


def row_axes(ax: Axes, labels: Sequence[str], words: Sequence[str], label_width: int = LABEL_WIDTH) -> Axes:
    """Label the rows on the left, and write words on the right of them. Call it after drawing.

    label_width: characters after which a label continues on another line.
    """
    for row, text in enumerate(words):
        ax.text(
            1.04, row, text, transform=ax.get_yaxis_transform(), va="center", color=INK, fontsize=SMALL, linespacing=1.0
        )
    ax.set(ylim=(len(labels) - 0.4, -0.6), ylabel="")
    ax.set_yticks(range(len(labels)), labels=[fill(label, label_width) for label in labels])
    style_axes(ax, grid="x")
    ax.tick_params(axis="y", length=0, labelsize=FONT)
    ax.spines["left"].set_color(GRID)
    return ax
