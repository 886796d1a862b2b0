"""Limits of an accuracy axis, and arrowheads for values beyond them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

UPPER_SHARE = 0.3
"""Least share of an axis for the better half of its values."""


def lowest_shown(values: Sequence[float], others: Sequence[float] = (), share: float = UPPER_SHARE) -> float:
    """Return the lowest accuracy that an axis shows, percent: the least of values and others.

    It is higher if the better half of the values would otherwise take less than the given share of the axis: a few poor
    values must not flatten the rest.
    """
    top, middle = max(values), float(np.median(values))
    return max(min([*values, *others]), top - max(top - middle, 2.0) / share)


def accuracy_limits(
    values: Sequence[float], others: Sequence[float] = (), error: bool = False, share: float = UPPER_SHARE
) -> tuple[float, float]:
    """Return the limits of that axis, percent of accuracy; values below the low end get an arrowhead (`mark_below`)."""
    top, low = max(values), lowest_shown(values, others, share)
    if error:
        return max(100 - 1.1 * (100 - low), 0.0), 100 - 0.6 * (100 - top)
    span = max(top - low, 2.0)
    return max(low - 0.06 * span, 0.0), top + 0.08 * span


def mark_below(ax: Axes, places: Sequence[float], colour: str | Sequence[str]) -> None:
    """Draw arrowheads at the lower edge for values below it, at places on the x axis."""
    if len(places):
        ax.scatter(
            places, [0.0] * len(places), marker="v", s=16, color=colour, linewidth=0, zorder=3.5, clip_on=False,
            transform=ax.get_xaxis_transform(),
        )  # fmt: skip
