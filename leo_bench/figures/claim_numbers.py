"""Numbers behind statements: a row each, with its interval, beside the values for which the statement holds."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from leo_bench.figures.forest_plot import ROOM, USUAL
from leo_bench.figures.rows import draw_row, row_axes
from leo_bench.figures.style import BAND, COLOURS, INK, MUTED, VariantStyle

OUTCOMES = {
    "holds": VariantStyle(COLOURS[0], "o"),
    "does not hold": VariantStyle(COLOURS[1], "s"),
    "inconclusive": VariantStyle(MUTED, "D"),
}
MOST_TICKS = 7
"""Powers of ten that an axis names."""


def claim_numbers(
    frame: pd.DataFrame,
    *,
    xlabel: str,
    same: float | None = None,
    log: bool = False,
    most: float = np.inf,
    label_width: int,
    ax: Axes,
) -> Axes:
    """Draw numbers, each with its 95% interval; the values for which its statement holds are shaded.

    frame: columns label, value, low, high, above, below, outcome (one of OUTCOMES) and words (the value in words);
    above and below are the ends of what is shaded, and NaN where there is none, as low and high are. same: the value
    that means no difference, marked by a line; values far from it end in an arrowhead. log: a logarithmic axis. most:
    the largest possible value, beyond which nothing is shaded.
    """
    ends = frame[["value", "low", "high"]].to_numpy(float)
    limits = _limits(ends, frame[["above", "below"]].to_numpy(float), same, log)
    if log:
        ax.set_xscale("log")
    if same is not None:
        ax.axvline(same, color=INK, linewidth=0.6, zorder=1)
    for row, one in enumerate(frame.to_dict("records")):
        above, below = (
            limits[end] if np.isnan(one[name]) else one[name] for end, name in enumerate(("above", "below"))
        )
        left, right = np.clip([above, below], limits[0], min(limits[1], most))
        ax.barh(row, right - left, left=left, height=0.7, color=BAND, zorder=0, linewidth=0)
        draw_row(ax, row, one["value"], (one["low"], one["high"]), OUTCOMES[one["outcome"]], limits)
    ax.set(xlim=limits, xlabel=xlabel)
    if log:
        ticks = ratio_ticks(*limits)
        ax.set_xticks(ticks, labels=[f"{value:g}" for value in ticks])
        ax.minorticks_off()
    return row_axes(ax, list(frame["label"]), list(frame["words"]), label_width)


def ratio_ticks(low: float, high: float) -> list[float]:
    """Return round numbers from low to high for a logarithmic axis, at least two of them; 1 is one if it lies between.

    Over a short range they are evenly spread, then 1, 2 and 5 of each power of ten, then powers of ten alone.
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = -(-len(powers) // MOST_TICKS)
    factors = (1, 2, 5) if len(powers) <= 3 else (1,)
    found = [factor * 10.0**power for power in powers if power % every == 0 for factor in factors]
    found = [value for value in found if low <= value <= high]
    if len(found) < 3:
        even = MaxNLocator(5).tick_values(low, high)
        step = even[1] - even[0]
        first = 1 + math.ceil((low - 1) / step) * step
        found = [round(first + number * step, 9) for number in range(math.floor((high - first) / step) + 1)]
    return found


def _limits(ends: np.ndarray, bounds: np.ndarray, same: float | None, log: bool) -> tuple[float, float]:
    """Return the limits of the axis: all that is drawn, but not so wide that a few numbers flatten the rest.

    ends: [n_numbers, 3], value, low and high. bounds: [n_numbers, 2].
    """
    ends = np.where(np.isfinite(ends), ends, np.nan)
    if log:
        ends, bounds, same = np.log(ends), np.log(bounds), None if same is None else float(np.log(same))
    low, high = (find([find(ends), find(bounds)]) for find in (np.nanmin, np.nanmax))
    if same is not None:
        sizes = np.abs(ends[:, 0] - same)
        usual = float(np.quantile(sizes, USUAL, method="lower")) if len(sizes) > 3 else np.inf
        reach = ROOM * max(usual, float(np.nanmax(np.abs(bounds - same))))
        low, high = max(min(low, same), same - reach), min(max(high, same), same + reach)
    room = 0.04 * (high - low) or 1.0
    return (np.exp(low - room), np.exp(high + room)) if log else (low - room, high + room)
