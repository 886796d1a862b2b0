"""Accuracy of a search's trials against one searched setting, or against cost."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from leo_bench.figures.accuracy_axis import accuracy_axis
from leo_bench.figures.limits import accuracy_limits, mark_below
from leo_bench.figures.style import COLOURS, INK, MUTED, SMALL, new_axes, style_axes
from leo_bench.records.search import Parameter

SHARE = 0.15
"""Share of an accuracy axis for the better half of the trials. The parts of a range with low means need room."""
VERDICTS = {"good": COLOURS[2], "bad": COLOURS[1]}
"""Verdict on a part of a range -> its colour; any other verdict is grey."""


def accuracy_by_parameter(
    frame: pd.DataFrame,
    parameter: Parameter,
    parts: pd.DataFrame,
    *,
    best: int,
    front: pd.DataFrame | None = None,
    error: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw accuracy against one searched setting: a point for each complete trial, a star for the best.

    Bars: mean accuracy in each part of the range, shaded by one standard error. Ticks at the upper edge: pruned trials.
    Arrowheads: trials below the axis. frame: columns number, state, accuracy (fraction, of complete trials) and the
    setting's name; a choice is its text. parts: columns low, high, choice, mean, std_error, verdict; may be empty.
    front: rows of frame on the Pareto front, joined by a line. error: draw errors, on a log scale.
    """
    ax = ax or new_axes()
    complete, pruned = (frame[frame["state"] == state] for state in ("complete", "pruned"))
    low, high = accuracy_limits(list(100 * complete["accuracy"]), error=error, share=SHARE)
    _parameter_axis(ax, parameter)
    for part in parts.to_dict("records"):
        _draw_part(ax, part, part_edges(parameter, part))
    x, y = _places(parameter, complete[parameter.name]), 100 * complete["accuracy"].to_numpy(float)
    if parameter.choices:
        x += 0.08 * (np.argsort(np.argsort(y, kind="stable")) % 5 - 2)  # so that points of one choice do not coincide
    above, own = y >= low, (complete["number"] == best).to_numpy()
    ax.scatter(x[above & ~own], y[above & ~own], s=20, color=COLOURS[0], alpha=0.8, linewidth=0, zorder=3)
    ax.plot(x[own], y[own], marker="*", color=INK, markersize=11, linestyle="none", zorder=4)
    mark_below(ax, list(x[~above]), COLOURS[0])
    ax.plot(
        _places(parameter, pruned[parameter.name]), [1.0] * len(pruned), marker="|", color=MUTED, markersize=7,
        linestyle="none", clip_on=False, transform=ax.get_xaxis_transform(), zorder=3,
    )  # fmt: skip
    if front is not None:
        ax.plot(front[parameter.name], 100 * front["accuracy"], drawstyle="steps-post", color=COLOURS[0], linewidth=1.2)
    accuracy_axis(ax, low, high, error)
    return style_axes(ax)


def _draw_part(ax: Axes, part: dict[Any, Any], edges: tuple[float, float]) -> None:
    """Draw the mean accuracy in one part of a range, its standard error and its verdict."""
    mean, std_error, colour = 100 * part["mean"], 100 * part["std_error"], VERDICTS.get(part["verdict"], MUTED)
    ax.plot(edges, [mean, mean], color=colour, linewidth=1.6, zorder=2, solid_capstyle="butt")
    ax.fill_between(edges, mean - std_error, mean + std_error, color=colour, alpha=0.2, linewidth=0, zorder=1)
    if part["verdict"] in VERDICTS:
        middle = float(np.sqrt(edges[0] * edges[1]) if ax.get_xscale() == "log" else np.mean(edges))
        place = ax.get_xaxis_transform()
        ax.text(middle, 0.05, part["verdict"], transform=place, ha="center", color=INK, fontsize=SMALL)


def part_edges(parameter: Parameter, part: dict[Any, Any]) -> tuple[float, float]:
    """Return the two ends of a part of a range on the setting's axis; whole numbers and choices are half a step wider.

    part: low and high, or choice.
    """
    if parameter.choices:
        (place,) = _places(parameter, pd.Series([part["choice"]])).tolist()
        return place - 0.5, place + 0.5
    room = 0.5 if parameter.whole else 0.0
    return part["low"] - room, part["high"] + room


def _places(parameter: Parameter, values: pd.Series) -> np.ndarray:
    """Return places of values on the setting's axis: numbers unchanged, choices by their index, float [n]."""
    if parameter.choices:
        names = [str(choice).lower() for choice in parameter.choices]
        return np.array([names.index(str(value).lower()) for value in values], float)
    return values.to_numpy(float)


def _parameter_axis(ax: Axes, parameter: Parameter) -> None:
    """Set the x axis: the setting's whole range, or its choices."""
    ax.set(xlabel=parameter.name)
    if parameter.choices:
        ax.set(xlim=(-0.5, len(parameter.choices) - 0.5))
        ax.set_xticks(range(len(parameter.choices)), labels=[str(choice).lower() for choice in parameter.choices])
        return
    low, high = parameter.low or 0.0, parameter.high or 0.0
    room = 0.5 if parameter.whole else 0.03 * (high - low) or 0.5
    if parameter.log:
        ax.set(xscale="log", xlim=(low * 0.93, high / 0.93))
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 30 * low else (1, 3)))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    else:
        ax.set(xlim=(low - room, high + room))
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=parameter.whole))
