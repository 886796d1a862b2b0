"""95% intervals over seeds, for drawing."""

import numpy as np
import pandas as pd

from leo_bench.statistics import seed_interval

LEAST_SEEDS = 3
"""With fewer an interval over seeds is so wide (t is 12.7 at two) that single seeds say more."""


def interval_over_seeds(values: "pd.Series[float]") -> tuple[float, float]:
    """95% t interval over seeds of shares in percent, cut at 0 and 100, as seaborn's errorbar wants it; fewer than
    LEAST_SEEDS get a point.
    """
    found = seed_interval(np.asarray(values, float))
    if found.low is None or found.high is None or len(values) < LEAST_SEEDS:
        return found.mean, found.mean
    return max(found.low, 0.0), min(found.high, 100.0)


def interval_is_cut(values: "pd.Series[float]") -> bool:
    """Whether the interval that is drawn of these shares (fractions, one a seed) ends at 0 or 100% because it would go
    on beyond.
    """
    found = seed_interval(np.asarray(values, float))
    return len(values) >= LEAST_SEEDS and found.low is not None and (found.low < 0 or (found.high or 0) > 1)
