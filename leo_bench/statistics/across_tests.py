"""Statistics across settings: one number, or one curve, for a method scored in many places.

A setting is anything with an accuracy of its own: a test, a number of shots, an image size. Scores are
[n_seeds, n_settings], fractions; every seed has every setting (ValueError where one is NaN: leave that seed out, and
say so).
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from leo_bench.statistics.intervals import CONFIDENCE, N_RESAMPLES, Interval, finite

TRIMMED = 0.25
"""Share of scores that the interquartile mean leaves out at each end."""


def interquartile_mean(scores: ArrayLike) -> float:
    """Return the mean of the middle half of all scores: the score of a typical run in a typical setting.

    scores: any shape, pooled. Like a median it ignores single failed or lucky runs, but it uses half of the scores
    (Agarwal et al. 2021). Assumes that scores of different settings may be pooled: a setting that is hard for every
    method falls into the lower quarter, so it hides effects that show only there. Below four scores it is the mean.
    """
    return float(stats.trim_mean(finite(np.ravel(np.asarray(scores, float))), TRIMMED))


def interquartile_mean_interval(scores: ArrayLike, rng_seed: int = 0, *, same_runs: bool = False) -> Interval:
    """Return the interquartile mean with a 95% percentile bootstrap interval over seeds, in the same settings.

    scores: [n_seeds, n_settings]. Stratified: seeds are resampled within each setting, settings are fixed (Agarwal et
    al. 2021), which assumes that runs of different settings are independent. same_runs: a row is one trained model
    scored in every setting, so whole rows are resampled. Resampling its scores separately would count one model as
    many: the interval then covered the truth in little more than half of simulated studies of 10 seeds in 10 settings,
    instead of 90%. With few seeds both are too narrow (5 seeds: 80 to 90%). One seed: the number, and no interval.
    """
    values = finite(scores, n_dims=2)
    n_seeds, n_settings = values.shape
    mean = interquartile_mean(values)
    if n_seeds < 2:
        return Interval(mean, None, None, n_seeds, "seeds")
    rng = np.random.default_rng(rng_seed)
    drawn = rng.integers(n_seeds, size=(N_RESAMPLES, n_seeds, 1 if same_runs else n_settings))
    resampled = np.take_along_axis(values[np.newaxis], drawn, axis=1).reshape(N_RESAMPLES, -1)
    low, high = np.quantile(stats.trim_mean(resampled, TRIMMED, axis=1), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(mean, float(low), float(high), n_seeds, "seeds")


def performance_profile(scores: ArrayLike, thresholds: ArrayLike) -> np.ndarray:
    """Return the share of all scores above each threshold, float [n_thresholds].

    scores: [n_seeds, n_settings]; thresholds: [n_thresholds], ascending. The curve never rises. If one method's curve
    is above another's at every threshold, it is ahead at any required accuracy (Dolan and More 2002). Assumes that
    every setting counts the same.
    """
    values, limits = finite(scores, n_dims=2), finite(thresholds)
    if (np.diff(limits) < 0).any():
        raise ValueError("thresholds must not fall: sort them")
    return (values[..., np.newaxis] > limits).mean(axis=(0, 1))
