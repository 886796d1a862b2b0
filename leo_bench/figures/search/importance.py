"""Importance of parameters, and mean accuracy in parts of their ranges."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from leo_bench.figures.style import BAND, COLOURS, FONT, INK, MUTED, PAPER, SMALL, VariantStyle, new_axes, style_axes

VERDICTS = {"good": VariantStyle(COLOURS[2], "o"), "bad": VariantStyle(COLOURS[1], "s")}
OPEN = VariantStyle(MUTED, "D")
"""Mark of a part of a range without a verdict."""


def importance_floor(frame: pd.DataFrame) -> float:
    """Return the importance below which a parameter cannot be told from the planted noise.

    It is the high end of the noise's interval, or 0 if none was planted. frame: columns planted, high.
    """
    planted = frame[frame["planted"].astype(bool)]
    return float(planted["high"].max()) if len(planted) else 0.0


def search_importance(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the importance of each parameter with its interval, and the planted noise as the floor (shaded).

    frame: columns parameter, importance, low, high (in [0, 1]), planted; drawn from top to bottom. Filled marks: the
    interval lies above the floor.
    """
    ax = ax or new_axes()
    floor = importance_floor(frame)
    ax.axvspan(0, floor, color=BAND, zorder=0, linewidth=0)
    for row, one in enumerate(frame.to_dict("records")):
        above = one["low"] > floor
        colour = MUTED if one["planted"] or not above else COLOURS[0]
        if one["planted"]:
            ax.axvline(one["importance"], color=MUTED, linewidth=1.0, linestyle=(0, (5, 2)), zorder=1)
        ax.plot([one["low"], one["high"]], [row, row], color=colour, linewidth=1.6, zorder=2)
        ax.plot(
            one["importance"], row, marker="d" if one["planted"] else "o", markeredgecolor=colour, markersize=6,
            markerfacecolor=colour if above or one["planted"] else PAPER, zorder=3,
        )  # fmt: skip
        ax.text(
            1.03, row, f"{one['importance']:.2f}", transform=ax.get_yaxis_transform(), va="center", color=INK,
            fontsize=SMALL,
        )  # fmt: skip
    ax.set(xlim=(0, max(0.1, 1.04 * float(frame["high"].max()))), ylim=(len(frame) - 0.4, -0.6), ylabel="")
    ax.set(xlabel="share of the variance of accuracy")
    ax.set_yticks(range(len(frame)), labels=list(frame["parameter"]))
    return style_axes(ax, grid="x")


def range_parts(frame: pd.DataFrame, *, overall: float, ax: Axes | None = None) -> Axes:
    """Draw mean accuracy in each part of each range, with its standard error, and the mean of all complete trials as a
    line.

    frame: columns parameter, text (of the part), mean, std_error (fractions; may be missing), n_trials, verdict; parts
    of a parameter one after another. overall: mean accuracy of the complete trials. Marks tell verdicts apart.
    """
    ax = ax or new_axes()
    labels: list[tuple[float, str, bool]] = []
    row = 0.0
    ax.axvline(100 * overall, color=MUTED, linewidth=1.0, linestyle=(0, (5, 2)), zorder=1)
    right = ax.get_yaxis_transform()
    for parameter, rows in frame.groupby("parameter", sort=False):
        labels.append((row, str(parameter), True))
        for index, part in enumerate(rows.to_dict("records"), 1):
            at, style = row + index, VERDICTS.get(part["verdict"], OPEN)
            labels.append((at, part["text"], False))
            if np.isfinite(part["std_error"]):
                ends = [100 * (part["mean"] - part["std_error"]), 100 * (part["mean"] + part["std_error"])]
                ax.plot(ends, [at, at], color=style.colour, linewidth=1.6, zorder=2)
            if np.isfinite(part["mean"]):
                ax.plot(
                    100 * part["mean"], at, marker=style.marker, markeredgecolor=style.colour, markersize=5.5, zorder=3,
                    markerfacecolor=PAPER if style is OPEN else style.colour,
                )  # fmt: skip
            words = f"{part['n_trials']}" + ("" if style is OPEN else f", {part['verdict']}")
            ax.text(1.03, at, words, transform=right, va="center", color=INK, fontsize=SMALL)
        row += len(rows) + 1.35
    ax.text(1.03, -0.75, "trials", transform=right, va="center", color=MUTED, fontsize=SMALL)
    ax.set(ylim=(row - 0.6, -0.7), xlabel="mean accuracy, %", ylabel="")
    ax.set_yticks([at for at, _, _ in labels], labels=[text for _, text, _ in labels])
    style_axes(ax, grid="x")
    for tick, (_, _, is_head) in zip(ax.yaxis.get_major_ticks(), labels, strict=True):
        tick.label1.set_fontsize(FONT if is_head else SMALL)
        if is_head:
            tick.label1.set_fontweight("bold")
            tick.tick1line.set_visible(False)
    return ax
