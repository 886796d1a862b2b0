"""Axis of accuracy in percent, or near the ceiling of error on a log scale."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import ArrayLike

CEILING = 0.95
"""Median accuracy above which errors are drawn instead, because their differences are easier to see."""
LEAST_ERROR = 0.01
"""Smallest error drawn, percent; smaller ones are drawn here."""
LEAST_FACTOR = 3
"""Smallest ratio between the ends of an error axis."""


def near_ceiling(frame: pd.DataFrame) -> bool:
    """Return True if at least half of the variants in the frame (columns variant, accuracy) have a mean above
    CEILING.
    """
    return bool(frame.groupby("variant")["accuracy"].mean().median() > CEILING)


def accuracy_axis(ax: Axes, low: float, high: float, error: bool = False, side: str = "y") -> None:
    """Set an axis (side: x or y) of a figure drawn in percent of accuracy, from low to high. Call it after drawing.

    error: show 100 minus accuracy instead, on a log scale with small errors at the top or right.
    """
    low, high = max(low, 0.0), min(high, 101.0)
    if not error:
        ax.set(**{f"{side}lim": (low, high), f"{side}label": "accuracy, %"})
        return
    high = min(high, 100 - LEAST_ERROR)
    room = max(np.sqrt(LEAST_FACTOR * (100 - high) / (100 - low)), 1.0)  # so that an axis never has a single tick
    stretch_axis(ax, max(100 - (100 - low) * room, 0.0), 100 - (100 - high) / room, side)
    own = ax.xaxis if side == "x" else ax.yaxis
    own.set_major_formatter(lambda accuracy, _: f"{round(100 - accuracy, 6):g}")
    ax.set(**{f"{side}label": "error, % (log scale)"})


def stretch_axis(ax: Axes, low: float, high: float, side: str) -> None:
    """Stretch an axis of accuracy in percent towards 100: equal factors of the error have equal lengths."""
    set_scale, own = (ax.set_xscale, ax.xaxis) if side == "x" else (ax.set_yscale, ax.yaxis)
    set_scale("function", functions=(error_height, lambda height: 100 - 10.0**-height))
    own.set_major_locator(FixedLocator(_round_errors(low, high)))
    own.set_minor_locator(NullLocator())
    own.set_major_formatter(lambda accuracy, _: f"{accuracy:g}")
    ax.set(**{f"{side}lim": (low, high)})


def _round_errors(low: float, high: float) -> list[float]:
    """Return accuracies, percent, whose errors are round numbers; more of them on a short axis."""
    for factors in ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
        errors = [factor * 10.0**power for power in range(-2, 3) for factor in factors]
        shown = [100 - error for error in errors if low <= 100 - error <= high]
        if len(shown) > 3:
            break
    return shown


def error_height(accuracy: ArrayLike) -> np.ndarray:
    """Return the place on a stretched axis of an accuracy in percent: minus the logarithm of the error."""
    return -np.log10(np.maximum(100 - np.asarray(accuracy, float), LEAST_ERROR))
