"""What a search found and how far that can be trusted: its course, its trials' curves, importance, parts of ranges and
the Pareto front.
"""

from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from leo_bench.figures.axis import accuracy_axis, best_view, write_below, write_key
from leo_bench.figures.ramp import Bounds, ramp_colours, write_ramp_key
from leo_bench.figures.search_space import log_ticks
from leo_bench.figures.style import BAND, COLOURS, FONT, INK, MUTED, PAPER, SMALL, VariantStyle, dress, new_axes

COMPLETE, PRUNED, FAILED, BEST = (
    VariantStyle(COLOURS[0], "o"),
    VariantStyle(MUTED, "x"),
    VariantStyle(COLOURS[1], "|"),
    VariantStyle(INK, "*"),
)
"""How trials are marked in every figure of a search."""
HISTORY_SHARE = 0.12
"""Share of the history's axis for the better half of the complete trials: pruned ones, which ended early, need room."""
VERDICTS = {"good": VariantStyle(COLOURS[2], "o"), "bad": VariantStyle(COLOURS[1], "s")}
OPEN = VariantStyle(MUTED, "D")
"""Of a part of a range: its verdict's mark; anything else is open."""


def search_history(frame: pd.DataFrame, *, best: int | None, error: bool = False, ax: Axes | None = None) -> Axes:
    """Accuracy of each trial on validation characters, in order of number, and the best so far as a line.

    frame: columns number, state, accuracy (fraction, of complete trials), last (last accuracy reported while training,
    NaN where there is none). best: number of the trial that has a star. Pruned trials are crosses at their last
    accuracy, failed ones ticks at the lower edge; what lies below the axis has an arrowhead there. error: draw errors,
    on a log scale.
    """
    ax = ax or new_axes()
    complete = frame[frame["state"] == "complete"].sort_values("number")
    pruned = frame[(frame["state"] == "pruned") & frame["last"].notna()]
    failed = frame[frame["state"] == "failed"]
    low, high = best_view(list(100 * complete["accuracy"]), list(100 * pruned["last"]), error, HISTORY_SHARE)
    so_far = [*(100 * complete["accuracy"].cummax()), 100 * complete["accuracy"].max()]
    ends = [*complete["number"], frame["number"].max() + 0.5]
    ax.plot(ends, so_far, drawstyle="steps-post", color=INK, linewidth=1.2, zorder=2)
    for rows, values, style in ((complete, complete["accuracy"], COMPLETE), (pruned, pruned["last"], PRUNED)):
        above = 100 * values >= low
        ax.plot(
            rows["number"][above], 100 * values[above], marker=style.marker, color=style.colour, markersize=4.5,
            linestyle="none", zorder=3,
        )  # fmt: skip
        write_below(ax, list(rows["number"][~above]), style.colour)
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
    return dress(ax)


def trial_curves(
    frame: pd.DataFrame, *, best: int | None, bounds: Bounds | None, error: bool = False, ax: Axes | None = None
) -> Axes:
    """Validation accuracy of every trial while it trained, coloured by the accuracy that it ended with.

    frame: columns number, state, episode, accuracy (fraction), final (accuracy of a complete trial, else NaN). A cross
    ends a pruned trial's line, a tick a failed one's; the best trial's line is heavy. bounds: of the colours; None
    where no trial is complete. error: draw errors, on a log scale.
    """
    ax = ax or new_axes()
    for (number, state), rows in frame.groupby(["number", "state"], sort=True):
        rows = rows.sort_values("episode")
        x, y, last = rows["episode"], 100 * rows["accuracy"], rows.iloc[-1]
        if state == "complete" and bounds is not None:
            (colour,) = ramp_colours([last["final"]], bounds)
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
        write_ramp_key(ax, bounds)
    return dress(ax)


def importance_floor(frame: pd.DataFrame) -> float:
    """Importance below which a parameter cannot be told from the planted noise: the high end of the latter's interval;
    0 where none was planted. frame: columns planted, high."""
    planted = frame[frame["planted"].astype(bool)]
    return float(planted["high"].max()) if len(planted) else 0.0


def search_importance(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Importance of each parameter with its interval, and the planted noise as the floor (shaded).

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
    return dress(ax, grid="x")


def range_parts(frame: pd.DataFrame, *, overall: float, ax: Axes | None = None) -> Axes:
    """Mean accuracy in each part of each range, with its standard error, and all complete trials as a line.

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
    dress(ax, grid="x")
    for tick, (_, _, is_head) in zip(ax.yaxis.get_major_ticks(), labels, strict=True):
        tick.label1.set_fontsize(FONT if is_head else SMALL)
        if is_head:
            tick.label1.set_fontweight("bold")
            tick.tick1line.set_visible(False)
    return ax


def search_front(frame: pd.DataFrame, *, chosen: dict[int, str], error: bool = False, ax: Axes | None = None) -> Axes:
    """Accuracy against multiply-adds of answering one episode (millions, log scale), the Pareto front joined.

    frame: columns number, accuracy (fraction), multiply_adds, on_front. chosen: trial -> its name, starred and named in
    the key. error: draw errors, on a log scale.
    """
    ax = ax or new_axes()
    points = frame.assign(x=frame["multiply_adds"] / 1e6, percent=100 * frame["accuracy"])
    low, high = best_view(list(points["percent"]), error=error)
    best = points[points["on_front"].astype(bool)].sort_values("x")
    rest = points[~points["on_front"].astype(bool)]
    low = max(min(low, float(best["percent"].min()) - 0.04 * (high - low)), 0.0)
    above = rest["percent"] >= low
    ax.set_xscale("log")
    ax.plot(rest["x"][above], rest["percent"][above], marker="o", color=MUTED, markersize=3.5, linestyle="none")
    write_below(ax, list(rest["x"][~above]), MUTED)
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
    return dress(ax)
