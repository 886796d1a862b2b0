"""Accuracy against a cost, with the Pareto front."""

from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from leo_bench.figures.accuracy_axis import accuracy_axis
from leo_bench.figures.labels import heights, write_key
from leo_bench.figures.style import INK, MUTED, Styles, new_axes, style_axes
from leo_bench.statistics import pareto_front

COSTS = {
    "train_seconds": ("training time of one run, minutes", 1 / 60),
    "peak_memory_mb": ("peak memory of a run's process, MB", 1.0),
    "n_parameters": ("parameters, thousands", 1 / 1000),
}
"""Column of a frame of scores -> label of its axis, and the factor from the column to the axis."""
NOTHING = 0.01
"""Share of the largest cost below which a cost is drawn as zero, at the left edge of a logarithmic axis."""
MEASURED = ("train_seconds", "peak_memory_mb")
"""Costs that differ between runs of the same settings."""


def seed_spread(frame: pd.DataFrame, cost: str) -> float | None:
    """Return the largest ratio of a cost between seeds of one variant; None if no variant has two seeds.

    frame: columns variant and the cost's.
    """
    if cost not in MEASURED:
        return 1.0
    costs = frame.loc[frame[cost] > NOTHING * frame[cost].max()].groupby("variant")[cost]
    several = costs.size() > 1
    return float((costs.max() / costs.min())[several].max()) if several.any() else None


def cost_front(frame: pd.DataFrame, cost: str) -> list[str]:
    """Return the variants on the Pareto front of mean cost and mean accuracy, from low to high cost.

    Empty if all variants' costs differ by no more than those of seeds of one variant, or if that is not known.
    """
    means = frame.groupby("variant", sort=False)[[cost, "accuracy"]].mean()
    spread = seed_spread(frame, cost)
    if spread is None or (spread > 1 and means[cost].max() <= spread * means[cost].min()):
        return []
    return [str(means.index[index]) for index in pareto_front(list(means[cost]), list(means["accuracy"]), spread)]


def spans_decades(frame: pd.DataFrame, cost: str) -> bool:
    """Return True if costs, except those next to zero, differ by more than a factor of 5, so that a log axis is
    needed.
    """
    positive = frame.loc[frame[cost] > NOTHING * frame[cost].max(), cost]
    return len(positive) > 0 and bool(positive.max() > 5 * positive.min())


def accuracy_by_cost(
    frame: pd.DataFrame,
    styles: Styles,
    *,
    cost: str = "train_seconds",
    logarithmic: bool = False,
    error: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw accuracy against a cost (one of COSTS): one marker per variant (mean over seeds), its seeds as small points.

    frame: columns variant, label, seed, accuracy and the cost's. A line joins the variants on the Pareto front
    (`cost_front`); the key on the right, in order of accuracy, has them in bold. logarithmic: log scale for the cost,
    with costs next to zero at its left edge. error: draw errors, on a log scale.
    """
    ax = ax or new_axes()
    words, factor = COSTS[cost]
    runs = frame.assign(x=factor * frame[cost], percent=100 * frame["accuracy"])
    means = runs.groupby("variant", sort=False)[["x", "percent"]].mean()
    positive = runs.loc[runs["x"] > NOTHING * runs["x"].max(), "x"]
    edge = float(positive.min()) / 2.5 if logarithmic else 0.0
    on_front = cost_front(frame, cost)
    for name, rows in runs.groupby("variant", sort=False):
        style, at = styles[str(name)], means.loc[name]
        ax.scatter(
            rows["x"].clip(edge),
            rows["percent"],
            s=7,
            color=style.colour,
            alpha=0.5,
            linewidth=0,
            zorder=2,
            clip_on=False,
        )
        place, height = max(at["x"], edge), at["percent"]
        over = 4 if style.colour == INK else 3
        ax.plot(
            place, height, marker=style.marker, color=style.colour, markersize=6, linestyle="none", zorder=over,
            clip_on=False,
        )  # fmt: skip
    best = means.loc[on_front]
    ax.plot(best["x"].clip(edge), best["percent"], drawstyle="steps-post", color=MUTED, linewidth=1.0, zorder=1.5)
    _cost_axis(ax, logarithmic, edge if len(positive) < len(runs) else None)
    ax.set(xlabel=words)
    low, high = ax.get_ylim()
    if error:
        high = 100 - 0.6 * (100 - float(runs["percent"].max()))
    accuracy_axis(ax, low, high, error)
    labels = runs.groupby("variant", sort=False)["label"].first()
    places = heights(ax, list(means["percent"]))
    entries = zip(places, labels, means["percent"], map(str, means.index), strict=True)
    write_key(
        ax,
        [
            (place, fill(f"{label} {percent:.1f}", 24), styles[name], name in on_front)
            for place, label, percent, name in entries
        ],
    )
    return style_axes(ax)


def _cost_axis(ax: Axes, logarithmic: bool, zero: float | None) -> None:
    """Set the x axis, from 0 or logarithmic. zero: position of zero costs on a logarithmic axis."""
    ax.margins(x=0.08, y=0.05)
    if not logarithmic:
        ax.set_xlim(left=max(0.0, ax.get_xlim()[0]))
        return
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    nice = [
        factor * 10.0**power
        for power in range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        for factor in ((1, 2, 5) if high < 30 * low else (1, 3))
    ]
    ticks = [tick for tick in nice if low <= tick <= high and (zero is None or tick > 1.8 * zero)]
    ax.set_xticks([*([] if zero is None else [zero]), *ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: "0" if value == zero else f"{value:,g}"))
