"""Statistics across settings: by hand, by simulation, and at the edges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leo_bench.statistics import across_tests as aggregate
from leo_bench.statistics.across_tests import interquartile_mean, interquartile_mean_interval, performance_profile

accuracies = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_interquartile_mean_by_hand() -> None:
    # Eight scores lose the two lowest and the two highest: (0.4 + 0.5 + 0.6 + 0.7) / 4.
    assert interquartile_mean([[0.9, 0.0, 0.4, 0.5], [0.7, 0.6, 0.1, 1.0]]) == pytest.approx(0.55)
    # Five lose one at each end.
    assert interquartile_mean([0.0, 0.2, 0.3, 0.7, 1.0]) == pytest.approx(0.4)
    assert interquartile_mean([0.1, 0.2, 0.6]) == pytest.approx(0.3)  # too few to leave any out
    assert interquartile_mean([0.8]) == 0.8


def test_one_failed_run_of_many_does_not_move_the_interquartile_mean() -> None:
    scores = np.full((4, 3), 0.9)
    scores[0, 0] = 0.2
    assert interquartile_mean(scores) == pytest.approx(0.9)


@given(accuracies)
def test_interquartile_mean_lies_within_the_scores(scores: list[float]) -> None:
    assert min(scores) - 1e-12 <= interquartile_mean(scores) <= max(scores) + 1e-12


def test_interval_of_constant_settings_has_width_zero_and_of_one_seed_none() -> None:
    # Seeds agree in each setting, so resampling seeds changes nothing, however far the settings lie apart.
    constant = interquartile_mean_interval(np.tile([0.2, 0.4, 0.6, 1.0], (3, 1)))
    assert (constant.low, constant.mean, constant.high) == pytest.approx((0.5, 0.5, 0.5))
    assert interquartile_mean_interval(np.ones((5, 4))).half_width == 0  # all correct
    single = interquartile_mean_interval([[0.4, 0.6]])
    assert (single.mean, single.low, single.high, single.n, single.kind) == (0.5, None, None, 1, "seeds")


def test_interval_is_that_of_every_possible_resample() -> None:
    # Two seeds, one setting: the mean of two draws from 0 and 1 is 0, 0.5 or 1 with probability 1/4, 1/2, 1/4.
    found = interquartile_mean_interval([[0.0], [1.0]])
    assert (found.low, found.mean, found.high) == (0.0, 0.5, 1.0)


def test_seeds_are_drawn_within_their_setting() -> None:
    # Four seeds in a low and a high setting: the middle half of every resample is two low and two high scores.
    scores = np.array([[0.1, 0.9]] * 4) + np.linspace(-0.01, 0.01, 4)[:, np.newaxis]
    found = interquartile_mean_interval(scores)
    assert found.low is not None and found.high is not None
    assert 0.49 <= found.low < 0.5 < found.high <= 0.51


def test_interval_is_repeatable_and_depends_on_its_seed_only() -> None:
    scores = np.random.default_rng(0).normal(0.8, 0.02, (5, 4))
    assert interquartile_mean_interval(scores) == interquartile_mean_interval(scores)
    assert interquartile_mean_interval(scores, rng_seed=1) != interquartile_mean_interval(scores)


def coverage(shared: bool, same_runs: bool) -> float:
    """How often intervals over 10 seeds in 10 settings cover the truth; shared: one luck per seed in all settings."""
    rng = np.random.default_rng(0)
    settings = np.linspace(0.3, 0.9, 10)

    def study() -> np.ndarray:
        return settings + 0.02 * rng.normal(size=(10, 1 if shared else 10))

    truth = np.mean([interquartile_mean(study()) for _ in range(2000)])
    found = [interquartile_mean_interval(study(), same_runs=same_runs) for _ in range(250)]
    return float(np.mean([one.low <= truth <= one.high for one in found]))  # type: ignore[operator]


def test_intervals_cover_the_truth_where_their_assumption_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregate, "N_RESAMPLES", 499)
    assert coverage(shared=False, same_runs=False) > 0.88
    assert coverage(shared=True, same_runs=True) > 0.85
    assert coverage(shared=True, same_runs=False) < 0.7  # one model's tests taken for independent runs


def test_performance_profile_by_hand() -> None:
    # Scores 0.2, 0.4, 0.4, 0.8: above 0 all, above 0.4 only one (not those equal to it), above 0.8 none.
    found = performance_profile([[0.2, 0.4], [0.4, 0.8]], [0.0, 0.3, 0.4, 0.8])
    assert found.tolist() == [1.0, 0.75, 0.25, 0.0]


@given(accuracies, accuracies)
def test_performance_profile_never_rises(scores: list[float], thresholds: list[float]) -> None:
    profile = performance_profile([scores], sorted(thresholds))
    assert profile.shape == (len(thresholds),)
    assert (np.diff(profile) <= 0).all()
    assert ((profile >= 0) & (profile <= 1)).all()


def test_a_missing_run_is_refused_not_counted_as_zero() -> None:
    for function in (interquartile_mean, interquartile_mean_interval, lambda scores: performance_profile(scores, [0])):
        with pytest.raises(ValueError, match="a run without a number is missing, not zero"):
            function([[0.8, math.nan], [0.7, 0.6]])
        with pytest.raises(ValueError, match="at least one"):
            function(np.empty((0, 3)))


def test_thresholds_that_fall_are_refused() -> None:
    with pytest.raises(ValueError, match="sort them"):
        performance_profile([[0.5]], [0.9, 0.1])
