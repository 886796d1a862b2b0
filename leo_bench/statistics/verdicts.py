"""Verdicts on a paired difference, and the smallest difference that a study can detect."""

import math
from typing import Literal

from scipy import optimize, stats

from leo_bench.statistics.intervals import Interval

ALPHA = 0.05
Verdict = Literal["better", "worse", "no difference that matters", "inconclusive", "one seed"]


def verdict(difference: Interval, margin: float, holm_p: float | None = None) -> Verdict:
    """Return the verdict on a paired difference: its 95% interval over seeds against plus and minus the margin.

    better, worse: the whole interval lies beyond the margin (and Holm's p, if given, is below 0.05); no difference that
    matters: it lies inside; anything else is inconclusive. One seed gives no interval over seeds: "one seed".
    """
    if difference.kind != "seeds" or difference.low is None or difference.high is None:
        return "one seed"
    if -margin < difference.low and difference.high < margin:
        return "no difference that matters"
    if holm_p is None or holm_p < ALPHA:
        if difference.low > margin:
            return "better"
        if difference.high < -margin:
            return "worse"
    return "inconclusive"


def minimum_detectable_effect(seed_sd: float, n_seeds: int, power: float = 0.8, alpha: float = ALPHA) -> float | None:
    """Return the smallest true difference that a two-sided paired t test detects with the given power.

    seed_sd: standard deviation over seeds of the paired difference (of one variant times sqrt(2) if runs of a seed
    share nothing). Same unit as seed_sd. None below 2 seeds; 0 if seed_sd is 0. Assumes normal differences, a known
    seed_sd and one test: with Holm over a family, or against a margin, the difference must be larger.
    """
    if n_seeds < 2:
        return None
    if seed_sd <= 0:
        return 0.0
    df = n_seeds - 1
    critical = stats.t.ppf(1 - alpha / 2, df)

    def excess(shift: float) -> float:
        return float(stats.ncf.sf(critical**2, 1, df, shift**2)) - power  # t squared: both tails at once

    high = 2.0
    while excess(high) < 0:
        high *= 2
    return float(optimize.brentq(excess, 1e-9, high)) * seed_sd / math.sqrt(n_seeds)
