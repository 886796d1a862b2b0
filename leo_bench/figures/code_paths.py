"""Paths of an episode's class codes in its inner loop, on two principal components."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from leo_bench.figures.style import COLOURS, FONT, INK, as_png, figure_style, style_axes


def code_paths_png(names: Sequence[str], codes: np.ndarray) -> bytes:
    """Return a PNG picture of the paths of class codes, and beside it of their movement alone, from one start.

    names: of the N classes. codes: float [S + 1, N, D], before the first of S steps and after each. The movement has
    principal components and a scale of its own, since the steps are often too short to be seen beside the distances.
    """
    shown = [("Class codes (ring: start; dot: end)", codes), ("Movement alone, enlarged", codes - codes[0])]
    with figure_style():
        figure = Figure(figsize=(7.8, 3.6), layout="constrained")
        for ax, (title, own) in zip(figure.subplots(1, 2), shown, strict=True):
            points, shares = project(own)
            code_paths(names, points, ax=ax).set_title(title, fontsize=FONT + 1, weight="bold", color=INK)
            labels = [f"component {axis}, {share:.0%} of the variance" for axis, share in enumerate(shares, 1)]
            ax.set(xlabel=labels[0], ylabel=labels[1])
        return as_png(figure)


def project(codes: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Return codes [S + 1, N, D] on their first two principal components, [S + 1, N, 2], and the explained shares of
    variance, 0 where there is none. A code of one number has no second component.
    """
    flat = codes.reshape(-1, codes.shape[-1])
    if not np.ptp(flat, axis=0).any():
        return np.zeros((*codes.shape[:2], 2)), [0.0, 0.0]
    found = PCA(min(2, *flat.shape), svd_solver="full").fit(flat)
    missing = (0, 2 - found.n_components_)
    points = np.pad(found.transform(flat), ((0, 0), missing))
    return points.reshape(*codes.shape[:2], 2), np.pad(found.explained_variance_ratio_, missing).tolist()


def code_paths(names: Sequence[str], points: np.ndarray, *, ax: Axes) -> Axes:
    """Draw paths of class codes in two dimensions: a ring at the start, a dot at the end, the name beside it.

    points: float [S + 1, N, 2].
    """
    for index, path in enumerate(points.swapaxes(0, 1)):
        colour = COLOURS[index % len(COLOURS)]
        ax.plot(*path.T, color=colour, linewidth=1.2, zorder=2)
        ax.plot(*path[0], "o", markersize=8, markerfacecolor="none", markeredgecolor=colour, zorder=3)
        ax.plot(*path[-1], "o", markersize=3.5, color=colour, zorder=3)
    ax.margins(0.15)
    ax.set_aspect("equal", adjustable="datalim")
    style_axes(ax, grid="both")
    ax.locator_params(nbins=4)
    style: dict[str, Any] = {"ha": "center", "va": "center", "color": INK, "fontsize": FONT, "zorder": 4}
    for name, start, end in zip(names, points[0], points[-1], strict=True):
        onwards = 9 * (end - start) / (np.linalg.norm(end - start) or 1.0) if np.any(end != start) else (0, 9)
        ax.annotate(name, end, xytext=tuple(onwards), textcoords="offset points", **style)
    return ax
