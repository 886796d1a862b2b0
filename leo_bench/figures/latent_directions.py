"""Latent directions: the drawings whose logits change most by a step along each."""

from matplotlib.figure import Figure

from leo_bench.figures.drawings import draw_tile
from leo_bench.figures.style import FONT, INK, MUTED, SMALL, as_png, figure_style
from leo_bench.records.directions import LatentDirections

LABEL, GAP = 1.9, 0.6
"""Room left of the drawings and between the two ends, in drawings."""
BETWEEN, HEAD = 0.2, 1.6
"""Room between two rows, and above the first, in drawings."""
INCHES = 0.42
"""Side of a drawing."""


def directions_png(directions: LatentDirections) -> bytes:
    """Return a PNG picture with a row for each direction: left the drawings with the most lowered logit, right those
    with the most raised.

    The outermost drawing of a row changes most. A row is labelled with the direction's share of the changes of codes.
    """
    n_rows, n_shown = directions.raised.shape[:2]
    right = LABEL + n_shown + GAP
    width, height = right + n_shown, HEAD + n_rows * (1 + BETWEEN)
    with figure_style():
        figure = Figure(figsize=(INCHES * width, INCHES * height))
        ax = figure.add_axes((0.01, 0.0, 0.98, 1.0))
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
        return as_png(figure)
