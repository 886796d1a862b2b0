"""The space that a search looks through: its parameters as axes, trials as lines and points on them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from leo_bench.figures.axis import accuracy_axis, best_view, write_below
from leo_bench.figures.ramp import Bounds, ramp_colours, write_ramp_key
from leo_bench.figures.style import COLOURS, FONT, INK, MUTED, PAPER, RAMP, SMALL, dress, new_axes


@dataclass(frozen=True)
class Scale:
    """The axis of one parameter: a range, or choices at 0, 1, 2, ... in their order."""

    name: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    whole: bool = False
    choices: tuple[str, ...] = ()

    def places(self, values: Sequence[float] | Sequence[str]) -> np.ndarray:
        """Where values stand on the axis: numbers as they are, choices by their position; float [n]."""
        if self.choices:
            return np.array([self.choices.index(str(value)) for value in values], float)
        return np.asarray(values, float)

    def words(self, value: float | str) -> str:
        """`96`, `0.0213`, `shared`: a value in a frame."""
        return str(value) if self.choices else f"{float(value):.0f}" if self.whole else number_words(float(value))

    @property
    def ends(self) -> tuple[float, float]:
        """The axis from end to end, with room for choices."""
        return (-0.5, len(self.choices) - 0.5) if self.choices else (self.low, self.high)

    def shares(self, places: Sequence[float] | np.ndarray) -> np.ndarray:
        """Places as shares of the way along the axis, 0 to 1; float [n]."""
        low, high = self.ends
        points = np.asarray(places, float)
        if self.log:
            points, low, high = np.log(points), float(np.log(low)), float(np.log(high))
        return (points - low) / (high - low) if high > low else np.full(points.shape, 0.5)

    def ticks(self) -> list[tuple[float, str]]:
        """(place, text), the ends of a range among them."""
        if self.choices:
            return [(float(index), text) for index, text in enumerate(self.choices)]
        if self.low == self.high:
            return [(self.low, number_words(self.low))]
        if self.whole and self.high - self.low <= 10:
            return [(float(value), str(value)) for value in range(int(self.low), int(self.high) + 1)]
        nice = log_ticks(self.low, self.high) if self.log else MaxNLocator(4).tick_values(self.low, self.high)
        inside = [tick for tick, share in zip(nice, self.shares(nice), strict=True) if 0.14 < share < 0.86]
        return [(float(tick), number_words(float(tick))) for tick in (self.low, *inside, self.high)]

    def on(self, axis: Axes, which: str) -> None:
        """Make this the Axes' x or y axis."""
        low, high = self.ends
        if self.log:
            room = (high / low) ** 0.03
            limits = (low / room, high * room)
        else:
            room = 0.0 if self.choices else max(0.03 * (high - low), 0.5 if self.whole else 0.0) or 0.5
            limits = (low - room, high + room)
        ticks = self.ticks()
        own = axis.xaxis if which == "x" else axis.yaxis
        axis.set(**{f"{which}scale": "log" if self.log else "linear", f"{which}label": self.name})
        axis.set(**{f"{which}lim": limits})
        own.set_major_locator(FixedLocator([place for place, _ in ticks]))
        own.set_minor_locator(NullLocator())
        own.set_ticklabels([text for _, text in ticks])


def number_words(value: float) -> str:
    """`0.0213`, `58.1`, `1,076`: three digits, all of a large number's."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers within limits of a log scale, more of them where it is short."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    found: list[float] = []
    for factors in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
        found = [value for power in powers for factor in factors if low <= (value := factor * 10.0**power) <= high]
        if len(found) >= 3:
            break
    return found


def parallel_coordinates(
    frame: pd.DataFrame, scales: Sequence[Scale], *, bounds: Bounds, best: int, ax: Axes | None = None
) -> Axes:
    """One line a complete trial, through its value on each axis, from the first axis at the top to accuracy below.

    frame: columns number, accuracy (fraction) and each scale's name. Coloured by accuracy, whose axis is the key; the
    best trial's line is heavy. Axes lie across the page, so that any number of them fits a phone.
    """
    ax = ax or new_axes()
    rows = frame.sort_values("accuracy", kind="stable")
    shares = [scale.shares(_apart(scale, rows[scale.name])) for scale in scales]
    low, high = bounds
    accuracy = np.clip((rows["accuracy"].to_numpy(float) - low) / (high - low), 0, 1)
    across = np.stack([*shares, accuracy])
    colours = ramp_colours(list(rows["accuracy"]), bounds)
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
    """Places of values on a scale; those of one choice spread in the order that they come in, so that lines are told
    apart."""
    places = scale.places(values.tolist())
    if scale.choices:
        for place in np.unique(places):
            same = np.flatnonzero(places == place)
            places[same] += np.linspace(-0.3, 0.3, len(same)) if len(same) > 1 else 0.0
    return places


def _write_axis(ax: Axes, row: float, name: str, ticks: Sequence[tuple[float, str]], head: float | None = None) -> None:
    """Ticks below a line across the Axes and the name above its left end (above head where that is higher); on paper,
    so that the lines of trials do not cross them."""
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
    """Accuracy against one parameter, a point a complete trial, the best one a star.

    frame: columns number, state, accuracy (fraction, of complete trials) and the scale's name; pruned trials are ticks
    at the upper edge. What lies below the axis has an arrowhead there. error: draw errors, on a log scale.
    """
    ax = ax or new_axes()
    complete, pruned = (frame[frame["state"] == state] for state in ("complete", "pruned"))
    low, high = best_view(list(100 * complete["accuracy"]), error=error)
    x, y = scale.places(list(complete[scale.name])), 100 * complete["accuracy"].to_numpy(float)
    if scale.choices:
        x = x + _beside(y)
    scale.on(ax, "x")
    above = y >= low
    own = (complete["number"] == best).to_numpy()
    ax.scatter(x[above & ~own], y[above & ~own], s=20, color=COLOURS[0], alpha=0.8, linewidth=0, zorder=3)
    ax.plot(x[own], y[own], marker="*", color=INK, markersize=11, linestyle="none", zorder=4)
    write_below(ax, list(x[~above]), COLOURS[0])
    ax.plot(
        scale.places(list(pruned[scale.name])), [1.0] * len(pruned), marker="|", color=MUTED, markersize=7,
        markeredgewidth=1.2, linestyle="none", clip_on=False, transform=ax.get_xaxis_transform(), zorder=3,
    )  # fmt: skip
    accuracy_axis(ax, low, high, error)
    return dress(ax)


def _beside(values: np.ndarray) -> np.ndarray:
    """Small shifts, the same at every call, that keep points of one choice from hiding each other; float [n]."""
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
    """Accuracy over two parameters: each complete trial as a point over the mean of its cell.

    frame: columns number, accuracy (fraction) and both scales' names. edges: of the cells on each axis, n + 1 places in
    order. Cells without a trial are left open.
    """
    ax = ax or new_axes()
    (x_scale, y_scale), (x_edges, y_edges) = scales, edges
    x, y = x_scale.places(list(frame[x_scale.name])), y_scale.places(list(frame[y_scale.name]))
    for (column, row), mean in cell_means(x, y, list(frame["accuracy"]), x_edges, y_edges).items():
        (colour,) = ramp_colours([mean], bounds)
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
    colours = np.array(ramp_colours(list(frame["accuracy"]), bounds))
    ax.scatter(x[~own], y[~own], s=44, c=list(colours[~own]), edgecolor=PAPER, linewidth=1.1, zorder=3, clip_on=False)
    ax.scatter(
        x[own], y[own], s=150, marker="*", c=list(colours[own]), edgecolor=PAPER, linewidth=1.1, zorder=4, clip_on=False
    )
    write_ramp_key(ax, bounds)
    dress(ax)
    ax.grid(False)
    return ax


def cell_means(
    x: np.ndarray, y: np.ndarray, values: Sequence[float], x_edges: Sequence[float], y_edges: Sequence[float]
) -> dict[tuple[int, int], float]:
    """(column, row) -> mean of the values in that cell, of cells that have any. x, y: float [n]. What lies on an edge
    counts to the cell after it, at the last edge to the cell before."""
    columns, rows = (
        np.clip(np.searchsorted(np.asarray(edges, float)[1:-1], places, side="right"), 0, len(edges) - 2)
        for places, edges in ((x, x_edges), (y, y_edges))
    )
    cells: dict[tuple[int, int], list[float]] = {}
    for column, row, value in zip(columns.tolist(), rows.tolist(), values, strict=True):
        cells.setdefault((column, row), []).append(float(value))
    return {cell: float(np.mean(found)) for cell, found in sorted(cells.items())}
