"""Accuracy against searched parameters: one, two, or all of them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from leo_bench.figures.accuracy_axis import accuracy_axis
from leo_bench.figures.colour_scale import Bounds, accuracy_colours, write_colour_key
from leo_bench.figures.limits import accuracy_limits, mark_below
from leo_bench.figures.search.parameter_axis import Scale
from leo_bench.figures.style import COLOURS, FONT, INK, MUTED, PAPER, RAMP, SMALL, new_axes, style_axes


def parallel_coordinates(
    frame: pd.DataFrame, scales: Sequence[Scale], *, bounds: Bounds, best: int, ax: Axes | None = None
) -> Axes:
    """Draw one line per complete trial, through its value on each axis, from the first axis at the top to accuracy
    below.

    frame: columns number, accuracy (fraction) and each scale's name. Lines are coloured by accuracy, whose axis is the
    key; the best trial's line is heavy. Axes lie across the page, so that any number of them fits a phone.
    """
    ax = ax or new_axes()
    rows = frame.sort_values("accuracy", kind="stable")
    shares = [scale.shares(_apart(scale, rows[scale.name])) for scale in scales]
    low, high = bounds
    accuracy = np.clip((rows["accuracy"].to_numpy(float) - low) / (high - low), 0, 1)
    across = np.stack([*shares, accuracy])
    colours = accuracy_colours(list(rows["accuracy"]), bounds)
    for index, (number, colour) in enumerate(zip(rows["number"], colours, strict=True)):
        width, over = (2.6, 3.0) if number == best else (1.0, 2.0)
        ax.plot(across[:, index], range(len(across)), color=colour, linewidth=width, zorder=over)
        if number == best:
            ax.plot(across[-1, index], len(across) - 1, marker="*", color=INK, markersize=10, zorder=6, clip_on=False)
    for row, scale in enumerate(scales):
        ax.plot([0, 1], [row, row], color=INK, linewidth=1.0, zorder=4)
        _write_axis(ax, row, scale.name, [(float(scale.shares([at])[0]), text) for at, text in scale.ticks()])
    foot, step = len(scales), 1 / len(RAMP)
    for index, colour in enumerate(RAMP):
        box = Rectangle(
            (index * step, foot), step, 0.09, facecolor=colour, edgecolor=colour, linewidth=0.3, zorder=4, clip_on=False
        )
        ax.add_patch(box)
    ticks = [(share, f"{100 * (low + share * (high - low)):.1f}") for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    _write_axis(ax, foot + 0.09, "accuracy, %", ticks, foot)
    ax.set(xlim=(0, 1), ylim=(foot + 0.5, -0.42))
    ax.set_axis_off()
    return ax


def _apart(scale: Scale, values: "pd.Series[float] | pd.Series[str]") -> np.ndarray:
    """Return positions of values on a scale; those of one choice are spread in their order, so that lines can be told
    apart."""
    places = scale.places(values.tolist())
    if scale.choices:
        for place in np.unique(places):
            same = np.flatnonzero(places == place)
            places[same] += np.linspace(-0.3, 0.3, len(same)) if len(same) > 1 else 0.0
    return places


def _write_axis(ax: Axes, row: float, name: str, ticks: Sequence[tuple[float, str]], head: float | None = None) -> None:
    """Draw ticks below a line across the Axes, and the name above its left end (above head if that is higher).

    Texts have a background, so that the lines of trials do not cross them.
    """
    paper = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.6}
    for share, text in ticks:
        ax.plot([share, share], [row, row + 0.06], color=INK, linewidth=0.8, zorder=4.5, clip_on=False)
        side = "left" if share < 0.02 else "right" if share > 0.98 else "center"
        ax.text(
            share, row + 0.09, text, ha=side, va="top", color=INK, fontsize=SMALL, bbox=paper, zorder=4.2, linespacing=1
        )
    ax.text(
        0, (row if head is None else head) - 0.08, name, ha="left", va="bottom", color=INK, fontsize=FONT,
        weight="bold", bbox=paper, zorder=4.2,
    )  # fmt: skip


def accuracy_slice(
    frame: pd.DataFrame, scale: Scale, *, best: int, error: bool = False, ax: Axes | None = None
) -> Axes:
    """Draw accuracy against one parameter: a point per complete trial, a star for the best.

    frame: columns number, state, accuracy (fraction, of complete trials) and the scale's name. Pruned trials are ticks
    at the upper edge; a trial below the axis has an arrowhead. error: draw errors, on a log scale.
    """
    ax = ax or new_axes()
    complete, pruned = (frame[frame["state"] == state] for state in ("complete", "pruned"))
    low, high = accuracy_limits(list(100 * complete["accuracy"]), error=error)
    x, y = scale.places(list(complete[scale.name])), 100 * complete["accuracy"].to_numpy(float)
    if scale.choices:
        x = x + _beside(y)
    scale.on(ax, "x")
    above = y >= low
    own = (complete["number"] == best).to_numpy()
    ax.scatter(x[above & ~own], y[above & ~own], s=20, color=COLOURS[0], alpha=0.8, linewidth=0, zorder=3)
    ax.plot(x[own], y[own], marker="*", color=INK, markersize=11, linestyle="none", zorder=4)
    mark_below(ax, list(x[~above]), COLOURS[0])
    ax.plot(
        scale.places(list(pruned[scale.name])), [1.0] * len(pruned), marker="|", color=MUTED, markersize=7,
        markeredgewidth=1.2, linestyle="none", clip_on=False, transform=ax.get_xaxis_transform(), zorder=3,
    )  # fmt: skip
    accuracy_axis(ax, low, high, error)
    return style_axes(ax)


def _beside(values: np.ndarray) -> np.ndarray:
    """Return small shifts, the same at every call, that keep points of one choice from hiding each other; float [n]."""
    order = np.argsort(values, kind="stable")
    shifts = np.empty(len(values))
    shifts[order] = 0.08 * (np.arange(len(values)) % 5 - 2)
    return shifts


def accuracy_map(
    frame: pd.DataFrame,
    scales: tuple[Scale, Scale],
    edges: tuple[Sequence[float], Sequence[float]],
    *,
    bounds: Bounds,
    best: int,
    ax: Axes | None = None,
) -> Axes:
    """Draw accuracy over two parameters: each complete trial as a point over the mean of its cell.

    frame: columns number, accuracy (fraction) and both scales' names. edges: of the cells on each axis, n + 1 positions
    in order. Cells without a trial are left open.
    """
    ax = ax or new_axes()
    (x_scale, y_scale), (x_edges, y_edges) = scales, edges
    x, y = x_scale.places(list(frame[x_scale.name])), y_scale.places(list(frame[y_scale.name]))
    for (column, row), mean in cell_means(x, y, list(frame["accuracy"]), x_edges, y_edges).items():
        (colour,) = accuracy_colours([mean], bounds)
        box = Rectangle(
            (x_edges[column], y_edges[row]), x_edges[column + 1] - x_edges[column], y_edges[row + 1] - y_edges[row],
            facecolor=colour, edgecolor=PAPER, linewidth=1.0, zorder=1,
        )  # fmt: skip
        ax.add_patch(box)
    x_scale.on(ax, "x")
    y_scale.on(ax, "y")
    if x_scale.choices:
        x = x + 2 * _beside(y_scale.shares(y))
    if y_scale.choices:
        y = y + 2 * _beside(x_scale.shares(x))
    own = (frame["number"] == best).to_numpy()
    colours = np.array(accuracy_colours(list(frame["accuracy"]), bounds))
    ax.scatter(x[~own], y[~own], s=44, c=list(colours[~own]), edgecolor=PAPER, linewidth=1.1, zorder=3, clip_on=False)
    ax.scatter(
        x[own], y[own], s=150, marker="*", c=list(colours[own]), edgecolor=PAPER, linewidth=1.1, zorder=4, clip_on=False
    )
    write_colour_key(ax, bounds)
    style_axes(ax)
    ax.grid(False)
    return ax


def cell_means(
    x: np.ndarray, y: np.ndarray, values: Sequence[float], x_edges: Sequence[float], y_edges: Sequence[float]
) -> dict[tuple[int, int], float]:
    """Return (column, row) -> mean of the values in that cell, for cells with values. x, y: float [n].

    A value on an edge counts for the cell after it, on the last edge for the cell before.
    """
    columns, rows = (
        np.clip(np.searchsorted(np.asarray(edges, float)[1:-1], places, side="right"), 0, len(edges) - 2)
        for places, edges in ((x, x_edges), (y, y_edges))
    )
    cells: dict[tuple[int, int], list[float]] = {}
    for column, row, value in zip(columns.tolist(), rows.tolist(), values, strict=True):
        cells.setdefault((column, row), []).append(float(value))
    return {cell: float(np.mean(found)) for cell, found in sorted(cells.items())}
