"""Accuracy against a cost."""

from textwrap import fill

import pandas as pd
from matplotlib.axes import Axes

from leo_bench.figures.accuracy_axis import accuracy_axis
from leo_bench.figures.intervals import interval_over_seeds
from leo_bench.figures.labels import write_ends
from leo_bench.figures.style import LABEL_WIDTH, Styles, style_axes

NOTHING = 0.01
"""Share of the largest cost below which a cost counts as zero: a log axis is linear there."""


def accuracy_by_cost(
    frame: pd.DataFrame, styles: Styles, *, cost: str, xlabel: str, error: bool = False, ax: Axes
) -> Axes:
    """Draw accuracy against a cost: a mark for each variant, labelled on the right.

    frame: columns variant, label, seed, accuracy and the cost's. Marks are means over seeds, with the 95% t interval of
    the accuracy. The cost is on a log scale if costs differ by more than a factor of 10. error: draw errors, on a log
    scale.
    """
    ends = []
    for name, rows in frame.assign(percent=100 * frame["accuracy"]).groupby("variant", sort=False):
        style, x, y = styles[str(name)], rows[cost].mean(), float(rows["percent"].mean())
        ax.plot([x, x], interval_over_seeds(rows["percent"]), color=style.colour, linewidth=1.2, zorder=2)
        ax.plot(x, y, marker=style.marker, color=style.colour, markersize=6, linestyle="none", zorder=3, clip_on=False)
        ends.append((y, fill(f"{rows['label'].iloc[0]} {y:.1f}", LABEL_WIDTH), style))
    most = float(frame[cost].max())
    least = float(frame.loc[frame[cost] > NOTHING * most, cost].min())
    ax.set(xlabel=xlabel, xlim=(0, 1.08 * most or 1.0))
    if most > 10 * least:
        ax.set_xscale("symlog", linthresh=least / 2, linscale=0.3)
        left = least / 1.5 if least == frame[cost].min() else 0.0
        ax.set(xlabel=f"{xlabel} (log scale)", xlim=(left, 1.5 * most))
        ticks = [0.0, *(factor * 10.0**power for power in range(-3, 7) for factor in (1, 3))]
        ax.set_xticks([tick for tick in ticks if tick == left or least / 2 < tick < 1.5 * most])
        ax.minorticks_off()
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    low, high = ax.get_ylim()
    accuracy_axis(ax, low, 100 - 60 * (1 - float(frame["accuracy"].max())) if error else high, error)
    write_ends(ax, ends)
    return style_axes(ax)
