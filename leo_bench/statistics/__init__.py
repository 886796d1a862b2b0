"""Statistics of one variant and of one difference. Each function says which question it answers and what it assumes;
none pools episodes over seeds. Over several settings at once: aggregate.py.

Three questions are kept apart:
  within a run      how well is this one trained model known?        interval over its test episodes
  over seeds        what does training this variant again give?      t interval over runs
  between variants  what is the change worth?                        t interval over paired differences
All values are fractions in [0, 1] unless said otherwise.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

LEVEL = 0.95
ALPHA = 0.05
BCA_SEEDS = 5
"""Below this a bootstrap of seeds is little more than the range of what was seen (two seeds: half of the time it
covers the truth)."""

EXACT_SEEDS = 16
"""Up to here sign-flip goes through all 2^n sign patterns; beyond, through a fixed sample of them."""
N_RESAMPLES = 9999
"""Of a bootstrap, or of sign patterns. Generators are seeded: the same values give the same interval."""

Verdict = Literal["better", "worse", "no difference that matters", "inconclusive", "one seed"]


@dataclass(frozen=True)
class Interval:
    """A mean with its 95% interval. `low` and `high` are None where n does not allow one."""

    mean: float
    low: float | None
    high: float | None
    n: int
    kind: Literal["episodes", "seeds"]
    """What the interval is over."""

    @property
    def half_width(self) -> float | None:
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


def episode_interval(accuracies: ArrayLike) -> Interval:
    """How well is this one trained model known? 95% interval over its test episodes.

    accuracies: [n_test_episodes]. Normal interval, 1.96 standard errors with n - 1, as result.json records it. Assumes
    that episodes are independent draws, hundreds of them; at a ceiling, where nearly all are all correct, it is too
    narrow. It says nothing about another seed.
    """
    values = finite(accuracies)
    if values.size < 2:
        return Interval(float(values.mean()), None, None, values.size, "episodes")
    half = float(1.96 * values.std(ddof=1) / math.sqrt(values.size))
    mean = float(values.mean())
    return Interval(mean, mean - half, mean + half, values.size, "episodes")


def seed_interval(values: ArrayLike) -> Interval:
    """What would training this variant with another seed give on average? Mean and 95% t interval over seeds.

    values: [n_seeds], one number per run. Assumes that runs are independent and nearly normal, which means of many
    episodes are. One seed: the number, and no interval. All equal: an interval of width zero, which says that these
    seeds agree and no more.
    """
    numbers = finite(values)
    mean = float(numbers.mean())
    if numbers.size < 2:
        return Interval(mean, None, None, numbers.size, "seeds")
    half = float(stats.t.ppf(0.5 + LEVEL / 2, numbers.size - 1) * numbers.std(ddof=1) / math.sqrt(numbers.size))
    return Interval(mean, mean - half, mean + half, numbers.size, "seeds")


def paired_episode_interval(a: ArrayLike, b: ArrayLike) -> Interval:
    """How do these two trained models differ on the same test episodes? Mean of a - b, 95% interval over episodes.

    a, b: [n_test_episodes], the same episodes in the same order. Assumes what episode_interval does, of differences.
    It speaks of two trained models: another seed may differ by more.
    """
    first, second = np.asarray(a, float), np.asarray(b, float)
    if first.shape != second.shape:
        raise ValueError(f"paired episodes need equal numbers, got {first.shape} and {second.shape}")
    return episode_interval(first - second)


def bca_interval(differences: ArrayLike, n_resamples: int = N_RESAMPLES) -> Interval:
    """What is the mean difference worth where differences need not be normal? Mean and 95% BCa bootstrap interval.

    differences: [n_seeds]. Efron's bias-corrected and accelerated interval. Assumes that seeds are independent draws
    and that the sample shows the shape of what it is drawn from, which few seeds do not: on normal differences it
    covers the truth in about 83% of samples of 5, 90% of 10 and 94% of 60, where the t interval covers it in 95% of
    each. A check beside seed_interval, not instead of it. Below BCA_SEEDS seeds: the number, and no interval.
    """
    values = finite(differences)
    mean = float(values.mean())
    if values.size < BCA_SEEDS:
        return Interval(mean, None, None, values.size, "seeds")
    if np.ptp(values) <= 1e-12:
        return Interval(mean, mean, mean, values.size, "seeds")
    found = stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=LEVEL,
        n_resamples=n_resamples,
        method="BCa",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Interval(mean, float(found.low), float(found.high), values.size, "seeds")


def sign_flip_p(differences: ArrayLike) -> float | None:
    """Could the paired differences have had any sign? Exact two-sided sign-flip p of their mean; None below 6 seeds.

    differences: [n_seeds]. Share of sign patterns whose sum lies at least as far from zero (scipy's permutation_test
    gives the same, far more slowly). Assumes only that each difference is symmetric about zero when the change
    is worth nothing. Below 6 seeds the smallest p there is, 2 / 2^n, exceeds 0.05, so the test could never speak.
    """
    values = finite(differences)
    if values.size < 6:
        return None
    if not values.any():
        return 1.0
    if values.size <= EXACT_SEEDS:
        flips = np.arange(2**values.size)[:, np.newaxis] >> np.arange(values.size) & 1
    else:
        flips = np.random.default_rng(0).integers(2, size=(N_RESAMPLES, values.size))
        flips = np.vstack([flips, np.zeros(values.size, int)])  # what was seen is one of the patterns
    sums = np.abs((1 - 2 * flips) @ values)
    rounding = 1e-12 * np.abs(values).sum()
    return float((sums >= abs(values.sum()) - rounding).mean())


def paired_t_p(differences: ArrayLike) -> float | None:
    """Would differences this far from zero turn up by chance over seeds? Two-sided paired t test; None below 2 seeds.

    differences: [n_seeds]. Assumes that they are independent and nearly normal. All equal: p is 0, or 1 if all are 0.
    """
    values = finite(differences)
    if values.size < 2:
        return None
    if values.std(ddof=1) <= 1e-12:
        return 1.0 if abs(values.mean()) <= 1e-12 else 0.0
    return float(stats.ttest_1samp(values, 0.0).pvalue)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """What remains of each p when this many questions were asked at once? Holm's step-down adjustment (1979).

    Below alpha, the chance of even one false alarm in the family is at most alpha, however the questions depend on each
    other. Assumes that each p is valid by itself. None, a question that could not be asked, stays None.
    """
    known = [(p, index) for index, p in enumerate(p_values) if p is not None]
    adjusted: list[float | None] = [None] * len(p_values)
    running = 0.0
    for rank, (p, index) in enumerate(sorted(known)):
        running = max(running, min(1.0, (len(known) - rank) * p))
        adjusted[index] = running
    return adjusted


def verdict(difference: Interval, margin: float, holm_p: float | None = None) -> Verdict:
    """Does the difference matter? Its 95% interval over seeds against plus and minus the margin.

    better, worse: the whole interval lies beyond the margin (and Holm's p, where given, is below 0.05); no difference
    that matters: it lies inside; anything else is inconclusive. One seed gives no interval over seeds: "one seed".
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
    """How large must a true difference be to be seen with this many seeds? Paired t test, two-sided, at the given
    power.

    seed_sd: standard deviation over seeds of the paired difference (of one variant times sqrt(2), when runs of a seed
    share nothing). Same unit as seed_sd. None below 2 seeds; 0 when seed_sd is 0. Assumes normal differences, a known
    seed_sd and one question: with Holm over a family, or against a margin, the difference must be larger.
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


def probability_of_improvement(differences: ArrayLike) -> Interval:
    """With another seed, how likely is the variant ahead of its baseline with that seed? The share of paired
    differences above 0, ties counted half, and an interval of 95% or more.

    differences: [n_seeds]. Assumes only that seeds are independent draws. Clopper and Pearson's exact binomial
    interval, its low end with ties counted as losses and its high end with ties counted as wins, so that ties cannot
    narrow it. Wide by nature: ahead in 3 of 3 seeds is compatible with 0.29, in 10 of 10 with 0.69. Unlike the mean
    difference it does not say by how much.
    """
    values = finite(differences)
    wins, ties, n = int((values > 0).sum()), int((values == 0).sum()), values.size
    tail, reached = (1 - LEVEL) / 2, wins + ties
    low = float(stats.beta.ppf(tail, wins, n - wins + 1)) if wins else 0.0
    high = float(stats.beta.ppf(1 - tail, reached + 1, n - reached)) if reached < n else 1.0
    return Interval((wins + 0.5 * ties) / n, low, high, n, "seeds")


def finite(values: ArrayLike, n_dims: int = 1) -> np.ndarray:
    """As a float array of n_dims dimensions. Raises ValueError when empty, or where a value is not a number."""
    array = np.asarray(values, float)
    if array.ndim != n_dims or array.size == 0:
        raise ValueError(f"expected values in {n_dims} dimensions, at least one; got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("values hold NaN or infinity; a run without a number is missing, not zero")
    return array
