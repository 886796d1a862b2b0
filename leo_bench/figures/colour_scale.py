"""Colours for accuracy, from low to high, and their key."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from leo_bench.figures.limits import lowest_shown
from leo_bench.figures.style import INK, MUTED, RAMP, SMALL

Bounds = tuple[float, float]
"""Accuracies (fractions) at the two ends of the colour scale; values beyond have the colour of the end."""


def colour_bounds(accuracies: Sequence[float]) -> Bounds:
    """Return the ends for these accuracies: their better half has at least half of the colours, the best the
    last one.
    """
    values = [100 * accuracy for accuracy in accuracies]
    low = lowest_shown(values, share=0.5)
    return min(low, max(values) - 1.0) / 100, max(values) / 100


def accuracy_colours(accuracies: Sequence[float], bounds: Bounds) -> list[str]:
    """Return a colour for each accuracy (fraction)."""
    low, high = bounds
    places = (np.asarray(accuracies, float) - low) / (high - low) * len(RAMP)
    return [RAMP[index] for index in np.clip(np.floor(places), 0, len(RAMP) - 1).astype(int)]


def write_colour_key(ax: Axes, bounds: Bounds) -> None:
    """Draw the colour scale right of the Axes, upright, with the accuracies of its ends and middle."""
    low, high = bounds
    for index, colour in enumerate(RAMP):
        box = Rectangle(
            (1.05, 0.12 + 0.76 * index / len(RAMP)), 0.035, 0.76 / len(RAMP), facecolor=colour, edgecolor=colour,
            linewidth=0.3, transform=ax.transAxes, clip_on=False,
        )  # fmt: skip
        ax.add_patch(box)
    for share in (0.0, 0.5, 1.0):
        text = f"{100 * (low + share * (high - low)):.1f}"
        ax.text(1.1, 0.12 + 0.76 * share, text, transform=ax.transAxes, va="center", color=INK, fontsize=SMALL)
    ax.text(1.05, 0.95, "accuracy, %", transform=ax.transAxes, va="center", color=MUTED, fontsize=SMALL)
