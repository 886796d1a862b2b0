"""Drawings of one episode in a grid, a block of rows for each class, with the mistakes marked."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from leo_bench.figures.style import COLOURS, FONT, GRID, INK, MUTED, PAPER, figure_style

MISTAKE = COLOURS[1]
COLUMNS = 8
"""Drawings of a class in one row."""
SUPPORT_COLUMNS = 4
LABEL, GAP = 1.6, 0.35
"""Width of the class names and of the gaps, in drawings."""
INCHES = 0.62
"""Side of a drawing."""


def draw_tile(ax: Axes, drawing: np.ndarray, left: float, top: float, mistake: str = "") -> None:
    """Draw one drawing, black on white, in a frame.

    drawing: uint8 [H, W], ink 255. mistake: name of the class it was taken for, if it was.
    """
    extent = (left + 0.03, left + 0.97, top + 0.97, top + 0.03)
    ax.imshow(255 - drawing, cmap="gray", vmin=0, vmax=255, extent=extent, interpolation="none")
    colour, line = (MISTAKE, 2.2) if mistake else (GRID, 0.6)
    ax.add_patch(
        Rectangle((left + 0.03, top + 0.03), 0.94, 0.94, fill=False, edgecolor=colour, linewidth=line, zorder=2 + line)
    )
    if mistake:
        box: dict[str, Any] = {"facecolor": PAPER, "edgecolor": MISTAKE, "linewidth": 0.8, "pad": 1.2}
        style: dict[str, Any] = {"fontsize": FONT, "weight": "bold", "color": INK, "bbox": box, "zorder": 6}
        ax.text(left + 0.88, top + 0.88, mistake, ha="right", va="bottom", **style)


def draw_answers(
    classes: Sequence[str],
    support: np.ndarray,
    support_labels: np.ndarray,
    queries: np.ndarray,
    labels: np.ndarray,
    answers: np.ndarray,
) -> bytes:
    """Return a PNG of support drawings and queries: a block for each class, in a heavy frame the mistakes.

    A query of unknown class stands in the block of its answer. support, queries: uint8 [M, H, W], ink 255;
    support_labels, answers: int64 [M], indices into classes; labels: the same, -1 for an unknown class.
    """
    place = np.where(labels < 0, answers, labels)
    n_support = min(SUPPORT_COLUMNS, max(np.bincount(support_labels, minlength=1)))
    first = LABEL + n_support + GAP
    n_query = min(COLUMNS, max(np.bincount(place, minlength=1)))
    heights = [
        max(1, -(-int(np.sum(support_labels == label)) // n_support), -(-int(np.sum(place == label)) // n_query))
        for label in range(len(classes))
    ]
    width, height = first + n_query, 0.6 + sum(heights) + GAP * (len(heights) - 1)
    with figure_style():
        figure = Figure(figsize=(INCHES * width, INCHES * height))
        ax = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        heading: dict[str, Any] = {"va": "center", "fontsize": FONT + 1, "color": MUTED}
        ax.text(LABEL, 0.3, "support", **heading)
        ax.text(first, 0.3, "classified" if (labels < 0).any() else "classified; framed: mistakes", **heading)
        top = 0.6
        for label, (name, rows) in enumerate(zip(classes, heights, strict=True)):
            style: dict[str, Any] = {"va": "center", "fontsize": FONT + 2, "weight": "bold", "color": INK}
            ax.text(0.1, top + 0.5, _short(name), **style)
            for index, drawing in enumerate(support[support_labels == label]):
                down, across = divmod(index, n_support)
                draw_tile(ax, drawing, LABEL + across, top + down)
            for index, query in enumerate(np.flatnonzero(place == label)):
                down, across = divmod(index, n_query)
                other = "" if place[query] == answers[query] else _short(classes[answers[query]])
                draw_tile(ax, queries[query], first + across, top + down, other)
            top += rows + GAP
        ax.set(xlim=(0, width), ylim=(height, 0))
        ax.axis("off")
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=130, metadata={"Software": None})
    return content.getvalue()


def _short(name: str, most: int = 10) -> str:
    """Return a class name that fits its place."""
    return name if len(name) <= most else name[: most - 1] + "…"
