"""Axes of accuracy, in percent: intervals over seeds, room for labels, and the error axis near the ceiling."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import ArrayLike

from leo_bench.figures.style import FONT, INK, MUTED, SMALL, VariantStyle
from leo_bench.statistics import seed_interval

LEAST_SEEDS = 3
"""With fewer an interval over seeds is so wide (t is 12.7 at two) that single seeds say more."""
CEILING = 0.95
"""Median accuracy of what is drawn from which on differences are read better as errors."""
LEAST_ERROR = 0.01
"""Percent: smaller errors are drawn at this one."""
LEAST_FACTOR = 3
"""An error axis spans at least this factor."""
UPPER_SHARE = 0.3
"""Share of an axis that the better half of what it is about takes at least."""


def interval_over_seeds(values: "pd.Series[float]") -> tuple[float, float]:
    """95% t interval over seeds of shares in percent, cut at 0 and 100, as seaborn's errorbar wants it; fewer than
    LEAST_SEEDS get a point.
    """
    found = seed_interval(np.asarray(values, float))
    if found.low is None or found.high is None or len(values) < LEAST_SEEDS:
        return found.mean, found.mean
    return max(found.low, 0.0), min(found.high, 100.0)


def interval_is_cut(values: "pd.Series[float]") -> bool:
    """Whether the interval that is drawn of these shares (fractions, one a seed) ends at 0 or 100% because it would go
    on beyond.
    """
    found = seed_interval(np.asarray(values, float))
    return len(values) >= LEAST_SEEDS and found.low is not None and (found.low < 0 or (found.high or 0) > 1)


def near_ceiling(frame: pd.DataFrame) -> bool:
    """Whether at least half of the variants in the frame (columns variant, accuracy) are above CEILING on average."""
    return bool(frame.groupby("variant")["accuracy"].mean().median() > CEILING)


def least_in_view(values: Sequence[float], others: Sequence[float] = (), share: float = UPPER_SHARE) -> float:
    """The least of the values and others, percent, that an axis shows on which the best of the values can be told
    apart: the least of all, unless the better half of the values would then take less than a share of the axis. Few
    poor ones would flatten the rest.
    """
    top, middle = max(values), float(np.median(values))
    return max(min([*values, *others]), top - max(top - middle, 2.0) / share)


def best_view(
    values: Sequence[float], others: Sequence[float] = (), error: bool = False, share: float = UPPER_SHARE
) -> tuple[float, float]:
    """Limits of that axis, percent of accuracy; what lies below the low end gets an arrowhead there (`write_below`)."""
    top, low = max(values), least_in_view(values, others, share)
    if error:
        return max(100 - 1.1 * (100 - low), 0.0), 100 - 0.6 * (100 - top)
    span = max(top - low, 2.0)
    return max(low - 0.06 * span, 0.0), top + 0.08 * span


def write_below(ax: Axes, places: Sequence[float], colour: str | Sequence[str]) -> None:
    """Arrowheads at the lower edge for what lies below it, at places on the x axis."""
    if len(places):
        ax.scatter(
            places, [0.0] * len(places), marker="v", s=16, color=colour, linewidth=0, zorder=3.5, clip_on=False,
            transform=ax.get_xaxis_transform(),
        )  # fmt: skip


def accuracy_axis(ax: Axes, low: float, high: float, error: bool = False) -> None:
    """The y axis of a figure drawn in percent of accuracy, from low to high; call it when everything is drawn.

    error: show 100 minus accuracy instead, on a log scale with small errors at the top.
    """
    low, high = max(low, 0.0), min(high, 101.0)
    if not error:
        ax.set(ylim=(low, high), ylabel="accuracy, %")
        return
    high = min(high, 100 - LEAST_ERROR)
    room = max(np.sqrt(LEAST_FACTOR * (100 - high) / (100 - low)), 1.0)  # so that an axis never has a single tick
    low, high = max(100 - (100 - low) * room, 0.0), 100 - (100 - high) / room
    ax.set_yscale("function", functions=(error_height, lambda height: 100 - 10.0**-height))
    ax.yaxis.set_major_locator(FixedLocator(_error_ticks(low, high)))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda accuracy, _: f"{round(100 - accuracy, 6):g}"))
    ax.set(ylim=(low, high), ylabel="error, % (log scale)")


def _error_ticks(low: float, high: float) -> list[float]:
    """Accuracies, percent, whose errors are round numbers, more of them where the axis is short."""
    for factors in ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
        errors = [factor * 10.0**power for power in range(-2, 3) for factor in factors]
        shown = [100 - error for error in errors if low <= 100 - error <= high]
        if len(shown) > 3:
            break
    return shown


def error_height(accuracy: ArrayLike) -> np.ndarray:
    """Percent of accuracy -> height on the error axis: minus the logarithm of the error."""
    return -np.log10(np.maximum(100 - np.asarray(accuracy, float), LEAST_ERROR))


def heights(ax: Axes, values: Sequence[float]) -> list[float]:
    """Where values of the y axis lie, as fractions of the Axes' height; whatever its scale."""
    points = [(ax.get_xlim()[0], value) for value in values]
    return [float(y) for _, y in (ax.transScale + ax.transLimits).transform(points)] if points else []


def inches(ax: Axes) -> float:
    """Height of the Axes."""
    box = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    return float(box.height)


def write_key(ax: Axes, entries: Sequence[tuple[float, str, VariantStyle, bool]]) -> None:
    """A key right of the Axes, from top to bottom in the order of the entries' heights.

    entries: (height as a fraction of the Axes, text, style, whether in bold).
    """
    places = _spread_texts(ax, [entry[0] for entry in entries], [entry[1] for entry in entries])
    for (_, text, style, bold), at in zip(entries, places, strict=True):
        _write_mark(ax, 1.05, at, style)
        ax.text(
            1.09, at, text, transform=ax.transAxes, va="center", color=INK, fontsize=SMALL, linespacing=1.0,
            weight="bold" if bold else "normal",
        )  # fmt: skip


def _write_mark(ax: Axes, x: float, y: float, style: VariantStyle) -> None:
    """A variant's mark beside its label, at fractions of the Axes."""
    ax.plot(
        x, y, marker=style.marker, color=style.colour, markersize=4.5, linestyle="none", clip_on=False,
        transform=ax.transAxes,
    )  # fmt: skip


def write_ends(ax: Axes, ends: Sequence[tuple[float, str, VariantStyle]]) -> None:
    """Labels of lines at their right ends, each with its mark. ends: (value where the line ends, label, style)."""
    size = SMALL if len(ends) > 8 else FONT - 0.5
    gap = min(0.0145 * size / inches(ax), 1.1 / max(len(ends), 1))
    places = spread(heights(ax, [value for value, _, _ in ends]), gap, limits=(-0.04, 1.06))
    for (_, label, style), at in zip(ends, places, strict=True):
        _write_mark(ax, 1.04, at, style)
        ax.text(1.075, at, label, transform=ax.transAxes, va="center", color=INK, fontsize=size)


def write_line_labels(ax: Axes, places: Sequence[float], texts: Sequence[str]) -> None:
    """Muted labels right of the Axes, near the heights that they belong to (fractions of the Axes)."""
    for text, at in zip(texts, _spread_texts(ax, places, texts), strict=True):
        ax.text(1.02, at, text, transform=ax.transAxes, va="center", color=MUTED, fontsize=SMALL, linespacing=1.0)


def _spread_texts(ax: Axes, places: Sequence[float], texts: Sequence[str]) -> list[float]:
    """Middles of small texts right of the Axes, moved apart as far as their lines need."""
    owners = [index for index, text in enumerate(texts) for _ in text.splitlines()]
    gap = min(0.0155 * SMALL / inches(ax), 1.16 / max(len(owners), 1))
    lines = spread([places[owner] for owner in owners], gap, limits=(-0.12, 1.04))
    return [
        float(np.mean([at for at, owner in zip(lines, owners, strict=True) if owner == i])) for i in range(len(texts))
    ]


def spread(values: Sequence[float], gap: float, limits: tuple[float, float] | None = None) -> list[float]:
    """The values moved little, their order kept, so that they lie at least gap apart: places for labels.

    limits: (low, high) that places are pushed back into, where there is room.
    """
    order = np.argsort(values, kind="stable")
    blocks: list[tuple[float, int]] = []  # (centre, members) of labels that touch
    for value in np.asarray(values, float)[order]:
        blocks.append((float(value), 1))
        while len(blocks) > 1 and blocks[-1][0] - blocks[-2][0] < gap * (blocks[-1][1] + blocks[-2][1]) / 2:
            (before, count), (centre, size) = blocks[-2:]
            blocks[-2:] = [((centre * size + before * count) / (size + count), size + count)]
    places = [centre + gap * (index - (size - 1) / 2) for centre, size in blocks for index in range(size)]
    if limits is not None:
        for index in range(len(places) - 1, -1, -1):
            places[index] = min(places[index], limits[1] if index + 1 == len(places) else places[index + 1] - gap)
        for index in range(len(places)):
            places[index] = max(places[index], limits[0] if index == 0 else places[index - 1] + gap)
    result = np.empty(len(places))
    result[order] = places
    return [float(place) for place in result]
