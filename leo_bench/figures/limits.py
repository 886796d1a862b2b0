"""Limits of an accuracy axis, and arrowheads for values beyond them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

UPPER_SHARE = 0.3
"""Share of an axis that the better half of what it is about takes at least."""


def lowest_shown(values: Sequence[float], others: Sequence[float] = (), share: float = UPPER_SHARE) -> float:
    """The least of the values and others, percent, that an axis shows on which the best of the values can be told
    apart: the least of all, unless the better half of the values would then take less than a share of the axis. Few
    poor ones would flatten the rest.
    """
    top, middle = max(values), float(np.median(values))
    return max(min([*values, *others]), top - max(top - middle, 2.0) / share)


def accuracy_limits(
    values: Sequence[float], others: Sequence[float] = (), error: bool = False, share: float = UPPER_SHARE
) -> tuple[float, float]:
    """Limits of that axis, percent of accuracy; what lies below the low end gets an arrowhead there (`mark_below`)."""
    top, low = max(values), lowest_shown(values, others, share)
    if error:
        return max(100 - 1.1 * (100 - low), 0.0), 100 - 0.6 * (100 - top)
    span = max(top - low, 2.0)
    return max(low - 0.06 * span, 0.0), top + 0.08 * span


def mark_below(ax: Axes, places: Sequence[float], colour: str | Sequence[str]) -> None:
    """Arrowheads at the lower edge for what lies below it, at places on the x axis."""
    if len(places):
        ax.scatter(
            places, [0.0] * len(places), marker="v", s=16, color=colour, linewidth=0, zorder=3.5, clip_on=False,
            transform=ax.get_xaxis_transform(),
        )  # fmt: skip
