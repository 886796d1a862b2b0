"""Labels and keys beside an Axes, placed so that they do not overlap."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from leo_bench.figures.style import FONT, INK, MUTED, SMALL, VariantStyle


def heights(ax: Axes, values: Sequence[float]) -> list[float]:
    """Return positions of values of the y axis as fractions of the Axes' height, on any scale."""
    points = [(ax.get_xlim()[0], value) for value in values]
    return [float(y) for _, y in (ax.transScale + ax.transLimits).transform(points)] if points else []


def inches(ax: Axes) -> float:
    """Return the height of the Axes in inches."""
    box = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    return float(box.height)


def write_key(ax: Axes, entries: Sequence[tuple[float, str, VariantStyle, bool]]) -> None:
    """Write a key right of the Axes, from top to bottom in the order of the entries' heights.

    entries: (height as a fraction of the Axes, text, style, bold).
    """
    places = _spread_texts(ax, [entry[0] for entry in entries], [entry[1] for entry in entries])
    for (_, text, style, bold), at in zip(entries, places, strict=True):
        _write_mark(ax, 1.05, at, style)
        ax.text(
            1.09, at, text, transform=ax.transAxes, va="center", color=INK, fontsize=SMALL, linespacing=1.0,
            weight="bold" if bold else "normal",
        )  # fmt: skip


def _write_mark(ax: Axes, x: float, y: float, style: VariantStyle) -> None:
    """Draw a variant's marker beside its label, at fractions of the Axes."""
    ax.plot(
        x, y, marker=style.marker, color=style.colour, markersize=4.5, linestyle="none", clip_on=False,
        transform=ax.transAxes,
    )  # fmt: skip


def write_ends(ax: Axes, ends: Sequence[tuple[float, str, VariantStyle]]) -> None:
    """Write labels of lines at their right ends, each with its marker. ends: (last value, label, style)."""
    size = SMALL if len(ends) > 8 else FONT - 0.5
    gap = min(0.0145 * size / inches(ax), 1.1 / max(len(ends), 1))
    places = without_overlap(heights(ax, [value for value, _, _ in ends]), gap, limits=(-0.04, 1.06))
    for (_, label, style), at in zip(ends, places, strict=True):
        _write_mark(ax, 1.04, at, style)
        ax.text(1.075, at, label, transform=ax.transAxes, va="center", color=INK, fontsize=size)


def write_line_labels(ax: Axes, places: Sequence[float], texts: Sequence[str]) -> None:
    """Write muted labels right of the Axes, near the heights (fractions of the Axes) of their lines."""
    for text, at in zip(texts, _spread_texts(ax, places, texts), strict=True):
        ax.text(1.02, at, text, transform=ax.transAxes, va="center", color=MUTED, fontsize=SMALL, linespacing=1.0)


def _spread_texts(ax: Axes, places: Sequence[float], texts: Sequence[str]) -> list[float]:
    """Return the middles of small texts right of the Axes, moved apart so that their lines do not overlap."""
    owners = [index for index, text in enumerate(texts) for _ in text.splitlines()]
    gap = min(0.0155 * SMALL / inches(ax), 1.16 / max(len(owners), 1))
    lines = without_overlap([places[owner] for owner in owners], gap, limits=(-0.12, 1.04))
    return [
        float(np.mean([at for at, owner in zip(lines, owners, strict=True) if owner == i])) for i in range(len(texts))
    ]


def without_overlap(values: Sequence[float], gap: float, limits: tuple[float, float] | None = None) -> list[float]:
    """Return positions for labels: the values in their order, moved as little as needed to be at least gap apart.

    limits: (low, high) that positions are pushed back into if there is room.
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
