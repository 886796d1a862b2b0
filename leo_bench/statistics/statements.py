"""Statements about one number, such as "above 95%", and their verdicts.

A statement has two p: that of "it holds" and that of "it does not hold", both against its bound. One of the two is
false, whatever the true number is, so the smaller one needs no doubling. Holm's adjustment over the family then holds
the chance of even one false verdict at ALPHA.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

from leo_bench.statistics.intervals import finite, seed_and_episode_moments
from leo_bench.statistics.paired import holm
from leo_bench.statistics.shares import PairedShares
from leo_bench.statistics.verdicts import ALPHA, Difference, seeds_to_settle

Outcome = Literal[
    "holds",
    "holds as far as decided",
    "holds in part",
    "does not hold as far as decided",
    "does not hold",
    "inconclusive",
]


class Estimate(Protocol):
    """Measured number that a statement is about."""

    def p_above(self, value: float) -> float:
        """Return the one-sided p of "the true number is above a value"."""

    def p_below(self, value: float) -> float:
        """Return the one-sided p of "the true number is below a value"."""


@dataclass(frozen=True)
class Statement:
    """Bounds of a number, at least one of them: it is above `above` and below `below`."""

    above: float | None = None
    below: float | None = None

    def p_values(self, estimate: Estimate) -> tuple[float, float]:
        """Return the p of "it holds" and of "it does not hold"."""
        low, high = self.above, self.below
        if low is not None and high is not None:
            outside = 2 * min(estimate.p_above(high), estimate.p_below(low))  # twice, since it may be on either side
            return max(estimate.p_above(low), estimate.p_below(high)), min(1.0, outside)
        if low is not None:
            return estimate.p_above(low), estimate.p_below(low)
        assert high is not None
        return estimate.p_below(high), estimate.p_above(high)

    def leaning(self, estimate: Estimate) -> Outcome:
        """Return the verdict of the number's own 95% interval; inconclusive if it has a bound inside."""
        holds, fails = self.p_values(estimate)
        if self.above is not None and self.below is not None:
            fails /= 2  # p allows for two sides, the interval for one
        if min(holds, fails) >= ALPHA / 2:
            return "inconclusive"
        return "holds" if holds < fails else "does not hold"

    def centred(self, estimate: Difference) -> Difference:
        """Return the estimate with the bound at zero; between two bounds, with their middle there and half their
        distance as margin."""
        low = self.below if self.above is None else self.above
        high = self.above if self.below is None else self.below
        assert low is not None and high is not None
        return replace(estimate, mean=estimate.mean - (low + high) / 2, margin=(high - low) / 2)

    def is_met(self, value: float) -> bool:
        """Return True if an exact value keeps the bounds."""
        return (self.above is None or value > self.above) and (self.below is None or value < self.below)


@dataclass(frozen=True)
class Decision:
    """Verdict on one statement of a family."""

    outcome: Outcome
    leaning: Outcome
    """Verdict of the number's own 95% interval, without the others; inconclusive if it has the bound inside."""
    holm_p: float
    """Smaller p of the two, after Holm's adjustment over the family."""
    seeds_to_settle: int | None
    """Seeds that would settle an open statement; None if it is settled, or beyond MOST_SEEDS."""


def outcomes(family: Sequence[tuple[Estimate, Statement]], n_looks: int = 1) -> list[tuple[Outcome, float]]:
    """Return the verdict on each statement of one family, from the estimate of its number, and its p after Holm's
    adjustment: the smaller one of "it holds" and "it does not hold".

    n_looks: how often the family is judged while seeds are added, as in `judge`.
    """
    pairs = [statement.p_values(estimate) for estimate, statement in family]
    found: list[tuple[Outcome, float]] = []
    for (holds, fails), holm_p in zip(pairs, holm([min(pair) for pair in pairs]), strict=True):
        assert holm_p is not None
        decided: Outcome = "holds" if holds < fails else "does not hold"
        found.append((decided if holm_p < ALPHA / n_looks else "inconclusive", holm_p))
    return found


def decide(family: Sequence[tuple[Difference | PairedShares, Statement]], n_looks: int = 1) -> list[Decision]:
    """Return `outcomes` with what is known of the open statements."""
    found = []
    for (estimate, statement), (outcome, holm_p) in zip(family, outcomes(family, n_looks), strict=True):
        if outcome == "inconclusive":
            needed = _seeds_to_settle(estimate, statement, n_looks * len(family))
            found.append(Decision(outcome, statement.leaning(estimate), holm_p, needed))
        else:
            found.append(Decision(outcome, outcome, holm_p, None))
    return found


def _seeds_to_settle(estimate: Difference | PairedShares, statement: Statement, n_compared: int) -> int | None:
    if isinstance(estimate, PairedShares):
        return estimate.seeds_to_settle(n_compared)
    # half the family, since seeds_to_settle doubles p, and here nothing does
    return seeds_to_settle(statement.centred(estimate), n_compared / 2)


def combine(outcomes: Sequence[Outcome | None], leans_against: bool = False) -> Outcome | None:
    """Return the verdict on a claim whose parts all have to hold. None is a part that is not measured.

    leans_against: the own 95% interval of an open part lies on the wrong side of its bound. holds: all parts do. holds
    in part: some do, and others do not. holds as far as decided: some do, and the others are open without leaning
    against it, or not measured. does not hold: no part does. does not hold as far as decided: some do not, and the
    others are open or not measured; whatever they are, not all parts hold. None if nothing is measured.
    """
    known = [outcome for outcome in outcomes if outcome is not None]
    if not known:
        return None
    if "holds" in known:
        if "does not hold" in known:
            return "holds in part"
        if set(outcomes) == {"holds"}:
            return "holds"
        return "inconclusive" if leans_against else "holds as far as decided"
    if "does not hold" in known:
        return "does not hold" if set(outcomes) == {"does not hold"} else "does not hold as far as decided"
    return "inconclusive"


def mean_estimate(values: ArrayLike) -> Difference:
    """Return the mean over seeds and its spread. values: [n_seeds], at least two, of any unit."""
    numbers = finite(values)
    return Difference(float(numbers.mean()), float(numbers.var(ddof=1)), numbers.size - 1, numbers.size, 0.0)


def accuracy_estimate(accuracies: ArrayLike) -> Difference:
    """Return the mean accuracy over seeds and test episodes, as seed_and_episode_interval has it.

    accuracies: [n_seeds, n_test_episodes], at least two of each, the same episodes for every seed.
    """
    mean, of_seeds, of_episodes, degrees = seed_and_episode_moments(accuracies)
    n_seeds = np.asarray(accuracies).shape[0]
    return Difference(mean, of_seeds * n_seeds, degrees, n_seeds, 0.0, of_episodes)


def fitted_change(values: ArrayLike) -> np.ndarray:
    """Return for each seed the change from the first to the last setting, by a line through all, at equal steps.

    values: [n_seeds, n_settings], at least two settings.
    """
    numbers = finite(values, n_dims=2)
    steps = np.arange(numbers.shape[1]) - (numbers.shape[1] - 1) / 2
    changes: np.ndarray = numbers @ steps / (steps**2).sum() * (numbers.shape[1] - 1)
    return changes
