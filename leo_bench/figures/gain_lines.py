"""Lines of gains: change of accuracy by adaptation, in points, against steps or shots."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from leo_bench.figures.forest_plot import signed
from leo_bench.figures.intervals import LEAST_SEEDS
from leo_bench.figures.labels import write_ends
from leo_bench.figures.limits import lowest_shown, mark_below
from leo_bench.figures.style import BAND, INK, Styles
from leo_bench.statistics import seed_interval


def draw_gain_lines(
    ax: Axes, frame: pd.DataFrame, styles: Styles, *, x: str, margin: float
) -> "dict[str, pd.Series[float]]":
    """Draw a line of gains for each variant, and set the y axis. Returns variant -> mean gain in points by x.

    Lines are means over seeds, with 95% t interval or single seeds. The margin that matters is shaded; a mean below the
    axis has an arrowhead at its edge. frame: columns variant, seed, gain (fraction), and the one named by x.
    """
    draw_margin(ax, margin)
    shown = frame.assign(points=100 * frame["gain"])
    lines = {str(name): rows for name, rows in shown.groupby("variant", sort=False)}
    for name, rows in lines.items():
        style = styles[name]
        sns.lineplot(
            rows, x=x, y="points", errorbar=gain_interval, err_kws={"alpha": 0.13, "linewidth": 0}, legend=False,
            color=style.colour, linewidth=1.5, marker=style.marker, markersize=4.5, markeredgewidth=0, ax=ax,
        )  # fmt: skip
        if 1 < rows["seed"].nunique() < LEAST_SEEDS:
            for _, own in rows.sort_values(x).groupby("seed"):
                ax.plot(own[x], own["points"], color=style.colour, linewidth=0.6, alpha=0.7)
    means = {name: rows.groupby(x)["points"].mean() for name, rows in lines.items()}
    ax.set_ylim(*gain_limits([point for mean in means.values() for point in mean], ax.get_ylim(), margin))
    low = ax.get_ylim()[0]
    for name, mean in means.items():
        mark_below(ax, [float(at) for at in mean.index[mean < low]], styles[name].colour)
    return means


def label_gains(ax: Axes, means: "dict[str, pd.Series[float]]", frame: pd.DataFrame, styles: Styles) -> None:
    """Write each line's label and last gain at its right end. frame: columns variant, label."""
    labels = frame.groupby("variant", sort=False)["label"].first()
    write_ends(ax, [(m.iloc[-1], f"{labels[n]}: {signed(m.iloc[-1])}", styles[n]) for n, m in means.items()])


def draw_margin(ax: Axes, margin: float) -> None:
    """Draw a line at no gain, and shade the margin that matters (fraction)."""
    ax.axhspan(-100 * margin, 100 * margin, color=BAND, zorder=0, linewidth=0)
    ax.axhline(0, color=INK, linewidth=0.6, zorder=1)


def gain_interval(values: "pd.Series[float]") -> tuple[float, float]:
    """Return the 95% t interval over seeds, for seaborn; with fewer than LEAST_SEEDS seeds both ends are the mean."""
    found = seed_interval(np.asarray(values, float))
    if found.low is None or found.high is None or len(values) < LEAST_SEEDS:
        return found.mean, found.mean
    return found.low, found.high


def gain_limits(means: list[float], drawn: tuple[float, float], margin: float) -> tuple[float, float]:
    """Return the limits of the axis, points: those of what is drawn, but a few poor means must not flatten the rest."""
    low = lowest_shown(means)
    low, high = max(drawn[0], low - 0.06 * (max(means) - low)), drawn[1]
    return min(low, -200 * margin), max(high, 200 * margin)
