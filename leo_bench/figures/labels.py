"""Labels beside an Axes, placed so that they do not overlap."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression

from leo_bench.figures.style import INK, SMALL, VariantStyle


def write_ends(ax: Axes, ends: Sequence[tuple[float, str, VariantStyle]]) -> None:
    """Write a label with its mark right of the Axes, near each value of the y axis. ends: (value, text, style)."""
    left = ax.get_xlim()[0]
    near = [float((ax.transScale + ax.transLimits).transform((left, value))[1]) for value, _, _ in ends]
    height = float(ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted()).height)
    n_lines = np.array([text.count("\n") + 1 for _, text, _ in ends])
    line = min(0.0165 * SMALL / height, 1.16 / max(n_lines.sum(), 1))
    for (_, text, style), at in zip(ends, without_overlap(near, line * n_lines, limits=(-0.12, 1.06)), strict=True):
        ax.plot(
            1.05, at, marker=style.marker, color=style.colour, markersize=4.5, linestyle="none", clip_on=False,
            transform=ax.transAxes,
        )  # fmt: skip
        ax.text(1.09, at, text, transform=ax.transAxes, va="center", color=INK, fontsize=SMALL, linespacing=1.0)


def without_overlap(
    values: Sequence[float], sizes: ArrayLike, limits: tuple[float, float] = (-np.inf, np.inf)
) -> list[float]:
    """Return places for labels: the values in their order, moved as little as needed (least squares) to not overlap.

    sizes: height of each label, or of all. limits: (low, high) for the places, kept if there is room.
    """
    order = np.argsort(values, kind="stable")
    heights = np.broadcast_to(np.asarray(sizes, float), len(values))[order]
    offsets = np.cumsum(heights) - heights / 2
    if not len(order):
        return []
    found = isotonic_regression(np.asarray(values, float)[order] - offsets).x
    low = limits[0] - offsets[0]
    places = np.empty(len(order))
    places[order] = np.clip(found, low, max(limits[1] - offsets[-1], low)) + offsets
    return [float(place) for place in places]
