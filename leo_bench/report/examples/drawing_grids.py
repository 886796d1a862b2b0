"""Drawings of an episode in a grid, mistakes marked."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from leo_bench.figures import COLOURS, FONT, GRID, INK, PAPER

QUERY_COLUMNS = 8
"""Queries of a class in one row; few enough that a drawing can be recognised on a phone."""
LABEL, GAP = 0.75, 0.35
"""Width of the class names and of the gaps, in drawings."""
MISTAKE = COLOURS[1]


def grid_size(n_way: int, k_shot: int, n_query: int) -> tuple[float, float]:
    """Return width and height of an episode's grid, in drawings."""
    rows, support_columns = _block(k_shot, n_query)
    return LABEL + support_columns + GAP + min(n_query, QUERY_COLUMNS), n_way * (rows + GAP)


def _block(k_shot: int, n_query: int) -> tuple[int, int]:
    """Return rows of a class, and columns of its support drawings."""
    rows = -(-n_query // QUERY_COLUMNS)
    return rows, -(-k_shot // rows)


def episode_grid(
    names: Sequence[str], support: np.ndarray, query: np.ndarray, predicted: np.ndarray, *, ax: Axes
) -> Axes:
    """Draw a block of rows per class: its name, its support drawings, its queries.

    A query taken for another class is in a heavy frame with that class's name. names: of the N classes. support: uint8
    [N, K, H, W], ink 255; query: [N, Q, H, W]; predicted: int [N, Q].
    """
    n_way, k_shot, n_query = len(names), support.shape[1], query.shape[1]
    width, height = grid_size(n_way, k_shot, n_query)
    rows, support_columns = _block(k_shot, n_query)
    for index, name in enumerate(names):
        top = index * (rows + GAP)
        ax.text(0, top + rows / 2, name, va="center", fontsize=FONT + 2, weight="bold", color=INK)
        for place, drawing in enumerate(support[index]):
            _tile(ax, drawing, LABEL + place % support_columns, top + place // support_columns, GRID, 0.6)
        for place, drawing in enumerate(query[index]):
            left, up = LABEL + support_columns + GAP + place % QUERY_COLUMNS, top + place // QUERY_COLUMNS
            other = int(predicted[index, place])
            _tile(ax, drawing, left, up, *((GRID, 0.6) if other == index else (MISTAKE, 2.2)))
            if other != index:
                box = {"facecolor": PAPER, "edgecolor": MISTAKE, "linewidth": 0.8, "pad": 1.2}
                place_at = (left + 0.88, up + 0.88)
                ax.text(
                    *place_at,
                    names[other],
                    ha="right",
                    va="bottom",
                    fontsize=FONT,
                    weight="bold",
                    color=INK,
                    bbox=box,
                    zorder=4,
                )
    ax.set(xlim=(-0.05, width + 0.05), ylim=(height, -0.05), aspect="equal", anchor="NW")
    ax.axis("off")
    return ax


def _tile(ax: Axes, drawing: np.ndarray, left: float, top: float, colour: str, line: float) -> None:
    """Draw one drawing, black on white, in a frame."""
    extent = (left + 0.03, left + 0.97, top + 0.97, top + 0.03)
    ax.imshow(255 - drawing, cmap="gray", vmin=0, vmax=255, extent=extent, interpolation="none")
    place, zorder = (left + 0.03, top + 0.03), 2 + (line > 1)
    ax.add_patch(Rectangle(place, 0.94, 0.94, fill=False, edgecolor=colour, linewidth=line, zorder=zorder))
