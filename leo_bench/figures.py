"""Figures of a study: each a function of a frame and an Axes, which it returns. No global style, no pyplot state.

Frames hold fractions; axes show percent. A variant keeps one colour and marker in every figure (`variant_styles`); markers also tell
variants apart without colour. `render` turns an axes-drawing function into SVG text and pixels, the same bytes for the same frame.
"""

import io
import pickle
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from PIL import Image

from leo_bench.records import Plan
from leo_bench.stats import seed_interval

INK, MUTED, GRID, PAPER, BAND = "#1b1f24", "#5b6470", "#dce1e7", "#ffffff", "#d3ead9"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#aa4499", "#a87b00", "#3d9bd1")
"""Told apart under the common kinds of colour blindness, and at least 3 to 1 against white."""
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "p", "h", "*", "<", ">")
DASHES = ((0, (5, 2)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1)))
FONT = 8.0
FONTS = ["DejaVu Sans", "Arial", "Helvetica", "sans-serif"]
PNG_DPI = 160

BANDS = {(5, 1): (0.95, 0.98), (5, 5): (0.97, 0.99)}
"""(n_way, k_shot) -> accuracy that the source document expects on Omniglot."""


@dataclass(frozen=True)
class VariantStyle:
    colour: str
    marker: str
    dash: tuple[int, tuple[float, ...]] | str = "-"


def variant_styles(plan: Plan) -> dict[str, VariantStyle]:
    """Colour and marker of each variant: colours go round within a switch, each switch has its marker; the baseline is ink."""
    styles = {plan.baseline: VariantStyle(INK, "o")}
    for index, name in enumerate(plan.references):
        styles[name] = VariantStyle(MUTED, MARKERS[-1 - index % 3], DASHES[index % len(DASHES)])
    for number, variants in enumerate(plan.switches.values()):
        colours = iter(range(len(variants)))
        for name in variants:
            if name not in styles:
                styles[name] = VariantStyle(COLOURS[next(colours) % len(COLOURS)], MARKERS[(number + 1) % 9])
    rest = [name for name in dict.fromkeys(run.variant for run in plan.runs) if name not in styles]
    for index, name in enumerate(rest):
        styles[name] = VariantStyle(COLOURS[index % len(COLOURS)], MARKERS[(index // len(COLOURS)) % len(MARKERS)])
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

    frame: columns variant, setting, seed, accuracy. order: settings from left to right. bands: documented band at each setting.
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
    beside = [palette[name] for name in points["variant"]]
    ax.scatter(points["x"] + 0.2, points["percent"], s=11, c=beside, alpha=0.75, linewidth=0, zorder=2.5)
    _draw_references(ax, references, styles, low, high)
    if chance is not None and low <= 100 * chance:
        ax.axhline(100 * chance, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
        ax.text(
            0.01,
            100 * chance,
            "chance",
            transform=ax.get_yaxis_transform(),
            va="bottom",
            color=MUTED,
            fontsize=FONT - 1,
        )
    ax.set(xlim=(-0.5, len(order) - 0.5), ylim=(low, high), xlabel=xlabel, ylabel="accuracy, %")
    ax.set_xticks(range(len(order)), labels=list(order))
    return _dress(ax)


def effects_forest(
    frame: pd.DataFrame, styles: Mapping[str, VariantStyle], *, margin: float, xlabel: str = "", ax: Axes | None = None
) -> Axes:
    """Paired difference of each variant with the baseline, in points, with its 95% interval and the margin that matters shaded.

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
            dash = "-" if kind == "seeds" else (0, (1.5, 1.2))
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
        ax.text(1.02, row, f"{mean:+.1f}", transform=ax.get_yaxis_transform(), va="center", color=INK, fontsize=FONT)
    ax.set(
        xlim=(-reach, reach),
        ylim=(len(frame) - 0.4, -0.6),
        xlabel=xlabel or "difference with the baseline, points",
        ylabel="",
    )
    ax.set_yticks(range(len(frame)), labels=list(frame["label"]))
    _dress(ax)
    ax.grid(False, axis="y")
    ax.grid(True, axis="x", color=GRID, linewidth=0.6)
    return ax


def accuracy_by_step(frame: pd.DataFrame, styles: Mapping[str, VariantStyle], *, ax: Axes | None = None) -> Axes:
    """Accuracy before (step 0) and after each inner step: mean and 95% t interval over seeds.

    frame: columns variant, label, seed, step, accuracy.
    """
    ax = ax or _axes()
    _lines(frame, "step", "accuracy", styles, ax, markers=True)
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
    _lines(validation if len(validation) else training, "episode", "accuracy", styles, ax, markers=True)
    ax.set(xlabel="training episodes", ylabel="accuracy, %")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    return _dress(ax)


def accuracy_by_cost(frame: pd.DataFrame, styles: Mapping[str, VariantStyle], *, ax: Axes | None = None) -> Axes:
    """Accuracy against training time: one marker per variant (means over seeds), its seeds as small points.

    frame: columns variant, label, seed, train_seconds, accuracy.
    """
    ax = ax or _axes()
    minutes = frame.assign(minutes=frame["train_seconds"] / 60, percent=100 * frame["accuracy"])
    labels: list[tuple[float, float, str]] = []
    for name, rows in minutes.groupby("variant", sort=False):
        style = styles[str(name)]
        ax.scatter(rows["minutes"], rows["percent"], s=7, color=style.colour, alpha=0.5, linewidth=0, zorder=2)
        x, y = rows["minutes"].mean(), rows["percent"].mean()
        ax.plot(x, y, marker=style.marker, color=style.colour, markersize=6.5, linestyle="none", zorder=3)
        labels.append((x, y, str(rows["label"].iloc[0])))
    ax.set(xlabel="training time, minutes (one run)", ylabel="accuracy, %")
    ax.margins(x=0.12, y=0.08)
    ax.set_xlim(left=max(0.0, ax.get_xlim()[0]))
    _dress(ax)
    _label_points(ax, labels)
    return ax


def _lines(frame: pd.DataFrame, x: str, y: str, styles: Mapping[str, VariantStyle], ax: Axes, *, markers: bool) -> None:
    """A line over seeds per variant, with its interval as a band, labelled at its right end."""
    percent = frame.assign(percent=100 * frame[y])
    ends = []
    for name, rows in percent.groupby("variant", sort=False):
        style = styles[str(name)]
        sns.lineplot(
            rows, x=x, y="percent", errorbar=interval_over_seeds, color=style.colour, linewidth=1.5, ax=ax, legend=False,
            marker=style.marker if markers else None, markersize=4.5, markeredgewidth=0, err_kws={"alpha": 0.13, "linewidth": 0},
        )  # fmt: skip
        last = rows[rows[x] == rows[x].max()]
        ends.append((float(last["percent"].mean()), str(rows["label"].iloc[0]), style.colour))
    low, high = ax.get_ylim()
    if high - low < 2:
        low, high = low - 1, high + 1
        ax.set_ylim(low, high)
    gap = (high - low) * 0.062
    for (_, label, colour), at in zip(ends, spread([end[0] for end in ends], gap), strict=True):
        ax.text(1.02, at, label, transform=ax.get_yaxis_transform(), va="center", color=colour, fontsize=FONT - 0.5)


def spread(values: Sequence[float], gap: float) -> list[float]:
    """The values moved as little as needed to lie at least gap apart, order kept: places for labels."""
    order = np.argsort(values, kind="stable")
    blocks: list[list[float]] = []  # [centre, members]
    for value in np.asarray(values, float)[order]:
        blocks.append([float(value), 1])
        while len(blocks) > 1 and blocks[-1][0] - blocks[-2][0] < gap * (blocks[-1][1] + blocks[-2][1]) / 2:
            centre, size = blocks.pop()
            before, count = blocks.pop()
            blocks.append([(centre * size + before * count) / (size + count), size + count])
    placed = [centre + gap * (index - (size - 1) / 2) for centre, size in blocks for index in range(int(size))]
    result = [0.0] * len(placed)
    for place, index in zip(placed, order, strict=True):
        result[int(index)] = place
    return result


def _view(
    points: pd.DataFrame,
    bands: Sequence[tuple[float, float] | None],
    chance: float | None,
    references: Iterable[float],
) -> tuple[float, float]:
    """Limits of the accuracy axis, percent: points, intervals and documented bands; references and chance where they are near.

    A reference is taken in while what is measured still fills 2/5 of the axis.
    """
    ends = [end for _, rows in points.groupby("x") for end in interval_over_seeds(rows["percent"])]
    inside = [*ends, *points["percent"], *(100 * edge for band in bands if band for edge in band)]
    low, high = max(min(inside), 0.0), min(max(inside), 100.0)
    span = max(high - low, 2.0)
    for value in sorted(
        (100 * reference for reference in references), key=lambda value: max(low - value, value - high)
    ):
        if max(high, value) - min(low, value) <= 2.5 * span:
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
    for name, place in zip(shown, spread([percents[name] for name in shown], (high - low) * 0.07), strict=True):
        ax.axhline(percents[name], color=MUTED, linewidth=1.0, linestyle=styles[name].dash, zorder=1)
        text = f"{references[name][0]} {percents[name]:.1f}"
        ax.text(1.02, place, text, transform=right, va="center", color=MUTED, fontsize=FONT - 1)
    for edge, arrow, hidden in (
        (0.0, "\u2193", [name for name in references if percents[name] < low]),
        (1.0, "\u2191", [name for name in references if percents[name] > high]),
    ):
        lines = [f"{arrow} {references[name][0]} {percents[name]:.1f}" for name in hidden]
        align = "top" if edge else "bottom"
        ax.text(1.02, edge, "\n".join(lines), transform=ax.transAxes, va=align, color=MUTED, fontsize=FONT - 1.5)


def _label_points(ax: Axes, labels: Sequence[tuple[float, float, str]]) -> None:
    """Write each label beside its point, moved up or down so that labels in a crowd do not cover each other."""
    (x_low, x_high), (y_low, y_high) = ax.get_xlim(), ax.get_ylim()
    places = spread([y for _, y, _ in labels], 0.0)
    near = 0.3 * (x_high - x_low)
    for _ in range(3):
        for index, (x, _, _) in enumerate(labels):
            crowd = [other for other, (other_x, _, _) in enumerate(labels) if abs(other_x - x) < near]
            moved = spread([places[other] for other in crowd], (y_high - y_low) * 0.042)
            for other, place in zip(crowd, moved, strict=True):
                places[other] = place if other == index or places[other] != labels[other][1] else places[other]
    for (x, y, label), at in zip(labels, places, strict=True):
        ax.annotate(
            label, (x, y), xytext=(x + 0.018 * (x_high - x_low), at), textcoords="data", va="center", color=MUTED, fontsize=FONT - 1.5,
            arrowprops={"arrowstyle": "-", "color": GRID, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 2} if abs(at - y) > 0.02 * (y_high - y_low) else None,
        )  # fmt: skip


def _reach(ends: np.ndarray, margin: float) -> float:
    """Half width of the forest's axis: the intervals of all effects, save those so large that they would flatten the others.

    ends: [n_variants, 3], mean, low and high in points.
    """
    sizes = np.abs(ends[:, 0])
    usual = ends[sizes <= max(4 * np.quantile(sizes, 0.8), 300 * margin)] if len(ends) > 3 else ends
    return max(1.08 * float(np.nanmax(np.abs(usual), initial=0.0)), 300 * margin)


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


@dataclass(frozen=True)
class Panel:
    """One Axes of a figure: what draws it, its title, and its size in inches."""

    draw: Callable[..., Axes]
    title: str
    subtitle: str
    width: float = 3.9
    height: float = 2.75
    left: float = 0.55
    right: float = 0.9
    top: float = 0.47
    bottom: float = 0.48
    alt: str = ""
    """What the panel shows, in words."""


@dataclass(frozen=True)
class Drawing:
    """A rendered panel: SVG text and a PNG picture of the same."""

    svg: str
    png: bytes
    width: float
    height: float
    """Inches."""
    alt: str


def render(panel: Panel) -> Drawing:
    """Draw a panel; the same panel gives the same bytes (no date, no random ids), and is drawn once in a process."""
    return _render(pickle.dumps(panel))


@lru_cache(maxsize=1024)
def _render(pickled: bytes) -> Drawing:
    panel: Panel = pickle.loads(pickled)
    style = {
        "svg.hashsalt": "leo_bench",
        "svg.fonttype": "none",
        "font.family": ["sans-serif"],
        "font.sans-serif": FONTS,
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(panel.width, panel.height), facecolor=PAPER, dpi=PNG_DPI)
        canvas = FigureCanvasAgg(figure)
        inside = (panel.width - panel.left - panel.right, panel.height - panel.bottom - panel.top)
        box = (panel.left / panel.width, panel.bottom / panel.height, inside[0] / panel.width, inside[1] / panel.height)
        panel.draw(ax=figure.add_axes(box))
        for text, below, size, weight, colour in (
            (panel.title, 0.07, FONT + 1, "bold", INK),
            (panel.subtitle, 0.25, FONT - 1.5, "normal", MUTED),
        ):
            place = (0.08 / panel.width, 1 - below / panel.height)
            figure.text(*place, text, va="top", fontsize=size, weight=weight, color=colour)
        canvas.draw()
        png, svg = io.BytesIO(), io.StringIO()
        Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").save(png, "PNG")
        figure.savefig(svg, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return Drawing(svg.getvalue(), png.getvalue(), panel.width, panel.height, panel.alt)


def inline_svg(svg: str, name: str, alt: str) -> str:
    """A rendered SVG as an element of a page: own ids, colours as the page's variables, alternative text."""
    body = own_ids(svg, name)
    for variable, colour in {"ink": INK, "muted": MUTED, "line": GRID, "paper": PAPER, "band": BAND}.items():
        body = body.replace(colour, f"var(--{variable})")
    for index, colour in enumerate(COLOURS):
        body = body.replace(colour, f"var(--c{index})")
    return body.replace("<svg ", f'<svg role="img" aria-label="{escape(alt, quote=True)}" ', 1)


def own_ids(svg: str, name: str) -> str:
    """The <svg> element with its ids made the name's own, so that several can stand in one document."""
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", svg[svg.index("<svg") :], count=1, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    return re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", body)


def grid(drawings: Sequence[Drawing], columns: int) -> list[list[Drawing]]:
    """Panels in rows, from left to right."""
    return [list(drawings[start : start + columns]) for start in range(0, len(drawings), columns)]


def compose_svg(drawings: Sequence[Drawing], columns: int) -> str:
    """Panels side by side in one SVG file."""
    parts, y = [], 0.0
    for number, row in enumerate(grid(drawings, columns)):
        x = 0.0
        for index, drawing in enumerate(row):
            body = own_ids(drawing.svg, f"p{number}-{index}")
            parts.append(body.replace("<svg ", f'<svg x="{72 * x:.2f}" y="{72 * y:.2f}" ', 1))
            x += drawing.width
        y += max(drawing.height for drawing in row)
    width = max(sum(drawing.width for drawing in row) for row in grid(drawings, columns))
    size = f'width="{72 * width:.2f}pt" height="{72 * y:.2f}pt" viewBox="0 0 {72 * width:.2f} {72 * y:.2f}"'
    head = f'<?xml version="1.0" encoding="utf-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" {size}>'
    return "\n".join([head, *parts, "</svg>", ""])


def compose_png(drawings: Sequence[Drawing], columns: int) -> bytes:
    """Panels side by side in one PNG file."""
    rows = [[Image.open(io.BytesIO(drawing.png)) for drawing in row] for row in grid(drawings, columns)]
    heights = [max(picture.height for picture in row) for row in rows]
    sheet = Image.new("RGB", (max(sum(picture.width for picture in row) for row in rows), sum(heights)), PAPER)
    top = 0
    for row, height in zip(rows, heights, strict=True):
        left = 0
        for picture in row:
            sheet.paste(picture, (left, top))
            left += picture.width
        top += height
    file = io.BytesIO()
    sheet.save(file, "PNG", dpi=(PNG_DPI, PNG_DPI))
    return file.getvalue()
