"""95% intervals over seeds, for drawing."""

import numpy as np
import pandas as pd

from leo_bench.statistics import seed_interval

LEAST_SEEDS = 3
"""Fewest seeds for a drawn interval; at two seeds t is 12.7, so single seeds say more."""


def interval_over_seeds(values: "pd.Series[float]", least: float = 0.0) -> tuple[float, float]:
    """Return the 95% t interval over seeds of values in percent, cut at least and 100, as seaborn's errorbar needs it.

    With fewer than LEAST_SEEDS seeds both ends are the mean.
    """
    found = seed_interval(np.asarray(values, float))
    if found.low is None or found.high is None or len(values) < LEAST_SEEDS:
        return found.mean, found.mean
    return max(found.low, least), min(found.high, 100.0)
