"""Change of accuracy by adaptation, against the steps taken."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from leo_bench.figures.forest_plot import signed
from leo_bench.figures.intervals import LEAST_SEEDS
from leo_bench.figures.labels import write_ends
from leo_bench.figures.limits import lowest_shown, mark_below
from leo_bench.figures.style import BAND, INK, Styles, new_axes, style_axes
from leo_bench.statistics import seed_interval

TICKS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
LOSS_SHOWN = 0.1
"""Points by which the last step must be below the best one for a ring."""


def gain_by_step(frame: pd.DataFrame, styles: Styles, *, margin: float, ax: Axes | None = None) -> Axes:
    """Draw accuracy minus that at step 0, in points, by steps taken, which are on a log scale from 1 on.

    Lines are means over seeds, with 95% t interval or single seeds, labelled at their ends with the last gain. A ring
    marks the best step of a line whose last step is LOSS_SHOWN points lower. The margin that matters is shaded; a mean
    below the axis has an arrowhead at its edge. frame: columns variant, label, seed, step, gain (fraction).
    """
    ax = ax or new_axes()
    ax.axhspan(-100 * margin, 100 * margin, color=BAND, zorder=0, linewidth=0)
    ax.axhline(0, color=INK, linewidth=0.6, zorder=1)
    shown = frame.assign(points=100 * frame["gain"])
    lines = {str(name): rows for name, rows in shown.groupby("variant", sort=False)}
    for name, rows in lines.items():
        style = styles[name]
        sns.lineplot(
            rows, x="step", y="points", errorbar=_interval, err_kws={"alpha": 0.13, "linewidth": 0}, legend=False,
            color=style.colour, linewidth=1.5, marker=style.marker, markersize=4.5, markeredgewidth=0, ax=ax,
        )  # fmt: skip
        if 1 < rows["seed"].nunique() < LEAST_SEEDS:
            for _, own in rows.sort_values("step").groupby("seed"):
                ax.plot(own["step"], own["points"], color=style.colour, linewidth=0.6, alpha=0.7)
    means = {name: rows.groupby("step")["points"].mean() for name, rows in lines.items()}
    ax.set_ylim(*_limits([point for mean in means.values() for point in mean], ax.get_ylim(), margin))
    low, last = ax.get_ylim()[0], max(int(mean.index.max()) for mean in means.values())
    for name, mean in means.items():
        mark_below(ax, [float(step) for step in mean.index[mean < low]], styles[name].colour)
        best = mean[mean == mean.max()].iloc[:1]
        if best.iloc[0] - mean.iloc[-1] >= LOSS_SHOWN:
            ax.plot(
                best.index, best, marker="o", markersize=9, markerfacecolor="none", markeredgewidth=1.0,
                markeredgecolor=styles[name].colour, zorder=4,
            )  # fmt: skip
    _count_steps(ax, last)
    ax.set(xlabel="steps taken (log scale from 1 on)", ylabel="gain, points")
    write_ends(
        ax, [(m.iloc[-1], f"{lines[n]['label'].iloc[0]}: {signed(m.iloc[-1])}", styles[n]) for n, m in means.items()]
    )
    return style_axes(ax)


def _interval(values: "pd.Series[float]") -> tuple[float, float]:
    """Return the 95% t interval over seeds, for seaborn; with fewer than LEAST_SEEDS seeds both ends are the mean."""
    found = seed_interval(np.asarray(values, float))
    if found.low is None or found.high is None or len(values) < LEAST_SEEDS:
        return found.mean, found.mean
    return found.low, found.high


def _limits(means: list[float], drawn: tuple[float, float], margin: float) -> tuple[float, float]:
    """Return the limits of the axis, points: those of what is drawn, but a few poor means must not flatten the rest."""
    low = lowest_shown(means)
    low, high = max(drawn[0], low - 0.06 * (max(means) - low)), drawn[1]
    return min(low, -200 * margin), max(high, 200 * margin)


def _count_steps(ax: Axes, last: int) -> None:
    """Set an axis of steps from 0 to last."""
    ax.set_xscale("symlog", linthresh=1, linscale=0.4)
    ax.set_xlim(-0.12, max(1.12 * last, 1.2))
    ax.xaxis.set_major_locator(FixedLocator([step for step in TICKS if step <= last]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
