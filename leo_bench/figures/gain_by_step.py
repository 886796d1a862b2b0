"""Change of accuracy by adaptation, against the steps taken."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from leo_bench.figures.gain_lines import draw_gain_lines, label_gains
from leo_bench.figures.style import Styles, new_axes, style_axes

TICKS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
LOSS_SHOWN = 0.1
"""Points by which the last step must be below the best one for a ring."""


def gain_by_step(frame: pd.DataFrame, styles: Styles, *, margin: float, ax: Axes | None = None) -> Axes:
    """Draw accuracy minus that at step 0, in points, by steps taken, which are on a log scale from 1 on.

    Lines are those of `draw_gain_lines`, labelled at their ends with the last gain. A ring marks the best step of a
    line whose last step is LOSS_SHOWN points lower. frame: columns variant, label, seed, step, gain (fraction).
    """
    ax = ax or new_axes()
    means = draw_gain_lines(ax, frame, styles, x="step", margin=margin)
    for name, mean in means.items():
        best = mean[mean == mean.max()].iloc[:1]
        if best.iloc[0] - mean.iloc[-1] >= LOSS_SHOWN:
            ax.plot(
                best.index, best, marker="o", markersize=9, markerfacecolor="none", markeredgewidth=1.0,
                markeredgecolor=styles[name].colour, zorder=4,
            )  # fmt: skip
    _count_steps(ax, max(int(mean.index.max()) for mean in means.values()))
    ax.set(xlabel="steps taken (log scale from 1 on)", ylabel="gain, points")
    label_gains(ax, means, frame, styles)
    return style_axes(ax)


def _count_steps(ax: Axes, last: int) -> None:
    """Set an axis of steps from 0 to last."""
    ax.set_xscale("symlog", linthresh=1, linscale=0.4)
    ax.set_xlim(-0.12, max(1.12 * last, 1.2))
    ax.xaxis.set_major_locator(FixedLocator([step for step in TICKS if step <= last]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
