"""Labels beside points, placed so that they cover neither each other nor a mark."""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

from leo_bench.figures.style import INK, MUTED, SMALL

MARK = 4.0
"""Half the side of the square kept free around a mark, in points."""
NEAR = 7.0
"""Distance of a label beside its mark, in points. A label farther away has a line to its mark."""
DISTANCES = (NEAR, 13.0, 20.0, 28.0, 38.0, 50.0, 64.0, 80.0)
DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (0.8, 0.6), (0.8, -0.6), (-0.8, 0.6), (-0.8, -0.6))
"""Right, left, above, below, then the diagonals."""


def label_points(
    ax: Axes, points: Sequence[tuple[float, float]], texts: Sequence[str], bars: Sequence[tuple[float, float]] = ()
) -> None:
    """Write a text beside each point (data coordinates), within the Axes, once the Axes has its limits and scales.

    Each takes the nearest free place; if none is free, the one where it covers least. bars: low and high end of a
    vertical bar through each point, which labels leave free too.
    """
    unit = ax.figure.dpi / 72
    at = ax.transData.transform(points) if len(points) else np.empty((0, 2))
    taken = [_square(place, MARK * unit) for place in at]
    for (x, _), (low, high) in zip(points, bars, strict=False):
        (left, bottom), (right, top) = ax.transData.transform([(x, low), (x, high)])
        taken.append(Bbox.from_extents(left - unit, bottom, right + unit, top))
    lines: list[np.ndarray] = []
    for place, text in zip(np.asarray(at), texts, strict=True):
        label = ax.text(0, 0, text, fontsize=SMALL, color=INK, zorder=4, va="bottom")
        size = label.get_window_extent().size
        box, line, far = min(_places(place, size, unit), key=lambda choice: _cost(choice, taken, lines, ax.bbox))
        x, y = ax.transData.inverted().transform(box.min)
        label.set_position((float(x), float(y)))
        if far:
            ends = ax.transData.inverted().transform(line[[0, -1]])
            ax.plot(*ends.T, color=MUTED, linewidth=0.5, zorder=1.5)
            lines.append(line)
        taken.append(box)


def _square(place: np.ndarray, half: float) -> Bbox:
    return Bbox.from_extents(*(place - half), *(place + half))


def _places(place: np.ndarray, size: np.ndarray, unit: float) -> Iterator[tuple[Bbox, np.ndarray, bool]]:
    """Yield the places for a label, nearest first: its box, the line to it from its mark, and True if it is far.

    All in pixels. unit: pixels in a point.
    """
    for distance, (across, up) in product(DISTANCES, DIRECTIONS):
        edge = place + distance * unit * np.array([across, up])
        centre = edge + 0.5 * size * np.sign([across, up])
        box = Bbox.from_extents(*(centre - size / 2), *(centre + size / 2))
        yield box, np.linspace(place + (MARK + 1) * unit * np.array([across, up]), edge, 24), distance > NEAR


def _cost(
    choice: tuple[Bbox, np.ndarray, bool], taken: Sequence[Bbox], lines: Sequence[np.ndarray], inside: Bbox
) -> float:
    """Return what a place covers or leaves, in square pixels. Among places without any, the first is taken."""
    box, line, far = choice
    cost = box.width * box.height - _overlap(box, inside)
    cost += sum(_overlap(box, other) for other in taken)
    cost += sum(float(other.count_contains(line)) for other in taken) if far else 0.0
    return cost + sum(10.0 * box.count_contains(other) for other in lines)


def _overlap(one: Bbox, other: Bbox) -> float:
    shared = Bbox.intersection(one, other)
    return float(shared.width * shared.height) if shared is not None else 0.0
