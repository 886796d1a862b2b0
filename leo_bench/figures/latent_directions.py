"""Latent directions: the drawings whose logits change most by a step along each, and how few have most of it."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from leo_bench.figures.drawings import draw_tile
from leo_bench.figures.style import COLOURS, FONT, INK, MUTED, SMALL, as_png, figure_style
from leo_bench.records.directions import LatentDirections

LABEL, GAP = 1.9, 0.6
"""Room left of the drawings and between the two ends, in drawings."""
BETWEEN, HEAD = 0.2, 1.6
"""Room between two rows, and above the first, in drawings."""
INCHES = 0.42
"""Side of a drawing."""
SPECTRUM = 2.6
"""Height of the spectrum below the drawings, inches."""


def directions_png(directions: LatentDirections) -> bytes:
    """Return a PNG picture with a row for each top direction: left the drawings with the most lowered logit, right
    those with the most raised; and below how much the first directions have together.

    The outermost drawing of a row changes most. A row is labelled with the direction's share of the changes of codes.
    """
    n_rows, n_shown = directions.raised.shape[:2]
    right = LABEL + n_shown + GAP
    width, height = right + n_shown, HEAD + n_rows * (1 + BETWEEN)
    with figure_style():
        drawings = INCHES * height
        figure = Figure(figsize=(INCHES * width, drawings + SPECTRUM))
        low = SPECTRUM / (drawings + SPECTRUM)
        ax = figure.add_axes((0.01, low, 0.98, 1 - low))
        for row, share in enumerate(directions.shares.tolist()):
            top = HEAD + row * (1 + BETWEEN)
            ax.text(0, top + 0.5, f"{row + 1}: {share:.0%}", va="center", fontsize=FONT, color=INK)
            for place in range(n_shown):
                draw_tile(ax, directions.lowered[row, place], LABEL + place, top)
                draw_tile(ax, directions.raised[row, place], right + n_shown - 1 - place, top)
        title = f"Top latent directions of run {directions.run_key}"
        ax.text(0, 0.5, title, va="center", fontsize=FONT + 1, weight="bold", color=INK)
        for left, words in ((0.0, "share"), (LABEL, "logit falls most"), (right, "logit rises most")):
            ax.text(left, HEAD - 0.2, words, va="bottom", fontsize=SMALL, color=MUTED)
        ax.set(xlim=(0, width), ylim=(height, 0), aspect="equal", anchor="NW")
        ax.axis("off")
        _draw_spectrum(figure.add_axes((0.12, 0.2 * low, 0.86, 0.6 * low)), directions)
        return as_png(figure)


def _draw_spectrum(ax: Axes, directions: LatentDirections) -> None:
    """Draw the share of the squares that the first 1, 2, ... directions have together."""
    n = len(directions.changes)
    shown = {
        "changes of codes by the inner loop": (directions.changes, COLOURS[0], "-"),
        "d weights / d code": (directions.decoder, COLOURS[1], "-"),
        "all directions alike": (np.full(n, 1 / n), MUTED, ":"),
    }
    for name, (shares, colour, line) in shown.items():
        ax.plot(np.arange(1, n + 1), shares.cumsum(), line, color=colour, label=name)
    ax.axhline(0.9, color=MUTED, linewidth=0.8)
    ax.set(xscale="log", xlim=(1, n), ylim=(0, 1.03))
    ax.set_xlabel(f"directions, of {n}", fontsize=FONT)
    ax.set_ylabel("share of the squares", fontsize=FONT)
    ax.tick_params(labelsize=SMALL)
    ax.xaxis.set_major_formatter("{x:.0f}")
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=len(shown), fontsize=SMALL, frameon=False)
