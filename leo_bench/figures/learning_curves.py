"""Accuracy by inner step, and learning curves."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from leo_bench.figures.accuracy_axis import accuracy_axis
from leo_bench.figures.intervals import LEAST_SEEDS, interval_over_seeds
from leo_bench.figures.labels import write_ends
from leo_bench.figures.style import Styles, new_axes, style_axes

SKIPPED = (0, (1, 1.2))
"""Dotted line: the steps between its ends were not scored."""


def accuracy_by_step(frame: pd.DataFrame, styles: Styles, *, error: bool = False, ax: Axes | None = None) -> Axes:
    """Draw accuracy before (step 0) and after each inner step: mean over seeds, with 95% t interval or single seeds.

    frame: columns variant, label, seed, step, accuracy; a line is dotted if steps between were not scored. error: draw
    errors, on a log scale.
    """
    ax = ax or new_axes()
    _lines(frame, "step", styles, error, ax)
    ax.set(xlabel="steps taken (0 = before adaptation)")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return style_axes(ax)


def learning_curves(frame: pd.DataFrame, styles: Styles, *, error: bool = False, ax: Axes | None = None) -> Axes:
    """Draw accuracy in training: validation solid with markers, training episodes faint and dashed; means over seeds.

    frame: columns variant, label, seed, episode, accuracy, part ("training" or "validation"). error: draw errors, on a
    log scale.
    """
    ax = ax or new_axes()
    training, validation = (frame[frame["part"] == part] for part in ("training", "validation"))
    for name, rows in training.groupby("variant", sort=False):
        means = rows.groupby("episode")["accuracy"].mean()
        ax.plot(
            means.index, 100 * means, color=styles[str(name)].colour, linewidth=0.9, linestyle=(0, (3, 1.5)), alpha=0.6
        )
    _lines(validation if len(validation) else training, "episode", styles, error, ax)
    ax.set(xlabel="training episodes")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    return style_axes(ax)


def _lines(frame: pd.DataFrame, x: str, styles: Styles, error: bool, ax: Axes) -> None:
    """Draw a line of means over seeds per variant, labelled at its right end, with its interval; then set the y axis.

    Below three seeds each seed has a thin line instead of the interval.
    """
    ends = []
    for name, rows in frame.assign(percent=100 * frame["accuracy"]).groupby("variant", sort=False):
        style = styles[str(name)]
        dash = SKIPPED if x == "step" and (np.diff(np.sort(rows[x].unique())) > 1).any() else "-"
        sns.lineplot(
            rows, x=x, y="percent", errorbar=interval_over_seeds, err_kws={"alpha": 0.13, "linewidth": 0}, legend=False,
            color=style.colour, linewidth=1.5, linestyle=dash, marker=style.marker, markersize=4.5, markeredgewidth=0,
            ax=ax,
        )  # fmt: skip
        if 1 < rows["seed"].nunique() < LEAST_SEEDS:
            for _, own in rows.sort_values(x).groupby("seed"):
                ax.plot(own[x], own["percent"], color=style.colour, linewidth=0.6, linestyle=dash, alpha=0.7)
        last = rows[rows[x] == rows[x].max()]
        ends.append((float(last["percent"].mean()), str(rows["label"].iloc[0]), style))
    low, high = ax.get_ylim()
    if high - low < 4 and not error:
        low, high = (low + high) / 2 - 2, (low + high) / 2 + 2
    if error:
        high = 100 - 0.6 * (100 - 100 * float(frame["accuracy"].max()))
    accuracy_axis(ax, low, high, error)
    write_ends(ax, ends)
