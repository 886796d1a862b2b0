"""Axis of accuracy in percent, and of error on a log scale near the ceiling."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import ArrayLike

CEILING = 0.95
"""Median accuracy of what is drawn from which on differences are read better as errors."""
LEAST_ERROR = 0.01
"""Percent: smaller errors are drawn at this one."""
LEAST_FACTOR = 3
"""An error axis spans at least this factor."""


def near_ceiling(frame: pd.DataFrame) -> bool:
    """Whether at least half of the variants in the frame (columns variant, accuracy) are above CEILING on average."""
    return bool(frame.groupby("variant")["accuracy"].mean().median() > CEILING)


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
