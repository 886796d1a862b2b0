"""Verdicts on paired differences, and how many seeds they need.

A difference matters if it exceeds a margin. Each comparison has one p, for all that may be said of it: twice the
smallest of the one-sided p values for "more than the margin", "less than minus the margin" and "within the margin" (two
one-sided tests, Schuirmann 1987). Twice, because a true difference of exactly the margin makes two of the three false.
Holm's adjustment over the family then holds the chance of even one false verdict at ALPHA.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
from scipy import optimize, special

from leo_bench.statistics.intervals import CONFIDENCE, Interval
from leo_bench.statistics.paired import holm

ALPHA = 0.05
MARGIN_SHARE = 0.1
"""The margin is at most this share of the error of the variant compared with: near 100%, small differences matter."""
POWER = 0.8
"""Chance of a verdict that a number of seeds must give to be called enough."""
MOST_SEEDS = 100
"""Largest number of seeds that is looked at."""
SHARES = (np.arange(100) + 0.5) / 100
"""Midpoints of a hundred equal shares of a distribution."""
Verdict = Literal["better", "worse", "no difference that matters", "direction shown", "inconclusive", "one seed"]
SETTLED: tuple[Verdict, ...] = ("better", "worse", "no difference that matters")
"""Verdicts that say whether a difference matters."""
OPEN: tuple[Verdict, ...] = ("direction shown", "inconclusive")
"""Verdicts that leave open whether it does."""
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""All verdicts, settled ones first."""


def turned(verdict: str) -> str:
    """Return the verdict on the same difference with the opposite sign."""
    return {"better": "worse", "worse": "better"}.get(verdict, verdict)


@dataclass(frozen=True)
class Difference:
    """Mean of paired differences over seeds, and what is known of its spread. Fractions."""

    mean: float
    variance: float
    """Variance of one seed's difference, moderated or not."""
    degrees: float
    """Degrees of freedom of the variance, those of the prior among them."""
    n_seeds: int
    margin: float
    """Size from which the difference matters."""
    shared: float = 0.0
    """Variance of the mean that all seeds share, so that more seeds do not lower it: that of the test episodes of an
    accuracy. A difference on the same episodes has none."""

    def error(self, n_seeds: int) -> float:
        """Return the standard error of the mean over a number of seeds."""
        return math.sqrt(self.variance / n_seeds + self.shared)

    @property
    def interval(self) -> Interval:
        """95% t interval of this difference alone: it allows for no other comparison."""
        half = float(special.stdtrit(self.degrees, 0.5 + CONFIDENCE / 2)) * self.error(self.n_seeds)
        return Interval(self.mean, self.mean - half, self.mean + half, self.n_seeds, "seeds")

    def p_above(self, value: float) -> float:
        """Return the one-sided p of "the true difference is above a value"."""
        error = self.error(self.n_seeds)
        if error <= 1e-12:  # all seeds agree, and nothing else is known of the spread
            return 0.0 if self.mean > value + 1e-12 else 1.0
        return float(special.stdtr(self.degrees, (value - self.mean) / error))

    def p_below(self, value: float) -> float:
        """Return the one-sided p of "the true difference is below a value"."""
        return replace(self, mean=-self.mean).p_above(-value)

    @property
    def claims(self) -> dict[Verdict, float]:
        """One-sided p of each verdict that says whether the difference matters."""
        return {
            "better": self.p_above(self.margin),
            "worse": self.p_below(-self.margin),
            "no difference that matters": max(self.p_above(-self.margin), self.p_below(self.margin)),
        }

    @property
    def p(self) -> float:
        """p of the likeliest of `claims`."""
        return min(1.0, 2 * min(self.claims.values()))

    @property
    def p_zero(self) -> float:
        """Two-sided p of "the true difference is not zero"."""
        return min(1.0, 2 * min(self.p_above(0), self.p_below(0)))


@dataclass(frozen=True)
class Judgement:
    """Verdict on one difference of a family."""

    verdict: Verdict
    holm_p: float
    """p after Holm's adjustment over the family."""


def margin_of(error: float, margin: float) -> float:
    """Return the difference that matters against a variant with this error: `margin`, and at most MARGIN_SHARE of the
    error. Fractions."""
    return min(margin, MARGIN_SHARE * error)


def spent(n_looks: int) -> float:
    """Return the largest chance of a false verdict at any of the looks so far, each of which spent ALPHA / its number:
    ALPHA * (1 + 1/2 + ... + 1/n_looks), by the union bound."""
    return ALPHA * sum(1 / number for number in range(1, n_looks + 1))


def judge(family: Sequence[Difference], n_looks: int = 1) -> list[Judgement]:
    """Return the verdict on each difference of one family of comparisons.

    n_looks: how often the family is judged while seeds are added, with this look. It spends ALPHA / n_looks. If the
    number of looks was fixed beforehand, the chance of a false verdict at any of them is at most ALPHA; if each look
    was counted as it came, it is at most `spent(n_looks)`.

    direction shown: no verdict on the margin, but the difference is not zero, by Bonferroni over the whole family. In
    simulations of true differences at zero and at the margin, with 3 to 20 seeds, a shared baseline and unequal
    variances, a family has a false verdict in at most 5% of studies, up to the error of the simulation.
    """
    alpha = ALPHA / n_looks
    adjusted = holm([difference.p for difference in family])
    found = []
    for difference, holm_p in zip(family, adjusted, strict=True):
        assert holm_p is not None
        claims = difference.claims
        if holm_p < alpha:
            found.append(Judgement(min(claims, key=lambda name: claims[name]), holm_p))
            continue
        shown = len(family) * difference.p_zero < alpha
        found.append(Judgement("direction shown" if shown else "inconclusive", holm_p))
    return found


def chance_of_verdict(difference: Difference, n_seeds: int, n_compared: float) -> float:
    """Return the chance that n_seeds settle a comparison, if the true difference and spread are those seen.

    n_compared: comparisons of the family; Bonferroni over all of them, so a little low. Averaged over the spreads that
    so many seeds may happen to show.
    """
    if n_seeds < 2:
        return 0.0
    degrees = difference.degrees - (difference.n_seeds - 1) + n_seeds - 1
    error = difference.error(n_seeds)
    if error <= 1e-12:
        return float(abs(abs(difference.mean) - difference.margin) > 1e-12)
    mean, margin = abs(difference.mean), difference.margin
    shown = _half_widths(degrees, n_compared)
    beyond = special.ndtr((mean - margin) / error - shown)
    inside = special.ndtr((margin - mean) / error - shown) + special.ndtr((margin + mean) / error - shown) - 1
    return float(np.mean(beyond + np.maximum(inside, 0)))


@lru_cache(maxsize=10_000)  # the comparisons of a family share them, and a report asks for up to MOST_SEEDS of each
def _half_widths(degrees: float, n_compared: float) -> np.ndarray:
    """Return the half-widths of the interval of a verdict, in true standard errors, [len(SHARES)]: one for each spread
    that the seeds may happen to show. Read-only."""
    needed = -float(special.stdtrit(degrees, ALPHA / (2 * n_compared)))
    found: np.ndarray = needed * np.sqrt(special.chdtri(degrees, SHARES) / degrees)
    found.flags.writeable = False
    return found


def seeds_to_settle(difference: Difference, n_compared: float) -> int | None:
    """Return the fewest seeds, more than there are, that give a verdict with a chance of POWER; None beyond MOST_SEEDS.

    It takes the true difference and spread to be those seen. n_compared: as in chance_of_verdict.
    """
    for n_seeds in range(difference.n_seeds + 1, MOST_SEEDS + 1):
        if chance_of_verdict(difference, n_seeds, n_compared) >= POWER:
            return n_seeds
    return None


def smallest_settled(variance: float, degrees: float, n_seeds: int, margin: float, n_compared: int) -> float | None:
    """Return the smallest true difference that n_seeds call better or worse with a chance of POWER. Fractions.

    variance, degrees: of one seed's difference. Bonferroni over n_compared, and averaged over the spreads that so many
    seeds may happen to show, as in chance_of_verdict. None below 2 seeds.
    """
    if n_seeds < 2:
        return None
    shown = _half_widths(degrees, n_compared)
    beyond = optimize.brentq(lambda errors: np.mean(special.ndtr(errors - shown)) - POWER, 0, float(shown.max()) + 10)
    return margin + float(beyond) * math.sqrt(variance / n_seeds)
