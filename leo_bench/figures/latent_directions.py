"""Latent directions: the drawings whose logits change most by a step along each."""

from matplotlib.axes import Axes

from leo_bench.figures.drawings import draw_tile
from leo_bench.figures.style import FONT, INK, MUTED, SMALL, new_axes
from leo_bench.records.directions import LatentDirections

LABEL, GAP = 1.9, 0.6
"""Room left of the drawings and between the two ends, in drawings."""
BETWEEN = 0.2
"""Room between two rows, in drawings."""


def latent_directions(directions: LatentDirections, *, ax: Axes | None = None) -> Axes:
    """Draw a row for each direction: left the drawings with the most lowered logit, right those with the most raised.

    The outermost drawing of a row changes most. A row is labelled with the direction's share of the changes of codes.
    """
    ax = ax or new_axes()
    n_rows, n_shown = directions.raised.shape[:2]
    right = LABEL + n_shown + GAP
    for row, share in enumerate(directions.shares.tolist()):
        top = row * (1 + BETWEEN)
        ax.text(0, top + 0.5, f"{row + 1}: {share:.0%}", va="center", fontsize=FONT, color=INK)
        for place in range(n_shown):
            draw_tile(ax, directions.lowered[row, place], LABEL + place, top)
            draw_tile(ax, directions.raised[row, place], right + n_shown - 1 - place, top)
    for left, words in ((0.0, "share"), (LABEL, "logit falls most"), (right, "logit rises most")):
        ax.text(left, -0.15, words, va="bottom", fontsize=SMALL, color=MUTED)
    width, height = directions_size(n_rows, n_shown)
    ax.set(xlim=(-0.05, width), ylim=(height - 0.6, -0.6), aspect="equal", anchor="NW")
    ax.axis("off")
    return ax


def directions_size(n_rows: int, n_shown: int) -> tuple[float, float]:
    """Return width and height of the figure, in drawings."""
    return LABEL + 2 * n_shown + GAP, 0.6 + n_rows * (1 + BETWEEN)
