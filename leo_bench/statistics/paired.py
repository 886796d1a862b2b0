"""Paired comparisons: interval over episodes, tests over seeds, and Holm's adjustment for several tests."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from leo_bench.statistics.intervals import N_RESAMPLES, Interval, episode_interval, finite

EXACT_SEEDS = 16
"""Most seeds for which sign-flip tries all 2^n sign patterns; with more it draws a fixed sample of them."""


def paired_episode_interval(a: ArrayLike, b: ArrayLike) -> Interval:
    """Return the mean of a - b and its 95% interval over test episodes: how do these two trained models differ?

    a, b: [n_test_episodes], the same episodes in the same order. Assumes what episode_interval does, about differences.
    It says nothing about other seeds, which may differ by more. Raises ValueError if the shapes differ.
    """
    first, second = np.asarray(a, float), np.asarray(b, float)
    if first.shape != second.shape:
        raise ValueError(f"paired episodes need equal numbers, got {first.shape} and {second.shape}")
    return episode_interval(first - second)


def sign_flip_p(differences: ArrayLike) -> float | None:
    """Return the exact two-sided sign-flip p of the mean difference; None below 6 seeds.

    differences: [n_seeds]. Share of sign patterns whose sum lies at least as far from zero (scipy's permutation_test
    gives the same, far more slowly). Assumes only that each difference is symmetric about zero if the change has no
    effect. Below 6 seeds the smallest possible p, 2 / 2^n, exceeds 0.05, so the test could never reject.
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
    """Return the p of a two-sided paired t test over seeds; None below 2 seeds.

    differences: [n_seeds]. Assumes that they are independent and nearly normal. All equal: p is 0, or 1 if all are 0.
    """
    values = finite(differences)
    if values.size < 2:
        return None
    if values.std(ddof=1) <= 1e-12:
        return 1.0 if abs(values.mean()) <= 1e-12 else 0.0
    return float(stats.ttest_1samp(values, 0.0).pvalue)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return Holm's step-down adjustment (1979) of a family of p-values.

    Rejecting below alpha, the chance of even one false rejection in the family is at most alpha, however the tests
    depend on each other. Assumes that each p is valid by itself. None, a test that could not be made, stays None.
    """
    known = [(p, index) for index, p in enumerate(p_values) if p is not None]
    adjusted: list[float | None] = [None] * len(p_values)
    running = 0.0
    for rank, (p, index) in enumerate(sorted(known)):
        running = max(running, min(1.0, (len(known) - rank) * p))
        adjusted[index] = running
    return adjusted
