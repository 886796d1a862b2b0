"""Accuracy at each setting of a switch, with documented bands and reference variants."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from leo_bench.figures.accuracy_axis import accuracy_axis
from leo_bench.figures.intervals import interval_over_seeds
from leo_bench.figures.rows import draw_row, row_axes
from leo_bench.figures.style import BAND, EPISODE_DASH, MUTED, SMALL, Styles

NEAR = 12.0
"""Points above chance within which chance is shown."""


def accuracy_by_setting(
    frame: pd.DataFrame,
    styles: Styles,
    *,
    references: Sequence[str] = (),
    bands: Sequence[tuple[float, float] | None] = (),
    band_words: str = "",
    chance: float | None = None,
    error: bool = False,
    ax: Axes,
) -> Axes:
    """Draw accuracy by setting, a row for each variant: mean, small points for its seeds, 95% t interval from 3 seeds.

    frame: columns variant, label (the setting), seed, accuracy, accuracy_ci95 (half width over the run's test
    episodes: drawn dotted for a variant with one seed), in drawing order. references: the last variants of the frame,
    below a line; they may lie beyond the axis. bands: documented band of each row, or None. chance: 1 / n_way.
    error: draw errors, on a log scale.
    """
    variants = {str(name): rows for name, rows in frame.groupby("variant", sort=False)}
    percent = {name: 100 * rows["accuracy"] for name, rows in variants.items()}
    ends = {name: interval_over_seeds(values) for name, values in percent.items()}
    for name, rows in variants.items():
        if len(rows) == 1:
            half = 100 * float(rows["accuracy_ci95"].iloc[0])
            ends[name] = percent[name].iloc[0] - half, percent[name].iloc[0] + half
    own = [name for name in variants if name not in references]
    inside = [value for name in own for value in (*ends[name], *percent[name])]
    inside += [100 * edge for band in bands if band for edge in band]
    if chance is not None and 0 < min(inside) - 100 * chance < NEAR:
        inside.append(100 * chance)
    best = max([*(percent[name].max() for name in own), *(100 * band[1] for band in bands if band)])
    limits = _limits(inside, float(best), error)
    for row, (name, rows) in enumerate(variants.items()):
        dash = EPISODE_DASH if len(rows) == 1 else "-"
        draw_row(ax, row, float(percent[name].mean()), ends[name], styles[name], limits, dash)
        if len(rows) > 1:
            seen = percent[name][percent[name].between(*limits)]
            ax.scatter(seen, [row + 0.28] * len(seen), s=8, color=styles[name].colour, alpha=0.7, linewidth=0)
        band = bands[row] if row < len(bands) else None
        if band is not None:
            ax.fill_between([100 * band[0], 100 * band[1]], row - 0.5, row + 0.5, color=BAND, zorder=0, linewidth=0)
    if any(bands):
        words = ax.annotate(band_words, (1, 1), (0, 3), "axes fraction", "offset points", ha="right")  # points above
        words.set(color=MUTED, fontsize=SMALL, in_layout=False)
    if references and len(own) < len(variants):
        ax.axhline(len(own) - 0.5, color=MUTED, linewidth=0.8)
    if chance is not None and limits[0] <= 100 * chance <= limits[1]:
        ax.axvline(100 * chance, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
        ax.text(100 * chance, -0.55, " chance", va="top", color=MUTED, fontsize=SMALL)
    accuracy_axis(ax, *limits, error, side="x")
    labels = [str(rows["label"].iloc[0]) for rows in variants.values()]
    return row_axes(ax, labels, [f"{values.mean():.1f}" for values in percent.values()])


def _limits(inside: Sequence[float], best: float, error: bool) -> tuple[float, float]:
    """Return the limits of the axis, percent. inside: all values that it must hold. best: the highest accuracy."""
    low, high = max(min(inside), 0.0), min(max(inside), 100.0)
    if error:  # an interval may end beyond 100%: what was measured decides, and the documented band
        return 100 - 1.2 * (100 - low), 100 - 0.6 * (100 - best)
    room = max(0.07 * (high - low), 0.6)
    return float(np.clip(low - room, 0, 100)), float(min(high + room, 101.0))
