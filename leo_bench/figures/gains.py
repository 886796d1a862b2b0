"""Change of accuracy by adaptation: by steps taken, by support images of a class, by the error before."""

from functools import partial
from textwrap import fill

import pandas as pd
from matplotlib.axes import Axes

from leo_bench.figures.intervals import interval_over_seeds
from leo_bench.figures.labels import write_ends
from leo_bench.figures.learning_curves import draw_lines
from leo_bench.figures.style import INK, LABEL_WIDTH, SMALL, Styles, style_axes
from leo_bench.records import signed

COUNTED = {"step": "steps taken", "k_shot": "support images of a class"}
"""Column on the x axis -> its label."""
STEPS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
POINTS = (-100, -30, -10, -3, -1, 0, 1, 3, 10, 30, 100)
SMALLEST = 0.5
"""Points that the axis has at least on either side of 0, so that next to nothing does not fill it."""
LINEAR = 10.0
"""Largest mean gain or loss, points, on a linear axis. A log scale shows larger ones beside small ones."""
MOST_SHADED = 6
"""Lines of an Axes whose intervals are drawn. Those of more lines would hide each other."""


def gains(frame: pd.DataFrame, styles: Styles, *, x: str = "step", ax: Axes) -> Axes:
    """Draw accuracy after adaptation minus before, in points, by x: a line for each variant, labelled at its end.

    frame: columns variant, label, seed, gain (fraction) and x, one of COUNTED, on a log scale from 1 on. Lines are
    means over seeds, up to MOST_SHADED of them with 95% t interval or single seeds.
    """
    shown = frame.assign(points=100 * frame["gain"])
    ax.axhline(0, color=INK, linewidth=0.6, zorder=1)
    interval = partial(interval_over_seeds, least=-100.0) if shown["variant"].nunique() <= MOST_SHADED else None
    ends = draw_lines(ax, shown, styles, x, "points", interval)
    means = shown.groupby(["variant", x])["points"].mean()
    low, high = min(means.min(), -SMALLEST), max(means.max(), SMALLEST)
    if max(-low, high) > LINEAR:
        ax.set_yscale("symlog", linthresh=1.0, linscale=0.7)
        low, high = 1.6 * min(low, -1.0), 1.6 * max(high, 1.0)
        ticks = [points for points in POINTS if low <= points <= high]
        ax.set_yticks(ticks, labels=[f"{points:g}" for points in ticks])
        ax.set(ylabel="gain, points (log beyond 1)", ylim=(low, high))
    else:
        ax.set(ylabel="gain, points", ylim=(low - 0.25 * (high - low), high + 0.25 * (high - low)))
    _count_axis(ax, sorted(int(value) for value in shown[x].unique()), COUNTED[x])
    write_ends(
        ax,
        [(value, fill(f"{label} {signed(value)}", LABEL_WIDTH), styles[name]) for name, (value, label) in ends.items()],
    )
    return style_axes(ax)


def gain_by_error(frame: pd.DataFrame, styles: Styles, *, ax: Axes) -> Axes:
    """Draw the gain of each test, in points, against its error before adapting: means over seeds with intervals.

    frame: columns dataset, test, seed, gain and error (fractions). Colours are those of the data sets, each named once.
    """
    ax.axhline(0, color=INK, linewidth=0.6, zorder=1)
    for dataset, rows in frame.groupby("dataset", sort=False):
        style = styles[str(dataset)]
        for _, own in rows.groupby("test", sort=False):
            place, gain = 100 * own["error"].mean(), 100 * own["gain"]
            ax.plot([place, place], interval_over_seeds(gain, least=-100.0), color=style.colour, linewidth=1.2)
            ax.plot(place, gain.mean(), style.marker, color=style.colour)
        ax.plot([], [], style.marker, color=style.colour, label=dataset)
    ax.set(xlabel="error before adapting, %", ylabel="gain, points")
    ax.legend(frameon=False, fontsize=SMALL)
    return style_axes(ax)


def _count_axis(ax: Axes, values: list[int], xlabel: str) -> None:
    """Set an axis of whole numbers, with 0 if it is among the values, on a log scale from 1 on."""
    ax.set_xscale("symlog", linthresh=1, linscale=0.4)
    ax.set(xlabel=f"{xlabel} (log scale)", xlim=(-0.12 if values[0] == 0 else values[0] / 1.15, 1.15 * values[-1] or 1))
    ticks = values if len(values) < 5 else [step for step in STEPS if values[0] <= step <= values[-1]]
    ax.set_xticks(ticks, labels=[f"{step:,}" for step in ticks])
    ax.minorticks_off()
