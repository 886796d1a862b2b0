"""Statistics against published worked examples, hand derivations, simulation, and at the edges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leo_bench.stats import (
    Interval,
    episode_interval,
    holm,
    minimum_detectable_effect,
    paired_episode_interval,
    paired_t_p,
    probability_of_improvement,
    seed_interval,
    sign_flip_p,
    verdict,
)

# Student (1908), extra hours of sleep: ten paired differences, as every textbook has them.
SLEEP = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
# Fisher (1935), Darwin's maize: 15 paired differences in eighths of an inch.
MAIZE = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


def test_seed_interval_of_students_sleep_data() -> None:
    found = seed_interval(SLEEP)
    assert found.mean == pytest.approx(1.58)
    assert found.low == pytest.approx(0.7001142, abs=1e-6)
    assert found.high == pytest.approx(2.4598858, abs=1e-6)
    assert found.kind == "seeds"
    assert found.n == 10


def test_paired_t_p_of_students_sleep_data() -> None:
    assert paired_t_p(SLEEP) == pytest.approx(0.002833, abs=1e-6)


def test_sign_flip_p_of_darwins_maize() -> None:
    # Fisher counts 863 of 32,768 sign patterns with a sum at least as large, so 1,726 in two tails.
    assert sign_flip_p(MAIZE) == pytest.approx(1726 / 32768)


def test_smallest_sign_flip_p_is_two_patterns() -> None:
    assert sign_flip_p([1, 2, 3, 4, 5, 6]) == pytest.approx(2 / 2**6)
    assert sign_flip_p([1, 2, 3, 4, 5]) is None
    assert sign_flip_p([0.0] * 6) == 1.0


def test_sign_flip_p_beyond_the_exact_limit_is_repeatable() -> None:
    values = np.random.default_rng(0).normal(0.5, 1, 20)
    assert sign_flip_p(values) == sign_flip_p(values)
    assert 0 < float(sign_flip_p(values) or 0) < 1


def test_holm_worked_example() -> None:
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1; the last is lifted to the one before it.
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
    assert found.half_width == pytest.approx(12.706205 * 0.02)


def test_one_seed_has_no_interval() -> None:
    found = seed_interval([0.8])
    assert (found.mean, found.low, found.high, found.half_width, found.n) == (0.8, None, None, None, 1)


def test_constant_samples_have_width_zero() -> None:
    assert seed_interval([1.0, 1.0, 1.0]).half_width == 0
    assert episode_interval(np.ones(100)).half_width == 0
    assert paired_t_p([0.0, 0.0, 0.0]) == 1.0
    assert paired_t_p([0.1, 0.1, 0.1]) == 0.0
    assert paired_t_p([0.1]) is None


def test_episode_interval_is_1_96_standard_errors() -> None:
    # 0.6 and 1.0 in equal numbers: sd with n - 1 is 0.2 * sqrt(100 / 99).
    found = episode_interval([0.6, 1.0] * 50)
    assert found.mean == pytest.approx(0.8)
    assert found.half_width == pytest.approx(1.96 * 0.2 / math.sqrt(99))
    assert found.kind == "episodes"


def test_paired_episodes_drop_what_both_share() -> None:
    difficulty = np.random.default_rng(0).normal(0, 0.1, 500)
    found = paired_episode_interval(0.8 + difficulty, 0.75 + difficulty)
    assert found.mean == pytest.approx(0.05)
    assert found.half_width == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match="equal numbers"):
        paired_episode_interval([0.1, 0.2], [0.1, 0.2, 0.3])


@pytest.mark.parametrize("values", [[], [0.5, math.nan], [0.5, math.inf], [[0.5, 0.5]]])
def test_what_is_no_sample_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"values|expected"):
        seed_interval(values)


def over_seeds(low: float, high: float) -> Interval:
    return Interval((low + high) / 2, low, high, 5, "seeds")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.006, 0.02, "better"),
        (-0.02, -0.006, "worse"),
        (-0.004, 0.004, "no difference that matters"),
        (0.001, 0.004, "no difference that matters"),
        (0.001, 0.02, "inconclusive"),
        (-0.02, 0.02, "inconclusive"),
    ],
)
def test_verdict_against_half_a_point(low: float, high: float, expected: str) -> None:
    assert verdict(over_seeds(low, high), margin=0.005) == expected


def test_verdict_needs_holm_and_seeds() -> None:
    assert verdict(over_seeds(0.01, 0.02), 0.005, holm_p=0.2) == "inconclusive"
    assert verdict(over_seeds(0.01, 0.02), 0.005, holm_p=0.01) == "better"
    assert verdict(over_seeds(-0.002, 0.002), 0.005, holm_p=0.9) == "no difference that matters"
    assert verdict(Interval(0.1, None, None, 1, "seeds"), 0.005) == "one seed"
    assert verdict(Interval(0.1, 0.09, 0.11, 1000, "episodes"), 0.005) == "one seed"


def test_detectable_effect_against_the_published_sample_size() -> None:
    # R's power.t.test(delta = 0.5, sd = 1, power = 0.8, type = "paired") asks for 33.37 pairs.
    larger, smaller = minimum_detectable_effect(1.0, 33), minimum_detectable_effect(1.0, 34)
    assert larger is not None and smaller is not None
    assert larger > 0.5 > smaller
    assert minimum_detectable_effect(0.02, 33) == pytest.approx(0.02 * larger)


def test_detectable_effect_at_the_edges() -> None:
    assert minimum_detectable_effect(1.0, 1) is None
    assert minimum_detectable_effect(0.0, 3) == 0.0
    few, more = minimum_detectable_effect(1.0, 2), minimum_detectable_effect(1.0, 3)
    assert few is not None and more is not None
    assert few > more > 1


def test_detectable_effect_is_found_in_four_of_five_simulated_studies() -> None:
    effect = minimum_detectable_effect(1.0, 6)
    assert effect is not None
    samples = np.random.default_rng(0).normal(effect, 1.0, (1000, 6))
    found = np.mean([float(paired_t_p(sample) or 0) < 0.05 for sample in samples])
    assert 0.76 < found < 0.84


def test_probability_of_improvement_counts_ties_half() -> None:
    assert probability_of_improvement([0.1, -0.1, 0.0, 0.2]) == pytest.approx((1 + 0 + 0.5 + 1) / 4)


@pytest.mark.parametrize("n", [2, 3, 10])
def test_seed_intervals_cover_the_truth(n: int) -> None:
    samples = np.random.default_rng(n).normal(0.8, 0.01, (2000, n))
    intervals = [seed_interval(sample) for sample in samples]
    covered = np.mean([found.low <= 0.8 <= found.high for found in intervals])  # type: ignore[operator]
    assert 0.93 < covered < 0.97


def test_false_alarms_under_the_null_are_at_the_nominal_rate() -> None:
    samples = np.random.default_rng(0).normal(0.0, 0.01, (800, 7))
    t_alarms = np.mean([float(paired_t_p(sample) or 0) < 0.05 for sample in samples])
    flip_alarms = np.mean([float(sign_flip_p(sample) or 0) < 0.05 for sample in samples])
    assert 0.03 < t_alarms < 0.07
    assert 0.02 < flip_alarms < 0.07  # 6 of 128 patterns: 0.047
