"""Confidence intervals of a mean over test episodes or over seeds."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean with its 95% interval. `low` and `high` are None if n does not allow one."""

    mean: float
    low: float | None
    high: float | None
    n: int
    kind: Literal["episodes", "seeds", "seeds and episodes"]
    """Source of variation: test episodes of one model, seeds on the same episodes, or both."""


def episode_interval(accuracies: ArrayLike) -> Interval:
    """Return the 95% interval over test episodes: how well is this one trained model known?

    accuracies: [n_test_episodes]. Normal interval, 1.96 standard errors with n - 1, as result.json records it. Assumes
    that episodes are independent draws, hundreds of them; near 100% it is too narrow. It says nothing about another
    seed.
    """
    values = finite(accuracies)
    if values.size < 2:
        return Interval(float(values.mean()), None, None, values.size, "episodes")
    half = float(1.96 * values.std(ddof=1) / math.sqrt(values.size))
    mean = float(values.mean())
    return Interval(mean, mean - half, mean + half, values.size, "episodes")


def seed_interval(values: ArrayLike) -> Interval:
    """Return mean and 95% t interval over seeds: what would other seeds of this variant give on average?

    values: [n_seeds], one number per run. Assumes that runs are independent and nearly normal, as means over many
    episodes are. One seed: the number, and no interval. All equal: an interval of width zero, which only says that
    these seeds agree.
    """
    numbers = finite(values)
    mean = float(numbers.mean())
    if numbers.size < 2:
        return Interval(mean, None, None, numbers.size, "seeds")
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, numbers.size - 1) * numbers.std(ddof=1) / math.sqrt(numbers.size))
    return Interval(mean, mean - half, mean + half, numbers.size, "seeds")


def next_seed_range(values: ArrayLike, confidence: float = 0.99) -> tuple[float, float] | None:
    """Return (low, high), the prediction interval of one more seed: where would another run of this variant land?

    values: [n_seeds], one number per run. Assumes that runs are independent and nearly normal. None for one seed, which
    shows no spread.
    """
    numbers = finite(values)
    if numbers.size < 2:
        return None
    quantile = float(stats.t.ppf(0.5 + confidence / 2, numbers.size - 1))
    half = quantile * float(numbers.std(ddof=1)) * math.sqrt(1 + 1 / numbers.size)
    return float(numbers.mean()) - half, float(numbers.mean()) + half


def seed_and_episode_interval(accuracies: ArrayLike) -> Interval:
    """Return mean and 95% interval over seeds and test episodes: what would other seeds give on other episodes?

    accuracies: [n_seeds, n_test_episodes], the same episodes for every seed. All seeds are tested on the same
    episodes, and an interval over seeds leaves out this common sampling error. The variance is that of the seeds' means
    plus that of the episodes' means, less what both hold of the interaction; degrees of freedom by Satterthwaite. One
    seed: over its episodes.
    """
    values = finite(accuracies, n_dims=2)
    n_seeds, n_episodes = values.shape
    if n_seeds < 2 or n_episodes < 2:
        return episode_interval(values[0])
    mean, of_seeds, of_episodes, degrees = seed_and_episode_moments(values)
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, degrees)) * math.sqrt(of_seeds + of_episodes)
    return Interval(mean, mean - half, mean + half, n_seeds, "seeds and episodes")


def seed_and_episode_moments(accuracies: ArrayLike) -> tuple[float, float, float, float]:
    """Return mean, two parts of the variance of the mean, and degrees of freedom behind seed_and_episode_interval.

    accuracies: [n_seeds, n_test_episodes], at least two of each. The first part falls as 1 / n_seeds. The second one is
    that of the test episodes, which all seeds share: no number of seeds lowers it.
    """
    values = finite(accuracies, n_dims=2)
    n_seeds, n_episodes = values.shape
    of_seeds = float(values.mean(axis=1).var(ddof=1)) / n_seeds
    of_episodes = float(values.mean(axis=0).var(ddof=1)) / n_episodes
    rest = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0, keepdims=True) + values.mean()
    both = float((rest**2).sum()) / ((n_seeds - 1) * (n_episodes - 1)) / (n_seeds * n_episodes)
    variance = max(of_seeds + of_episodes - both, of_seeds, of_episodes)
    mean = float(values.mean())
    if variance <= 0:
        return mean, 0.0, 0.0, float(n_seeds - 1)
    degrees = (of_seeds + of_episodes) ** 2 / (of_seeds**2 / (n_seeds - 1) + of_episodes**2 / (n_episodes - 1))
    return mean, of_seeds, variance - of_seeds, degrees


def finite(values: ArrayLike, n_dims: int = 1) -> np.ndarray:
    """Return the values as a float array of n_dims dimensions. Raises ValueError if it is empty, or if a value is NaN
    or infinite."""
    array = np.asarray(values, float)
    if array.ndim != n_dims or array.size == 0:
        raise ValueError(f"expected values in {n_dims} dimensions, at least one; got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("values hold NaN or infinity; a run without a number is missing, not zero")
    return array
