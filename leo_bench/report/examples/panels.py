"""Figures of an example episode, with captions and alternative text."""

from functools import partial

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from leo_bench.records.example import Example
from leo_bench.report.examples.code_paths import code_paths
from leo_bench.report.examples.drawing_grids import episode_grid, grid_size
from leo_bench.report.panels import Panel, Plot

PANEL = 3.9
"""Width of a panel, inches."""
EDGES = {"left": 0.1, "right": 0.06, "top": 0.5, "bottom": 0.06}
"""Edges of a panel without axes, inches."""


def project(codes: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Return codes [S + 1, N, D] on their first two principal components, [S + 1, N, 2], and the explained shares of
    variance.

    PCA over all S + 1 codes of all N classes; a code of one number has no second component.
    """
    flat = codes.reshape(-1, codes.shape[-1])
    found = PCA(min(2, *flat.shape), svd_solver="full").fit(flat)
    missing = (0, 2 - found.n_components_)
    points = np.pad(found.transform(flat), ((0, 0), missing))
    return points.reshape(*codes.shape[:2], 2), np.pad(found.explained_variance_ratio_, missing).tolist()


def path_panel(example: Example, codes: np.ndarray, title: str, subtitle: str) -> Panel:
    """Return one panel of code paths."""
    points, shares = project(codes)
    frame = pd.DataFrame(
        [
            {"name": name, "step": step, "x": points[step, index, 0], "y": points[step, index, 1]}
            for index, name in enumerate(example.names)
            for step in range(len(codes))
        ]
    )
    xlabel, ylabel = (
        f"{order} component, {share:.0%} of the variance"
        for order, share in zip(("first", "second"), shares, strict=True)
    )
    lengths = np.linalg.norm(codes[-1] - codes[0], axis=-1)
    moved = ", ".join(f"{name} {length:.2g}" for name, length in zip(example.names, lengths, strict=True))
    return Panel(
        partial(code_paths, frame, xlabel=xlabel, ylabel=ylabel),
        title,
        subtitle,
        width=PANEL,
        height=3.4,
        left=0.8,
        right=0.2,
        alt=f"{title} of test episode {example.index}: each class's path. Distance from start to end: {moved}",
    )


def code_plot(example: Example, codes: np.ndarray) -> Plot:
    """Return the figure of the codes' paths: all of them, and their movement alone, drawn larger."""
    panels = [path_panel(example, codes, "Class codes", "ring: start; dot: end")]
    when = f"before and after {len(codes) - 1} inner steps" if len(codes) > 1 else "(no inner step is taken)"
    caption = f"Class codes of test episode {example.index} {when}, by PCA over all {codes[..., 0].size} codes"
    if np.any(codes != codes[0]):
        subtitle = "all starts moved to one point (ring); dot: end"
        panels.append(path_panel(example, codes - codes[0], "Movement alone, enlarged", subtitle))
        caption += (
            "; beside it the same paths with all starts moved to one point, by a PCA of their own and on their own "
            "scale"
        )
    return Plot(f"codes-{example.which}", "Where the codes go", f"{caption}. Names as in the drawings.", panels)


def grid_plot(example: Example) -> Plot:
    """Return the figure of the episode's drawings and the answers after adaptation."""
    n_way, k_shot, n_query = len(example.characters), example.support.shape[1], example.query.shape[1]
    width, height = grid_size(n_way, k_shot, n_query)
    scale = (PANEL - EDGES["left"] - EDGES["right"]) / width
    wrong = []
    for index, name in enumerate(example.names):
        others = example.mistakes(index)
        if others:
            taken = ", ".join(f"{count} as {other}" for other, count in others.items())
            wrong.append(f"{sum(others.values())} of {n_query} drawings of {name} ({taken})")
    panel = Panel(
        partial(episode_grid, example.names, example.support, example.query, example.predicted[-1]),
        example.title,
        f"left: support; right: queries, {example.correct[-1]} of {n_way * n_query} right",
        width=PANEL,
        height=height * scale + EDGES["top"] + EDGES["bottom"],
        alt=f"Support and query drawings of {n_way} classes. Mistakes: {'; '.join(wrong) or 'none'}",
        **EDGES,
    )
    support = f"{k_shot} support drawings" if k_shot > 1 else "one support drawing"
    caption = (
        f"A class per block: its {support}, then its {n_query} queries. In a heavy frame: queries taken for "
        "another class, whose name stands in the corner."
    )
    return Plot(f"episode-{example.which}", example.title, caption, [panel])
