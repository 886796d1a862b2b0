"""Drawings of one episode in a grid, a block of rows for each class, with the mistakes marked."""

from dataclasses import dataclass
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.patches import Rectangle

from leo_bench.figures.style import COLOURS, FONT, GRID, INK, MUTED, SMALL, as_png, figure_style

MISTAKE = COLOURS[1]
SUPPORT_COLUMNS, QUERY_COLUMNS = 4, 8
"""Most drawings of a class in one row; few enough that a drawing can be recognised on a phone."""
HEAD, GAP, ROW = 0.6, 0.35, 1.3
"""Height of the headings, gap between support and queries, and height of a row with a name below it, in drawings."""
INCHES = 0.62
"""Side of a drawing in a picture of its own."""
MOST_LETTERS = 10
"""Letters of a class name that are shown."""
HEADING = 3.6
"""Width of the longest heading, in drawings."""
SCRIPTS = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "WenQuanYi Zen Hei",
    "IPAexGothic",
    "Hiragino Sans",
    "Arial Unicode MS",
)
"""Fonts with the letters of many scripts, of which the installed ones stand in for letters that matplotlib's lacks."""


@dataclass(frozen=True)
class AnswerGrid:
    """Support drawings of an episode, and its queries with their answers. Classes are indices into `classes`."""

    classes: list[str]
    support: np.ndarray
    """uint8 [n_support, H, W], ink 255."""
    support_labels: np.ndarray
    """int64 [n_support]."""
    queries: np.ndarray
    """uint8 [n_queries, H, W], ink 255."""
    labels: np.ndarray
    """int64 [n_queries]; -1 for an unknown class. Such a query stands in the block of its answer."""
    answers: np.ndarray
    """int64 [n_queries]."""

    @property
    def size(self) -> tuple[float, float]:
        """Width and height, in drawings."""
        _, first, n_query, heights = self._layout()
        return first + max(n_query, HEADING), HEAD + ROW * sum(heights)

    def _layout(self) -> tuple[float, float, int, list[int]]:
        """Return where support and queries begin, the number of queries in a row, and the rows of each class."""
        n_support, n_query = (
            np.bincount(labels, minlength=len(self.classes)) for labels in (self.support_labels, self._blocks)
        )
        columns = min(SUPPORT_COLUMNS, int(n_support.max())), min(QUERY_COLUMNS, max(int(n_query.max()), 1))
        heights = np.maximum(-(-n_support // columns[0]), -(-n_query // columns[1])).tolist()
        left = 0.6 + 0.1 * max(len(_short(name)) for name in self.classes)
        return left, left + columns[0] + GAP, columns[1], heights

    @property
    def _blocks(self) -> np.ndarray:
        """The class in whose block each query stands."""
        return np.where(self.labels < 0, self.answers, self.labels)

    def draw(self, *, ax: Axes) -> Axes:
        """Draw the grid. A query taken for another class is in a heavy frame with the name of that class below it."""
        left, first, n_query, heights = self._layout()
        heading: dict[str, Any] = {"va": "center", "fontsize": FONT + 1, "color": MUTED}
        ax.text(left, HEAD / 2, "support", **heading)
        ax.text(first, HEAD / 2, "classified" + ("" if (self.labels < 0).any() else "; framed: mistakes"), **heading)
        top = HEAD
        for label, (name, rows) in enumerate(zip(self.classes, heights, strict=True)):
            ax.text(0.1, top + 0.5, _short(name), va="center", fontsize=FONT + 2, weight="bold", color=INK)
            for index, drawing in enumerate(self.support[self.support_labels == label]):
                down, across = divmod(index, round(first - GAP - left))
                draw_tile(ax, drawing, left + across, top + ROW * down)
            for index, query in enumerate(np.flatnonzero(self._blocks == label)):
                down, across = divmod(index, n_query)
                other = "" if label == self.answers[query] else _short(self.classes[self.answers[query]])
                draw_tile(ax, self.queries[query], first + across, top + ROW * down, other)
            top += ROW * rows
        width, height = self.size
        ax.set(xlim=(-0.05, width + 0.05), ylim=(height + 0.05, 0), aspect="equal", anchor="NW")
        ax.axis("off")
        return ax

    def png(self) -> bytes:
        """Return the grid as a PNG picture."""
        width, height = self.size
        installed = {font.name for font in fontManager.ttflist}
        with figure_style(), catch_warnings():
            rcParams["font.family"] = [*rcParams["font.family"], *(name for name in SCRIPTS if name in installed)]
            simplefilter("ignore", UserWarning)  # a letter that no font has is drawn as a box
            figure = Figure(figsize=(INCHES * width, INCHES * height))
            self.draw(ax=figure.add_axes((0.0, 0.0, 1.0, 1.0)))
            return as_png(figure)


def draw_tile(ax: Axes, drawing: np.ndarray, left: float, top: float, mistake: str = "") -> None:
    """Draw one drawing, black on white, in a frame.

    drawing: uint8 [H, W], ink 255. mistake: name of the class it was taken for, if it was; below the frame.
    """
    extent = (left + 0.03, left + 0.97, top + 0.97, top + 0.03)
    ax.imshow(255 - drawing, cmap="gray", vmin=0, vmax=255, extent=extent, interpolation="none")
    colour, line = (MISTAKE, 2.2) if mistake else (GRID, 0.6)
    ax.add_patch(
        Rectangle((left + 0.03, top + 0.03), 0.94, 0.94, fill=False, edgecolor=colour, linewidth=line, zorder=2 + line)
    )
    if mistake:
        ax.text(left + 0.5, top + 1.0, mistake, ha="center", va="top", fontsize=SMALL, color=INK)


def _short(name: str) -> str:
    """Return a class name that fits its place. Bytes that are not UTF-8 are told by their numbers."""
    name = name.encode(errors="backslashreplace").decode()
    return name if len(name) <= MOST_LETTERS else name[: MOST_LETTERS - 1] + "…"
