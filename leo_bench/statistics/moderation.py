"""Moderated variances: with few seeds, the variance of a difference is shrunk towards that of others like it.

The method is limma's (Smyth 2004, Statistical Applications in Genetics and Molecular Biology 3, article 3): a prior in
the form of a line of log variance against log error, worth some degrees of freedom. Limma as published gives up to 10%
false verdicts in small or uneven families. Three changes hold the rate, each chosen by simulation (at scale
`python -m benchmarks.false_verdicts`; small in the tests): the prior counts for at most MOST_DEGREES; its strength
comes from an upper bound of the scatter, because a few variances that happen to agree prove little; and it lies at the
geometric mean of the variances, above the place where limma has it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from leo_bench.statistics.intervals import finite
from leo_bench.statistics.verdicts import Difference

MOST_DEGREES = 4.0
"""Most degrees of freedom of the prior."""
SCATTER_QUANTILE = 0.1
"""The scatter of log variances is taken as large as its upper confidence bound at 1 minus this level."""
LEAST_VARIANCE = 1e-8
"""Variances below this, a spread of 0.01 points, are those of runs that give nearly the same answers. They say nothing
about other variances."""
LEAST_ERROR = 1e-4
"""Errors below this are taken for it where their log is needed. A fraction."""
LEAST_VARIANCES = 4
"""Fewest variances that make a prior; with fewer, each variance stands by itself."""
LEAST_VARIANTS = 3
"""Fewest variants that make a prior: several tests of one model may tell the same story over and over."""


@dataclass(frozen=True)
class Prior:
    """Knowledge of a variance before its own differences are seen: a line in the log of the error."""

    level: float = 0.0
    """Log variance at an error of 1."""
    slope: float = 0.0
    """Change of the log variance for each unit of the log error."""
    degrees: float = 0.0
    """Degrees of freedom that the prior counts for; 0 is no prior."""

    def moderated(self, variance: float, degrees: float, error: float) -> tuple[float, float]:
        """Return the moderated variance of one difference and its degrees of freedom.

        variance: of the differences over seeds, with `degrees` degrees of freedom. error: mean error of the two
        variants, a fraction.
        """
        if not self.degrees:
            return variance, degrees
        expected = float(np.exp(self.level + self.slope * np.log(max(error, LEAST_ERROR))))
        total = self.degrees + degrees
        return (self.degrees * expected + degrees * variance) / total, total

    def applied(self, difference: Difference, error: float) -> Difference:
        """Return a difference with a moderated variance. error: as in moderated."""
        variance, degrees = self.moderated(difference.variance, difference.degrees, error)
        return replace(difference, variance=variance, degrees=degrees)


def fit_prior(variances: ArrayLike, degrees: ArrayLike, errors: ArrayLike, n_variants: int) -> Prior:
    """Return the prior that many variances of one study share.

    variances, degrees, errors: [n]; variances over seeds with their degrees of freedom, and the mean error of the two
    variants, fractions. n_variants: how many variants they are of. Variances below LEAST_VARIANCE are left out;
    with fewer than LEAST_VARIANCES others, or fewer than LEAST_VARIANTS variants, there is no prior.
    """
    own, own_degrees, error = finite(variances), finite(degrees), finite(errors)
    known = own >= LEAST_VARIANCE
    if known.sum() < LEAST_VARIANCES or n_variants < LEAST_VARIANTS:
        return Prior()
    half, place = own_degrees[known] / 2, np.log(np.maximum(error[known], LEAST_ERROR))
    logs = np.log(own[known]) - (special.digamma(half) - np.log(half))  # unbiased for the log of the true variance
    sloped = np.ptp(place) > 1e-9
    slope, level = np.polyfit(place, logs, 1) if sloped else (0.0, logs.mean())
    squares = float(((logs - level - slope * place) ** 2).sum())
    scatter = squares / stats.chi2.ppf(SCATTER_QUANTILE, known.sum() - (2 if sloped else 1))
    beyond_chance = float(scatter - special.polygamma(1, half).mean())
    strength = 2 * _inverse_trigamma(beyond_chance) if beyond_chance > 0 else MOST_DEGREES
    return Prior(float(level), float(slope), min(strength, MOST_DEGREES))


def pooled(own: Sequence[Difference], errors: Sequence[float], variants: Collection[str]) -> list[Difference]:
    """Return numbers of one quantity with their variances shrunk towards what these share.

    errors: error that goes with each, a fraction; equal ones if the variance does not follow an error. variants: those
    that the numbers are of.
    """
    prior = fit_prior([one.variance for one in own], [one.degrees for one in own], errors, len(set(variants)))
    return [prior.applied(one, error) for one, error in zip(own, errors, strict=True)]


def _inverse_trigamma(value: float) -> float:
    """Return x with trigamma(x) = value > 0, by Newton's method as in limma."""
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(special.polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(special.polygamma(2, x))
        x += step
        if abs(step) < 1e-10 * x:
            break
    return x
