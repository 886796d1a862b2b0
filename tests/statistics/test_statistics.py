"""Statistics against published worked examples, hand derivations, simulation, and at the edges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leo_bench.statistics import (
    Interval,
    episode_interval,
    holm,
    next_seed_range,
    paired_episode_interval,
    seed_and_episode_interval,
    seed_interval,
)

# Student (1908), extra hours of sleep: ten paired differences, as every textbook has them.
SLEEP = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
# Fisher (1935), Darwin's maize: 15 paired differences in eighths of an inch.
MAIZE = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


def half_width(interval: Interval) -> float:
    assert interval.low is not None and interval.high is not None
    return (interval.high - interval.low) / 2


def test_seed_interval_of_students_sleep_data() -> None:
    found = seed_interval(SLEEP)
    assert found.mean == pytest.approx(1.58)
    assert found.low == pytest.approx(0.7001142, abs=1e-6)
    assert found.high == pytest.approx(2.4598858, abs=1e-6)
    assert found.kind == "seeds"
    assert found.n == 10


def test_holm_worked_example() -> None:
    # The usual textbook four: at 0.05 only the first and the last stand. Sorted 0.005, 0.01, 0.03, 0.04 times
    # 4, 3, 2, 1; the largest is lifted to the one before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.01, None, 0.03]) == [pytest.approx(0.02), None, pytest.approx(0.03)]
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_a_p_and_keeps_their_order(values: list[float]) -> None:
    adjusted = [float(p) for p in holm(values) if p is not None]
    assert all(new >= old for new, old in zip(adjusted, values, strict=True))
    order = np.argsort(values, kind="stable")
    assert list(np.array(adjusted)[order]) == sorted(adjusted)


def test_two_seeds_by_hand() -> None:
    # Standard deviation of 0.80 and 0.84 is 0.04 / sqrt(2), its error 0.02, and t(0.975, 1) = 12.7062.
    found = seed_interval([0.80, 0.84])
    assert found.mean == pytest.approx(0.82)
    assert half_width(found) == pytest.approx(12.706205 * 0.02)


def test_one_seed_has_no_interval() -> None:
    found = seed_interval([0.8])
    assert (found.mean, found.low, found.high, found.n) == (0.8, None, None, 1)


def test_constant_samples_have_width_zero() -> None:
    assert half_width(seed_interval([1.0, 1.0, 1.0])) == 0
    assert half_width(episode_interval(np.ones(100))) == 0


def test_episode_interval_is_1_96_standard_errors() -> None:
    # 0.6 and 1.0 in equal numbers: sd with n - 1 is 0.2 * sqrt(100 / 99).
    found = episode_interval([0.6, 1.0] * 50)
    assert found.mean == pytest.approx(0.8)
    assert half_width(found) == pytest.approx(1.96 * 0.2 / math.sqrt(99))
    assert found.kind == "episodes"


def test_paired_episodes_drop_what_both_share() -> None:
    difficulty = np.random.default_rng(0).normal(0, 0.1, 500)
    found = paired_episode_interval(0.8 + difficulty, 0.75 + difficulty)
    assert found.mean == pytest.approx(0.05)
    assert half_width(found) == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match="equal numbers"):
        paired_episode_interval([0.1, 0.2], [0.1, 0.2, 0.3])


@pytest.mark.parametrize("values", [[], [0.5, math.nan], [0.5, math.inf], [[0.5, 0.5]]])
def test_what_is_no_sample_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"values|expected"):
        seed_interval(values)


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_seed_intervals_cover_the_truth(n: int) -> None:
    samples = np.random.default_rng(n).normal(0.8, 0.01, (4000, n))
    intervals = [seed_interval(sample) for sample in samples]
    covered = np.mean([found.low <= 0.8 <= found.high for found in intervals])  # type: ignore[operator]
    assert 0.93 < covered < 0.97  # binomial error 0.0034


def episode_coverage(accuracy: float, n_episodes: int, n_studies: int = 3000) -> float:
    """Test episodes of 75 queries; each episode has its own difficulty."""
    rng = np.random.default_rng(0)
    spread = min(0.05, (1 - accuracy) / 2)
    chances = np.clip(rng.uniform(accuracy - spread, accuracy + spread, (n_studies, n_episodes)), 0, 1)
    found = [episode_interval(row) for row in rng.binomial(75, chances) / 75]
    return float(np.mean([one.low <= accuracy <= one.high for one in found]))  # type: ignore[operator]


def test_episode_intervals_cover_the_truth_but_not_at_the_ceiling() -> None:
    assert 0.93 < episode_coverage(0.8, 100) < 0.97
    assert 0.93 < episode_coverage(0.98, 600) < 0.97
    assert episode_coverage(0.9999, 100) < 0.7  # nearly every study sees at most one wrong answer


def test_a_headline_interval_covers_the_luck_of_seeds_and_of_episodes() -> None:
    # 3 seeds and 400 episodes, each with an effect of its own, and noise: the truth is 0.8.
    rng = np.random.default_rng(0)
    covered, over_seeds_alone = 0, 0
    for _ in range(1000):
        values = 0.8 + rng.normal(0, 0.004, (3, 1)) + rng.normal(0, 0.1, (1, 400)) + rng.normal(0, 0.05, (3, 400))
        both, alone = seed_and_episode_interval(values), seed_interval(values.mean(axis=1))
        covered += both.low <= 0.8 <= both.high  # type: ignore[operator]
        over_seeds_alone += alone.low <= 0.8 <= alone.high  # type: ignore[operator]
    assert 0.93 < covered / 1000 < 0.985
    assert over_seeds_alone / 1000 < 0.9


def test_a_headline_interval_by_hand() -> None:
    # Two seeds, two episodes. Seed means 0.7 and 0.8: variance 0.005, over 2 seeds 0.0025. Episode means 0.7 and 0.8:
    # the same. Nothing is left of the interaction. Degrees of freedom (0.0025 + 0.0025)^2 / (2 * 0.0025^2) = 2.
    found = seed_and_episode_interval([[0.65, 0.75], [0.75, 0.85]])
    assert found.mean == pytest.approx(0.75)
    assert half_width(found) == pytest.approx(4.302653 * math.sqrt(0.005))
    assert seed_and_episode_interval([[0.5, 0.7]]) == episode_interval([0.5, 0.7])
    assert half_width(seed_and_episode_interval([[0.5, 0.5], [0.5, 0.5]])) == 0


def test_the_range_of_one_more_seed_by_hand() -> None:
    # mean 0.5, sd 0.1, three seeds: t with 2 degrees of freedom at 99.5% is 9.9248, times 0.1 * sqrt(4/3)
    low, high = next_seed_range([0.4, 0.5, 0.6])  # type: ignore[misc]
    assert (low, high) == pytest.approx((0.5 - 1.14602, 0.5 + 1.14602), abs=1e-5)
    assert next_seed_range([0.5]) is None
    assert next_seed_range([0.5, 0.5]) == (0.5, 0.5)


def test_the_range_of_one_more_seed_holds_99_of_100() -> None:
    draws = np.random.default_rng(5).normal(0.9, 0.01, size=(4000, 4))
    inside = [low <= last <= high for *seeds, last in draws for low, high in [next_seed_range(seeds) or (1, 0)]]
    assert 0.985 < np.mean(inside) < 0.995


def test_two_episodes_are_the_fewest_with_an_interval() -> None:
    # 0.4 and 0.6: standard deviation sqrt(0.02), so 1.96 standard errors are 1.96 * 0.1
    found = episode_interval([0.4, 0.6])
    assert (found.low, found.high) == (pytest.approx(0.304), pytest.approx(0.696))
    assert episode_interval([0.4]).low is None
