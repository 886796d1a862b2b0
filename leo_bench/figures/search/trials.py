"""Trials of a search: accuracy by trial, validation curves, Pareto front."""

from textwrap import fill

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from leo_bench.figures.accuracy_axis import accuracy_axis
from leo_bench.figures.colour_scale import Bounds, accuracy_colours, write_colour_key
from leo_bench.figures.labels import write_key
from leo_bench.figures.limits import accuracy_limits, mark_below
from leo_bench.figures.search.parameter_axis import log_ticks
from leo_bench.figures.style import COLOURS, INK, MUTED, VariantStyle, new_axes, style_axes

COMPLETE, PRUNED, FAILED, BEST = (
    VariantStyle(COLOURS[0], "o"),
    VariantStyle(MUTED, "x"),
    VariantStyle(COLOURS[1], "|"),
    VariantStyle(INK, "*"),
)
"""Marks of trials in every figure of a search."""
HISTORY_SHARE = 0.12
"""Share of the history's axis for the better half of the complete trials. Pruned trials, which ended early, need room.
"""


def search_history(frame: pd.DataFrame, *, best: int | None, error: bool = False, ax: Axes | None = None) -> Axes:
    """Draw the accuracy of each trial on validation characters, by number, and the best so far as a line.

    frame: columns number, state, accuracy (fraction, of complete trials), last (last accuracy reported in training; NaN
    if none). best: number of the trial with a star. Pruned trials are crosses at their last accuracy, failed ones ticks
    at the lower edge; a trial below the axis has an arrowhead. error: draw errors, on a log scale.
    """
    ax = ax or new_axes()
    complete = frame[frame["state"] == "complete"].sort_values("number")
    pruned = frame[(frame["state"] == "pruned") & frame["last"].notna()]
    failed = frame[frame["state"] == "failed"]
    low, high = accuracy_limits(list(100 * complete["accuracy"]), list(100 * pruned["last"]), error, HISTORY_SHARE)
    so_far = [*(100 * complete["accuracy"].cummax()), 100 * complete["accuracy"].max()]
    ends = [*complete["number"], frame["number"].max() + 0.5]
    ax.plot(ends, so_far, drawstyle="steps-post", color=INK, linewidth=1.2, zorder=2)
    for rows, values, style in ((complete, complete["accuracy"], COMPLETE), (pruned, pruned["last"], PRUNED)):
        above = 100 * values >= low
        ax.plot(
            rows["number"][above], 100 * values[above], marker=style.marker, color=style.colour, markersize=4.5,
            linestyle="none", zorder=3,
        )  # fmt: skip
        mark_below(ax, list(rows["number"][~above]), style.colour)
    own = complete[complete["number"] == best]
    ax.plot(own["number"], 100 * own["accuracy"], marker="*", color=INK, markersize=10, linestyle="none", zorder=4)
    ax.plot(
        failed["number"], [0.0] * len(failed), marker="|", color=FAILED.colour, markersize=8, markeredgewidth=1.6,
        linestyle="none", clip_on=False, transform=ax.get_xaxis_transform(), zorder=3,
    )  # fmt: skip
    accuracy_axis(ax, low, high, error)
    ax.set(xlim=(-0.8, frame["number"].max() + 0.8), xlabel="trial")
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    entries = [(f"best, trial {best}", BEST), ("complete", COMPLETE), ("best so far", VariantStyle(INK, "_"))]
    entries += [("pruned", PRUNED)] * bool(len(pruned)) + [("failed", FAILED)] * bool(len(failed))
    write_key(ax, [(0.98 - 0.09 * index, text, style, False) for index, (text, style) in enumerate(entries)])
    return style_axes(ax)


def trial_curves(
    frame: pd.DataFrame, *, best: int | None, bounds: Bounds | None, error: bool = False, ax: Axes | None = None
) -> Axes:
    """Draw the validation accuracy of every trial in training, coloured by its final accuracy.

    frame: columns number, state, episode, accuracy (fraction), final (accuracy of a complete trial, else NaN). A cross
    ends a pruned trial's line, a tick a failed one's; the best trial's line is heavy. bounds: of the colours; None if
    no trial is complete. error: draw errors, on a log scale.
    """
    ax = ax or new_axes()
    for (number, state), rows in frame.groupby(["number", "state"], sort=True):
        rows = rows.sort_values("episode")
        x, y, last = rows["episode"], 100 * rows["accuracy"], rows.iloc[-1]
        if state == "complete" and bounds is not None:
            (colour,) = accuracy_colours([last["final"]], bounds)
            ax.plot(x, y, color=colour, linewidth=2.6 if number == best else 1.0, zorder=4 if number == best else 2.5)
            if number == best:
                ax.plot(last["episode"], 100 * last["accuracy"], marker="*", color=INK, markersize=9, zorder=5)
            continue
        ax.plot(x, y, color=MUTED, linewidth=0.8, linestyle=(0, (3, 1.5)), alpha=0.75, zorder=2)
        style = {"pruned": PRUNED, "failed": FAILED}.get(str(state))
        if style is not None:
            ax.plot(
                last["episode"], 100 * last["accuracy"], marker=style.marker, color=style.colour, markersize=5,
                markeredgewidth=1.3, linestyle="none", zorder=3,
            )  # fmt: skip
    low, high = 100 * float(frame["accuracy"].min()), 100 * float(frame["accuracy"].max())
    room = 0.06 * max(high - low, 2.0)
    accuracy_axis(ax, low - room, 100 - 0.6 * (100 - high) if error else high + room, error)
    ax.set(xlabel="training episodes")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    if bounds is not None:
        write_colour_key(ax, bounds)
    return style_axes(ax)


def search_front(frame: pd.DataFrame, *, chosen: dict[int, str], error: bool = False, ax: Axes | None = None) -> Axes:
    """Draw accuracy against multiply-adds to answer one episode (millions, log scale), the Pareto front joined.

    frame: columns number, accuracy (fraction), multiply_adds, on_front. chosen: trial -> its name, starred and named in
    the key. error: draw errors, on a log scale.
    """
    ax = ax or new_axes()
    points = frame.assign(x=frame["multiply_adds"] / 1e6, percent=100 * frame["accuracy"])
    low, high = accuracy_limits(list(points["percent"]), error=error)
    best = points[points["on_front"].astype(bool)].sort_values("x")
    rest = points[~points["on_front"].astype(bool)]
    low = max(min(low, float(best["percent"].min()) - 0.04 * (high - low)), 0.0)
    above = rest["percent"] >= low
    ax.set_xscale("log")
    ax.plot(rest["x"][above], rest["percent"][above], marker="o", color=MUTED, markersize=3.5, linestyle="none")
    mark_below(ax, list(rest["x"][~above]), MUTED)
    ax.plot(best["x"], best["percent"], drawstyle="steps-post", color=COLOURS[0], linewidth=1.2, zorder=2)
    ax.plot(best["x"], best["percent"], marker="o", color=COLOURS[0], markersize=5.5, linestyle="none", zorder=3)
    names = [("on the front", COMPLETE), ("other trials", VariantStyle(MUTED, "o"))]
    for index, (number, name) in enumerate(chosen.items()):
        own = points[points["number"] == number]
        style = VariantStyle(INK, ("*", "s", "^", "D", "P", "X")[index % 6])
        ax.plot(
            own["x"], own["percent"], marker=style.marker, color=INK, markersize=10 if style.marker == "*" else 7,
            linestyle="none", zorder=4,
        )  # fmt: skip
        names.append((fill(name, 20), style))
    accuracy_axis(ax, low, high, error)
    left, right = ax.get_xlim()
    ax.set_xticks(log_ticks(left, right))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    ax.set(xlabel="multiply-adds to answer one episode, millions")
    write_key(ax, [(0.98 - 0.11 * index, text, style, False) for index, (text, style) in enumerate(names)])
    return style_axes(ax)
