"""Accuracy against the setting of a switch, with documented bands and reference lines."""

from collections.abc import Iterable, Mapping, Sequence
from textwrap import fill

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from leo_bench.figures.accuracy_axis import accuracy_axis
from leo_bench.figures.intervals import interval_over_seeds
from leo_bench.figures.labels import heights, write_line_labels
from leo_bench.figures.style import BAND, EPISODE_DASH, GRID, MUTED, SMALL, Styles, new_axes, style_axes

BANDS = {(5, 1): (0.95, 0.98), (5, 5): (0.97, 0.99)}
"""(n_way, k_shot) -> accuracy that the source document expects on Omniglot."""
LINE = 36
"""Characters of setting names that fit side by side under the axis."""


def accuracy_by_setting(
    frame: pd.DataFrame,
    order: Sequence[str],
    styles: Styles,
    *,
    references: Mapping[str, tuple[str, float]] | None = None,
    bands: Sequence[tuple[float, float] | None] = (),
    chance: float | None = None,
    xlabel: str = "",
    error: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw accuracy against a switch's setting: a point per seed, mean and, from three seeds on, 95% t interval.

    frame: columns variant, setting, seed, accuracy, accuracy_ci95 (half width over the run's test episodes: drawn
    dotted for a variant with one seed). order: settings from left to right. bands: documented band at each setting.
    references: variant -> (label, mean accuracy), drawn as lines. chance: 1 / n_way. error: draw errors, on a log
    scale.
    """
    ax = ax or new_axes()
    positions = {setting: index for index, setting in enumerate(order)}
    points = frame.assign(percent=100 * frame["accuracy"], x=frame["setting"].map(positions))
    palette = {name: styles[name].colour for name in points["variant"].unique()}
    settings = [setting for setting in order if (points["setting"] == setting).any()]
    references = references or {}
    low, high = _view(points, bands, chance, [value for _, value in references.values()], error)
    _draw_bands(ax, bands, error)
    means = points.groupby("x")["percent"].mean()
    if len(settings) > 2 and all(_is_number(setting) for setting in settings):
        ax.plot(means.index, means, color=GRID, linewidth=1.4, zorder=1.5)
    sns.pointplot(
        points, x="x", y="percent", hue="variant", palette=palette, markers=[styles[name].marker for name in palette],
        errorbar=interval_over_seeds, markersize=6, linestyle="none", native_scale=True, capsize=0.12,
        err_kws={"linewidth": 1.3}, legend=False, ax=ax, zorder=3,
    )  # fmt: skip
    for name, rows in points.groupby("variant", sort=False):
        colour, x, percent = palette[name], rows["x"], rows["percent"]
        if len(rows) > 1:
            ax.scatter(x + 0.2, percent, s=11, color=colour, alpha=0.75, linewidth=0, zorder=2.5)
        else:
            half = 100 * rows["accuracy_ci95"].iloc[0]
            ends = [percent.iloc[0] - half, percent.iloc[0] + half]
            ax.plot([x.iloc[0]] * 2, ends, color=colour, linewidth=1.3, linestyle=EPISODE_DASH, zorder=2.5)
    if chance is not None and low <= 100 * chance:
        ax.axhline(100 * chance, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
        right = ax.get_yaxis_transform()
        ax.text(0.01, 100 * chance, "chance", transform=right, va="bottom", color=MUTED, fontsize=SMALL)
    accuracy_axis(ax, low, high, error)
    _draw_references(ax, references, styles)
    ax.set(xlim=(-0.5, len(order) - 0.5), xlabel=xlabel)
    upright = sum(len(setting) for setting in order) > LINE and len(order) > 4
    names = order if upright else [fill(setting, max(8, LINE // len(order))) for setting in order]
    ax.set_xticks(range(len(order)), labels=names, rotation=90 if upright else 0)
    return style_axes(ax)


def _view(
    points: pd.DataFrame,
    bands: Sequence[tuple[float, float] | None],
    chance: float | None,
    references: Iterable[float],
    error: bool,
) -> tuple[float, float]:
    """Return the limits of the accuracy axis, percent: they hold points, intervals and documented bands, and chance if
    it is near.

    A reference line is included as long as the measured values fill 3/5 of the axis.
    """
    ends = [end for _, rows in points.groupby("x") for end in interval_over_seeds(rows["percent"])]
    single = points[points.groupby("variant")["seed"].transform("nunique") == 1]
    ends += [*(single["percent"] - 100 * single["accuracy_ci95"]), *(single["percent"] + 100 * single["accuracy_ci95"])]
    inside = [*ends, *points["percent"], *(100 * edge for band in bands if band for edge in band)]
    low, high = max(min(inside), 0.0), min(max(inside), 100.0)
    span = max(high - low, 2.0)
    for value in sorted(
        (100 * reference for reference in references), key=lambda value: max(low - value, value - high)
    ):
        if max(high, value) - min(low, value) <= 1.7 * span:
            low, high = min(low, value), max(high, value)
    if chance is not None and 0 < low - 100 * chance < 12:
        low = 100 * chance
    room = max(0.07 * (high - low), 0.6)
    if error:  # an interval may end beyond 100%: what was measured decides, and the documented band
        best = max([points["percent"].max(), *(100 * band[1] for band in bands if band)])
        return 100 - 1.2 * (100 - low), 100 - 0.6 * (100 - best)
    return max(low - room, 0.0), min(high + room, 101.0)


def _draw_bands(ax: Axes, bands: Sequence[tuple[float, float] | None], error: bool) -> None:
    """Shade each run of settings that share a documented band, labelled below; on an error axis, labelled inside."""
    start = 0
    while start < len(bands):
        stop = start + 1
        while stop < len(bands) and bands[stop] == bands[start]:
            stop += 1
        band = bands[start]
        if band is not None:
            left, width = start - 0.5, stop - start
            ax.fill_between([left, left + width], 100 * band[0], 100 * band[1], color=BAND, zorder=0, linewidth=0)
            text = f"documented {100 * band[0]:.0f}-{100 * band[1]:.0f}%"
            below = 100 * band[1 if error else 0] - (0.05 if error else 0.4)
            ax.text(left + 0.06, below, text, va="top", color=MUTED, fontsize=SMALL, zorder=1)
        start = stop


def _draw_references(ax: Axes, references: Mapping[str, tuple[str, float]], styles: Styles) -> None:
    """Draw labelled horizontal lines; a line outside the view is named at the edge, with an arrow."""
    low, high = ax.get_ylim()
    places, texts = [], []
    for name, (label, accuracy) in references.items():
        percent = 100 * accuracy
        inside = low <= percent <= high
        arrow = "" if inside else "\u2193 " if percent < low else "\u2191 "
        if inside:
            ax.axhline(percent, color=MUTED, linewidth=1.0, linestyle=styles[name].dash, zorder=1)
        places.append(heights(ax, [percent])[0] if inside else -0.05 if percent < low else 1.05)
        texts.append(fill(f"{arrow}{label} {percent:.1f}", 17))
    write_line_labels(ax, places, texts)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
