"""Paired comparisons over test episodes, and Holm's adjustment for several tests."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from leo_bench.statistics.intervals import Interval, episode_interval


def paired_episode_interval(a: ArrayLike, b: ArrayLike) -> Interval:
    """Return the mean of a - b and its 95% interval over test episodes: how do these two trained models differ?

    a, b: [n_test_episodes], the same episodes in the same order. Assumes what episode_interval does, about differences.
    It says nothing about other seeds, which may differ by more. Raises ValueError if the shapes differ.
    """
    first, second = np.asarray(a, float), np.asarray(b, float)
    if first.shape != second.shape:
        raise ValueError(f"paired episodes need equal numbers, got {first.shape} and {second.shape}")
    return episode_interval(first - second)


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
