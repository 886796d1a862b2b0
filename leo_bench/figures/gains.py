"""Change of accuracy by adaptation, by the steps taken."""

from functools import partial
from textwrap import fill

import pandas as pd
from matplotlib.axes import Axes

from leo_bench.figures.forest_plot import signed
from leo_bench.figures.intervals import interval_over_seeds
from leo_bench.figures.labels import write_ends
from leo_bench.figures.learning_curves import draw_lines
from leo_bench.figures.style import BAND, INK, LABEL_WIDTH, Styles, new_axes, style_axes

STEPS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
POINTS = (-100, -30, -10, -3, -1, 0, 1, 3, 10, 30, 100)
LINEAR = 10.0
"""Largest mean gain or loss, points, on a linear axis. A log scale shows larger ones beside small ones."""


def gains(frame: pd.DataFrame, styles: Styles, *, margin: float, ax: Axes | None = None) -> Axes:
    """Draw accuracy after adaptation minus before, in points, by steps: a line for each variant, labelled at its end.

    frame: columns variant, label, seed, gain (fraction), step (on a log scale from 1 on). Lines
    are means over seeds, with 95% t interval or single seeds. The margin that matters is shaded.
    """
    ax = ax or new_axes()
    shown = frame.assign(points=100 * frame["gain"])
    ax.axhspan(-100 * margin, 100 * margin, color=BAND, zorder=0, linewidth=0)
    ax.axhline(0, color=INK, linewidth=0.6, zorder=1)
    ends = draw_lines(ax, shown, styles, "step", "points", partial(interval_over_seeds, least=-100.0))
    means = shown.groupby(["variant", "step"])["points"].mean()
    low, high = min(means.min(), -100 * margin), max(means.max(), 100 * margin)
    if max(-low, high) > LINEAR:
        ax.set_yscale("symlog", linthresh=1.0, linscale=0.7)
        low, high = 1.6 * min(low, -1.0), 1.6 * max(high, 1.0)
        ticks = [points for points in POINTS if low <= points <= high]
        ax.set_yticks(ticks, labels=[f"{points:g}" for points in ticks])
        ax.set(ylabel="gain, points (log beyond 1)", ylim=(low, high))
    else:
        ax.set(ylabel="gain, points", ylim=(low - 0.25 * (high - low), high + 0.25 * (high - low)))
    _step_axis(ax, sorted(int(value) for value in shown["step"].unique()))
    write_ends(
        ax,
        [(value, fill(f"{label} {signed(value)}", LABEL_WIDTH), styles[name]) for name, (value, label) in ends.items()],
    )
    return style_axes(ax)


def _step_axis(ax: Axes, values: list[int]) -> None:
    """Set an axis of whole numbers from 0, on a log scale from 1 on."""
    ax.set_xscale("symlog", linthresh=1, linscale=0.4)
    ax.set(xlabel="steps taken (log scale)", xlim=(-0.12, 1.15 * values[-1] or 1))
    ticks = values if len(values) < 5 else [step for step in STEPS if step <= values[-1]]
    ax.set_xticks(ticks, labels=[f"{step:,}" for step in ticks])
    ax.minorticks_off()
