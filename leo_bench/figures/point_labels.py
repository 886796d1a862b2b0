"""Labels beside points, placed so that they cover neither each other nor a mark."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from leo_bench.figures.style import INK, MUTED, SMALL

MARK = 4.5
"""Half the side of the square kept free around a mark, in points."""
NEAR = 7.0
"""Distance of a label beside its mark, in points. A label farther away has a line to its mark."""
DISTANCES = np.arange(NEAR, 100.0, 4.0)
ANGLES = np.radians([0, 180, 90, 270, *(angle for angle in range(15, 360, 15) if angle % 90)])
"""Right, left, above, below, then the directions between."""
SWEEPS = 3
"""Times that each label is placed, the later ones with all others in place."""
CROSSING = 100.0
"""Weight of a point of a line that lies in a label or on a mark, in square pixels covered."""


class Places(NamedTuple):
    """Places for one label, nearest first, in pixels."""

    boxes: np.ndarray
    """Left, bottom, right, top, [n, 4]."""
    lines: np.ndarray
    """Points of the line from the mark to the label, [n, 24, 2]; NaN if the label is beside its mark."""


def label_points(
    ax: Axes, points: Sequence[tuple[float, float]], texts: Sequence[str], bars: Sequence[tuple[float, float]] = ()
) -> None:
    """Write a text beside each point (data coordinates), within the Axes, once the Axes has its limits and scales.

    Each takes the nearest free place; if none is free, the one where it covers least. bars: low and high end of a
    vertical bar through each point, which labels leave free too.
    """
    unit = ax.figure.dpi / 72
    marks = [ax.transData.transform(point) for point in points]
    fixed = [np.concatenate([at - MARK * unit, at + MARK * unit]) for at in marks]
    for (x, _), ends in zip(points, bars, strict=False):
        low, high = ax.transData.transform([(x, end) for end in ends])
        fixed.append(np.array([low[0] - unit, low[1], high[0] + unit, high[1]]))
    labels = [ax.text(0, 0, text, fontsize=SMALL, color=INK, zorder=4, va="bottom") for text in texts]
    places = [
        _places(at, np.array(label.get_window_extent().size), unit) for at, label in zip(marks, labels, strict=True)
    ]
    chosen: dict[int, int] = {}
    for own in [*range(len(places))] * SWEEPS:
        others = [index for index in chosen if index != own]
        boxes = np.array([*fixed, *(places[index].boxes[chosen[index]] for index in others)])
        lines = np.array([places[index].lines[chosen[index]] for index in others]).reshape(-1, 2)
        chosen[own] = int(np.argmin(_costs(places[own], boxes, lines, np.array(ax.bbox.extents))))
    to_data = ax.transData.inverted().transform
    for index, label in enumerate(labels):
        box, line = places[index].boxes[chosen[index]], places[index].lines[chosen[index]]
        x, y = to_data(box[:2])
        label.set_position((float(x), float(y)))
        if np.isfinite(line).all():
            ax.plot(*to_data(line[[0, -1]]).T, color=MUTED, linewidth=0.5, zorder=1.5)


def _places(mark: np.ndarray, size: np.ndarray, unit: float) -> Places:
    """Return the places for a label. mark: [2], and size: [2], in pixels; unit: pixels in a point."""
    directions = np.round(np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1), 9)
    distances, ways = np.repeat(DISTANCES, len(ANGLES)), np.tile(directions, (len(DISTANCES), 1))
    edges = mark + unit * distances[:, None] * ways
    centres = edges + 0.5 * size * np.sign(ways)
    starts = mark + unit * 1.5 * MARK * ways
    lines = starts[:, None] + np.linspace(0, 1, 24)[:, None] * (edges - starts)[:, None]
    lines[distances == NEAR] = np.nan
    return Places(np.concatenate([centres - size / 2, centres + size / 2], axis=1), lines)


def _costs(places: Places, boxes: np.ndarray, lines: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return what each place covers or leaves, in square pixels, [n]. boxes: [m, 4], lines: points, [k, 2]."""
    own = places.boxes
    outside = (own[:, 2] - own[:, 0]) * (own[:, 3] - own[:, 1]) - _overlaps(own, inside[None])[:, 0]
    crossed = _contains(boxes, places.lines.reshape(-1, 2)).reshape(len(own), -1).sum(axis=1)
    return outside.round(3) + _overlaps(own, boxes).sum(axis=1) + CROSSING * (crossed + _contains(own, lines, 1))


def _overlaps(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the areas that boxes share, [n, m]."""
    shared = np.minimum(some[:, None, 2:], others[None, :, 2:]) - np.maximum(some[:, None, :2], others[None, :, :2])
    return np.asarray(shared.clip(0).prod(axis=-1))


def _contains(boxes: np.ndarray, points: np.ndarray, axis: int = 0) -> np.ndarray:
    """Return the number of boxes (axis 0) that hold each point, or of points (axis 1) in each box."""
    inside = (points >= boxes[:, None, :2]) & (points <= boxes[:, None, 2:])
    return np.asarray(inside.all(axis=-1).sum(axis=axis))
