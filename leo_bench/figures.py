"""Figures of a study: each a function of a frame and an Axes, which it returns. No global style, no pyplot state.

Frames hold fractions; axes show percent. A variant keeps one colour and marker in every figure
(`variant_styles`); markers tell variants apart without colour too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from leo_bench.records import Plan
from leo_bench.stats import seed_interval

INK, MUTED, GRID, PAPER, BAND = "#1b1f24", "#5b6470", "#dce1e7", "#ffffff", "#d3ead9"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#aa4499", "#a87b00", "#3d9bd1")
"""Told apart under the common kinds of colour blindness, and at least 3 to 1 against white."""
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "p", "h", "*", "<", ">")
DASHES = ((0, (5, 2)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1)))
EPISODE_DASH = (0, (1.5, 1.2))
"""Intervals over one model's test episodes are dotted, those over seeds solid."""
LABEL_WIDTH = 26
"""Characters after which a variant's label goes on in another line."""
FONT = 8.0

BANDS = {(5, 1): (0.95, 0.98), (5, 5): (0.97, 0.99)}
"""(n_way, k_shot) -> accuracy that the source document expects on Omniglot."""


@dataclass(frozen=True)
class VariantStyle:
    colour: str
    marker: str
    dash: tuple[int, tuple[float, ...]] | str = "-"


def variant_styles(plan: Plan) -> dict[str, VariantStyle]:
    """Colour and marker of each variant: the baseline is ink, references are grey.

    Each switch has a marker and goes through the colours; no two variants share both while there are enough of them.
    """
    styles = {plan.baseline: VariantStyle(INK, "o")}
    for index, name in enumerate(plan.references):
        styles[name] = VariantStyle(MUTED, MARKERS[-1 - index % 3], DASHES[index % len(DASHES)])
    rest = list(dict.fromkeys(run.variant for run in plan.runs))
    for number, variants in enumerate([*plan.switches.values(), rest]):
        new = [name for name in dict.fromkeys(variants) if name not in styles]
        used = {(style.colour, style.marker) for style in styles.values()}
        markers = [MARKERS[(number + 1 + turn) % 9] for turn in range(9)]
        colours = [COLOURS[(number + turn) % len(COLOURS)] for turn in range(len(COLOURS))]
        free = [(colour, marker) for marker in markers for colour in colours if (colour, marker) not in used]
        spare = [(colour, marker) for marker in MARKERS for colour in colours]
        for name, (colour, marker) in zip(new, [*free, *(spare * len(new))], strict=False):
            styles[name] = VariantStyle(colour, marker)
    return styles


def interval_over_seeds(values: "pd.Series[float]") -> tuple[float, float]:
    """95% t interval over seeds, as seaborn's errorbar wants it; one seed has none and gets a point."""
    found = seed_interval(np.asarray(values, float))
    return (found.mean, found.mean) if found.low is None or found.high is None else (found.low, found.high)


def accuracy_by_setting(
    frame: pd.DataFrame,
    order: Sequence[str],
    styles: Mapping[str, VariantStyle],
    *,
    references: Mapping[str, tuple[str, float]] | None = None,
    bands: Sequence[tuple[float, float] | None] = (),
    chance: float | None = None,
    xlabel: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Accuracy against a switch's setting: a point per seed, mean and 95% t interval over seeds.

    frame: columns variant, setting, seed, accuracy, accuracy_ci95 (half width over that run's test episodes: drawn
    dotted where a variant has one seed). order: settings from left to right. bands: documented band at each setting.
    references: variant -> (label, mean accuracy), drawn as lines. chance: 1 / n_way.
    """
    ax = ax or _axes()
    positions = {setting: index for index, setting in enumerate(order)}
    points = frame.assign(percent=100 * frame["accuracy"], x=frame["setting"].map(positions))
    palette = {name: styles[name].colour for name in points["variant"].unique()}
    settings = [setting for setting in order if (points["setting"] == setting).any()]
    references = references or {}
    low, high = _view(points, bands, chance, [value for _, value in references.values()])
    _draw_bands(ax, bands, low)
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
    _draw_references(ax, references, styles, low, high)
    if chance is not None and low <= 100 * chance:
        ax.axhline(100 * chance, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
        right = ax.get_yaxis_transform()
        ax.text(0.01, 100 * chance, "chance", transform=right, va="bottom", color=MUTED, fontsize=FONT - 1)
    ax.set(xlim=(-0.5, len(order) - 0.5), ylim=(low, high), xlabel=xlabel, ylabel="accuracy, %")
    ax.set_xticks(range(len(order)), labels=[fill(setting, max(8, 36 // len(order))) for setting in order])
    return _dress(ax)


def effects_forest(
    frame: pd.DataFrame, styles: Mapping[str, VariantStyle], *, margin: float, xlabel: str = "", ax: Axes | None = None
) -> Axes:
    """Paired difference of each variant with the baseline, in points, with its 95% interval and the margin that matters
    shaded.

    frame: columns variant, label, difference, low, high (low and high may be missing), kind; drawn from top to bottom.
    """
    ax = ax or _axes()
    ax.axvspan(-100 * margin, 100 * margin, color=BAND, zorder=0, linewidth=0)
    ax.axvline(0, color=INK, linewidth=0.9, zorder=1)
    ends = 100 * frame[["difference", "low", "high"]].to_numpy(float)
    reach = _reach(ends, margin)
    for row, (name, kind) in enumerate(zip(frame["variant"], frame["kind"], strict=True)):
        style, (mean, low, high) = styles[name], ends[row]
        if np.isfinite(low):
            dash = "-" if kind == "seeds" else EPISODE_DASH
            ax.plot(
                np.clip([low, high], -reach, reach),
                [row, row],
                color=style.colour,
                linewidth=1.6,
                linestyle=dash,
                zorder=2,
            )
        outside = abs(mean) > reach
        marker = style.marker if not outside else "<" if mean < 0 else ">"
        ax.plot(
            np.clip(mean, -reach, reach), row, marker=marker, color=style.colour, markersize=6, zorder=3, clip_on=False
        )
        ax.text(1.02, row, signed(mean), transform=ax.get_yaxis_transform(), va="center", color=INK, fontsize=FONT)
    ax.set(
        xlim=(-reach, reach),
        ylim=(len(frame) - 0.4, -0.6),
        xlabel=xlabel or "difference with the baseline, points",
        ylabel="",
    )
    ax.set_yticks(range(len(frame)), labels=[fill(label, LABEL_WIDTH) for label in frame["label"]])
    _dress(ax)
    ax.grid(False, axis="y")
    ax.grid(True, axis="x", color=GRID, linewidth=0.6)
    return ax


def accuracy_by_step(frame: pd.DataFrame, styles: Mapping[str, VariantStyle], *, ax: Axes | None = None) -> Axes:
    """Accuracy before (step 0) and after each inner step: mean and 95% t interval over seeds.

    frame: columns variant, label, seed, step, accuracy.
    """
    ax = ax or _axes()
    _lines(frame, "step", "accuracy", styles, ax)
    ax.set(xlabel="inner steps taken (0 = before adaptation)", ylabel="accuracy, %")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return _dress(ax)


def learning_curves(frame: pd.DataFrame, styles: Mapping[str, VariantStyle], *, ax: Axes | None = None) -> Axes:
    """Accuracy during training: validation solid with markers, training episodes faint and dashed; means over seeds.

    frame: columns variant, label, seed, episode, accuracy, part ("training" or "validation").
    """
    ax = ax or _axes()
    training, validation = (frame[frame["part"] == part] for part in ("training", "validation"))
    for name, rows in training.groupby("variant", sort=False):
        means = rows.groupby("episode")["accuracy"].mean()
        ax.plot(
            means.index, 100 * means, color=styles[str(name)].colour, linewidth=0.9, linestyle=(0, (3, 1.5)), alpha=0.6
        )
    _lines(validation if len(validation) else training, "episode", "accuracy", styles, ax)
    ax.set(xlabel="training episodes", ylabel="accuracy, %")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    return _dress(ax)


def accuracy_by_cost(frame: pd.DataFrame, styles: Mapping[str, VariantStyle], *, ax: Axes | None = None) -> Axes:
    """Accuracy against training time: one marker per variant (means over seeds), its seeds as small points.

    frame: columns variant, label, seed, train_seconds, accuracy. The key on the right is in order of accuracy.
    """
    ax = ax or _axes()
    runs = frame.assign(minutes=frame["train_seconds"] / 60, percent=100 * frame["accuracy"])
    keys: list[tuple[float, str, VariantStyle]] = []
    for name, rows in runs.groupby("variant", sort=False):
        style = styles[str(name)]
        ax.scatter(rows["minutes"], rows["percent"], s=7, color=style.colour, alpha=0.5, linewidth=0, zorder=2)
        height = float(rows["percent"].mean())
        ax.plot(rows["minutes"].mean(), height, marker=style.marker, color=style.colour, markersize=6, linestyle="none")
        keys.append((height, str(rows["label"].iloc[0]), style))
    ax.set(xlabel="training time, minutes (one run)", ylabel="accuracy, %")
    ax.margins(x=0.08, y=0.05)
    ax.set_xlim(left=max(0.0, ax.get_xlim()[0]))
    low, high = ax.get_ylim()
    right = ax.get_yaxis_transform()
    texts = [fill(f"{label} {height:.1f}", LABEL_WIDTH) for height, label, _ in keys]
    lines = 1.7 if any("\n" in text for text in texts) else 1.0
    gap = (high - low) * min(0.055 * lines, 1.05 / len(keys))
    places = spread([key[0] for key in keys], gap, limits=(low, high))
    for (_, _, style), text, at in zip(keys, texts, places, strict=True):
        ax.plot(1.04, at, transform=right, marker=style.marker, color=style.colour, markersize=4.5, clip_on=False)
        ax.text(1.07, at, text, transform=right, va="center", color=INK, fontsize=FONT - 1, linespacing=1.0)
    return _dress(ax)


def _lines(frame: pd.DataFrame, x: str, y: str, styles: Mapping[str, VariantStyle], ax: Axes) -> None:
    """A line over seeds per variant, with its interval as a band, labelled at its right end."""
    percent = frame.assign(percent=100 * frame[y])
    ends = []
    for name, rows in percent.groupby("variant", sort=False):
        style = styles[str(name)]
        sns.lineplot(
            rows, x=x, y="percent", errorbar=interval_over_seeds, err_kws={"alpha": 0.13, "linewidth": 0}, legend=False,
            color=style.colour, linewidth=1.5, marker=style.marker, markersize=4.5, markeredgewidth=0, ax=ax,
        )  # fmt: skip
        last = rows[rows[x] == rows[x].max()]
        ends.append((float(last["percent"].mean()), str(rows["label"].iloc[0]), style.colour))
    low, high = ax.get_ylim()
    if high - low < 4:
        low, high = (low + high) / 2 - 2, (low + high) / 2 + 2
        ax.set_ylim(low, high)
    gap = (high - low) * 0.062
    for (_, label, colour), at in zip(ends, spread([end[0] for end in ends], gap), strict=True):
        ax.text(1.02, at, label, transform=ax.get_yaxis_transform(), va="center", color=colour, fontsize=FONT - 0.5)


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


def _view(
    points: pd.DataFrame,
    bands: Sequence[tuple[float, float] | None],
    chance: float | None,
    references: Iterable[float],
) -> tuple[float, float]:
    """Limits of the accuracy axis, percent: points, intervals and documented bands; references and chance where they
    are near.

    A reference is taken in while what is measured still fills 3/5 of the axis.
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
    return max(low - room, 0.0), min(high + room, 101.0)


def _draw_bands(ax: Axes, bands: Sequence[tuple[float, float] | None], low: float) -> None:
    """Shade each run of settings that share a documented band, labelled inside its upper edge."""
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
            ax.text(left + 0.06, 50 * (band[0] + band[1]), text, va="center", color=MUTED, fontsize=FONT - 1, zorder=1)
        start = stop


def _draw_references(
    ax: Axes,
    references: Mapping[str, tuple[str, float]],
    styles: Mapping[str, VariantStyle],
    low: float,
    high: float,
) -> None:
    """Labelled horizontal lines; those outside the view are named at the edge that they are beyond."""
    percents = {name: 100 * value for name, (_, value) in references.items()}
    shown = [name for name in references if low <= percents[name] <= high]
    right = ax.get_yaxis_transform()
    texts = {name: fill(f"{label} {percents[name]:.1f}", 16) for name, (label, _) in references.items()}
    lines = max((text.count("\n") + 1 for text in texts.values()), default=1)
    places = spread([percents[name] for name in shown], (high - low) * 0.065 * lines)
    for name, place in zip(shown, places, strict=True):
        ax.axhline(percents[name], color=MUTED, linewidth=1.0, linestyle=styles[name].dash, zorder=1)
        ax.text(1.02, place, texts[name], transform=right, va="center", color=MUTED, fontsize=FONT - 1)
    for edge, align, arrow, hidden in (
        (-0.03, "top", "\u2193", [name for name in references if percents[name] < low]),
        (1.03, "bottom", "\u2191", [name for name in references if percents[name] > high]),
    ):
        hints = "\n".join(f"{arrow} {texts[name]}" for name in hidden)
        ax.text(1.02, edge, hints, transform=ax.transAxes, va=align, color=MUTED, fontsize=FONT - 1.5)


def _reach(ends: np.ndarray, margin: float) -> float:
    """Half width of the forest's axis: the intervals of all effects, save those so large that they would flatten the
    others.

    ends: [n_variants, 3], mean, low and high in points.
    """
    sizes = np.abs(ends[:, 0])
    usual = ends[sizes <= max(4 * np.quantile(sizes, 0.8), 300 * margin)] if len(ends) > 3 else ends
    return max(1.08 * float(np.nanmax(np.abs(usual), initial=0.0)), 300 * margin)


def signed(points: float) -> str:
    """A difference in points with its sign and one decimal; no negative zero."""
    return f"{round(points, 1) + 0.0:+.1f}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _dress(ax: Axes) -> Axes:
    """Spines, grid and text sizes of every figure."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(MUTED)
    ax.grid(True, axis="y", color=GRID, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=FONT, colors=INK, length=3, color=MUTED)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set_fontsize(FONT)
        axis.label.set_color(INK)
    return ax


def _axes() -> Axes:
    return Figure(figsize=(3.9, 2.7)).add_subplot()
