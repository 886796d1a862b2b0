"""Figures of an example episode: its drawings with the mistakes marked, and the paths of its class codes."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from sklearn.decomposition import PCA

from leo_bench.figures.drawings import AnswerGrid
from leo_bench.figures.style import COLOURS, FONT, GRID, INK, style_axes
from leo_bench.records.example import Example
from leo_bench.report.panels import ROOM, Panel, Plot

PANEL = 3.9
"""Width of a panel, inches."""
TOP, BOTTOM = 0.5, 0.06
"""Room above and below the drawings, inches."""


def grid_plot(example: Example) -> Plot:
    """Return the figure of the episode's drawings and the answers after adaptation."""
    (n_way, k_shot), n_query = example.support.shape[:2], example.query.shape[1]
    classes, side = np.arange(n_way), example.support.shape[2:]
    grid = AnswerGrid(
        example.names,
        example.support.reshape(-1, *side),
        classes.repeat(k_shot),
        example.query.reshape(-1, *side),
        classes.repeat(n_query),
        example.predicted[-1].ravel(),
    )
    wrong = {name: example.mistakes(index) for index, name in enumerate(example.names)}
    taken = [f"{name} taken for {other} {n} times" for name, others in wrong.items() for other, n in others.items()]
    width, height = grid.size
    panel = Panel(
        grid.draw,
        example.title,
        f"{example.correct[-1]} of {n_way * n_query} queries right",
        width=PANEL,
        height=height * (PANEL - 2 * ROOM) / width + TOP + BOTTOM,
        top=TOP,
        bottom=BOTTOM,
        alt=f"Support and query drawings of {n_way} classes. Mistakes: {', '.join(taken) or 'none'}",
    )
    caption = (
        f"A block for each class: left its {k_shot} support, right its {n_query} query drawings. In a heavy frame: "
        "queries taken for another class, whose name stands in the corner."
    )
    return Plot(f"episode-{example.which}", example.title, caption, [panel])


def code_plot(example: Example, codes: np.ndarray) -> Plot:
    """Return the figure of the codes' paths: all of them, and their movement alone, drawn larger."""
    panels = [_path_panel(example, codes, "Class codes", "ring: start; dot: end")]
    if np.any(codes != codes[0]):
        panels.append(_path_panel(example, codes - codes[0], "Movement alone, enlarged", "all starts in one point"))
    caption = (
        f"Class codes of test episode {example.index} before and after {len(codes) - 1} inner steps, by PCA over all "
        "steps and classes. Movement alone: all starts moved to one point, by a PCA of its own and on its own scale."
    )
    return Plot(f"codes-{example.which}", "Where the codes go", caption, panels)


def _path_panel(example: Example, codes: np.ndarray, title: str, subtitle: str) -> Panel:
    points, shares = project(codes)
    labels = [f"component {axis}, {share:.0%} of the variance" for axis, share in enumerate(shares, 1)]
    lengths = zip(example.names, np.linalg.norm(codes[-1] - codes[0], axis=-1), strict=True)
    moved = ", ".join(f"{name} {length:.2g}" for name, length in lengths)
    alt = f"{title} of test episode {example.index}. Distance of each class from start to end: {moved}"
    draw = partial(code_paths, example.names, points, xlabel=labels[0], ylabel=labels[1])
    return Panel(draw, title, subtitle, width=PANEL, height=3.4, alt=alt)


def project(codes: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Return codes [S + 1, N, D] on their first two principal components, [S + 1, N, 2], and the explained shares of
    variance. A code of one number has no second component.
    """
    flat = codes.reshape(-1, codes.shape[-1])
    found = PCA(min(2, *flat.shape), svd_solver="full").fit(flat)
    missing = (0, 2 - found.n_components_)
    points = np.pad(found.transform(flat), ((0, 0), missing))
    return points.reshape(*codes.shape[:2], 2), np.pad(found.explained_variance_ratio_, missing).tolist()


def code_paths(names: Sequence[str], points: np.ndarray, *, xlabel: str, ylabel: str, ax: Axes) -> Axes:
    """Draw paths of class codes in two dimensions: a ring at the start, a dot at the end, the name beside it.

    points: float [S + 1, N, 2].
    """
    for index, path in enumerate(points.swapaxes(0, 1)):
        colour = COLOURS[index % len(COLOURS)]
        ax.plot(*path.T, color=colour, linewidth=1.2, zorder=2)
        ax.plot(*path[0], "o", markersize=8, markerfacecolor="none", markeredgecolor=colour, zorder=3)
        ax.plot(*path[-1], "o", markersize=3.5, color=colour, zorder=3)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.margins(0.15)
    ax.set_aspect("equal", adjustable="datalim")
    style_axes(ax).grid(True, axis="both", color=GRID, linewidth=0.6)
    ax.locator_params(nbins=4)
    style: dict[str, Any] = {"ha": "center", "va": "center", "color": INK, "fontsize": FONT, "zorder": 4}
    for name, start, end in zip(names, points[0], points[-1], strict=True):
        onwards = 9 * (end - start) / (np.linalg.norm(end - start) or 1.0) if np.any(end != start) else (0, 9)
        ax.annotate(name, end, xytext=tuple(onwards), textcoords="offset points", **style)
    return ax
