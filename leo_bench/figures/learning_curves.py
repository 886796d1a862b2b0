"""Lines with a label at their right ends: learning curves, and what they share with gains."""

from collections.abc import Callable, Sequence
from textwrap import fill

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogFormatter, MaxNLocator

from leo_bench.figures.accuracy_axis import accuracy_axis, stretch_axis
from leo_bench.figures.intervals import LEAST_SEEDS, interval_over_seeds
from leo_bench.figures.labels import write_ends
from leo_bench.figures.style import FONT, INK, LABEL_WIDTH, MUTED, Styles, style_axes

IN_SAMPLE_DASH = (0, (1, 1.2))
"""Dotted: validation on characters that were trained on."""


def learning_curves(frame: pd.DataFrame, styles: Styles, *, error: bool = False, ax: Axes) -> Axes:
    """Draw accuracy in training: validation with markers, training episodes faint and dashed; means over seeds.

    frame: columns variant, label, seed, episode, accuracy, part ("training" or "validation"), in_sample (True if the
    validation characters were trained on: the line is dotted). error: draw errors, on a log scale.
    """
    shown = frame.assign(percent=100 * frame["accuracy"])
    training, validation = (shown[shown["part"] == part] for part in ("training", "validation"))
    for name, rows in training.groupby("variant", sort=False):
        means = rows.groupby("episode")["percent"].mean()
        colour = styles[str(name)].colour
        ax.plot(means.index, means, color=colour, linewidth=0.9, linestyle=(0, (3, 1.5)), alpha=0.6)
    ends = draw_lines(
        ax, validation if len(validation) else training, styles, "episode", "percent", interval_over_seeds
    )
    low, high = ax.get_ylim()
    if error:
        high = 100 - 0.6 * (100 - float(shown["percent"].max()))
    elif high - low < 4:
        low, high = (low + high) / 2 - 2, (low + high) / 2 + 2
    accuracy_axis(ax, low, high, error)
    write_ends(ax, [(value, fill(label, LABEL_WIDTH), styles[name]) for name, (value, label) in ends.items()])
    ax.set(xlabel="training episodes")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    n_ticks = 4 if shown["episode"].max() < 10_000 else 2  # labels of six characters and more
    ax.xaxis.set_major_locator(MaxNLocator(n_ticks, integer=True))
    return style_axes(ax)


def accuracy_by_time(frame: pd.DataFrame, styles: Styles, *, levels: Sequence[float], ax: Axes) -> Axes:
    """Draw validation accuracy against training time, a line for each variant. Time and error are on log scales.

    frame: columns variant, label, seed, seconds, accuracy. levels: accuracies (fractions) marked by dashed lines.
    """
    shown = frame.assign(percent=100 * frame["accuracy"])
    ends = draw_lines(ax, shown, styles, "seconds", "percent", interval_over_seeds)
    ax.set_xscale("log")
    means = shown.groupby(["variant", "seconds"])["percent"].mean()
    stretch_axis(ax, float(means.min()), 100 - 0.6 * (100 - float(means.max())), "y")
    marked = [100 * level for level in levels]
    low, high = ax.get_ylim()
    ax.yaxis.set_major_locator(FixedLocator([value for value in {*ax.get_yticks(), *marked} if low <= value <= high]))
    for value in marked:
        ax.axhline(value, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    write_ends(ax, [(value, fill(label, LABEL_WIDTH), styles[name]) for name, (value, label) in ends.items()])
    ax.set(xlabel="training time, seconds of one core (log scale)", ylabel="accuracy, % (log scale of the error)")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    ax.xaxis.set_minor_formatter(LogFormatter(labelOnlyBase=False))  # 30, where the default writes a formula
    ax.tick_params(axis="x", which="minor", labelsize=FONT, labelcolor=INK)
    return style_axes(ax)


def draw_lines(
    ax: Axes,
    frame: pd.DataFrame,
    styles: Styles,
    x: str,
    y: str,
    interval: "Callable[[pd.Series[float]], tuple[float, float]] | None",
) -> dict[str, tuple[float, str]]:
    """Draw a line of means over seeds for each variant, with its interval; below LEAST_SEEDS seeds a thin line a seed.

    frame: columns variant, label, seed, x and y. interval: None for means alone. Returns variant -> (last mean, label).
    """
    ends = {}
    for name, rows in frame.groupby("variant", sort=False):
        style = styles[str(name)]
        dash = IN_SAMPLE_DASH if "in_sample" in rows and rows["in_sample"].all() else "-"
        sns.lineplot(
            rows, x=x, y=y, errorbar=interval, err_kws={"alpha": 0.13, "linewidth": 0}, legend=False, linewidth=1.5,
            color=style.colour, linestyle=dash, marker=style.marker, markersize=4.5, markeredgewidth=0, ax=ax,
        )  # fmt: skip
        if interval and 1 < rows["seed"].nunique() < LEAST_SEEDS:
            for _, own in rows.sort_values(x).groupby("seed"):
                ax.plot(own[x], own[y], color=style.colour, linewidth=0.6, linestyle=dash, alpha=0.7)
        ends[str(name)] = float(rows.loc[rows[x] == rows[x].max(), y].mean()), str(rows["label"].iloc[0])
    return ends
