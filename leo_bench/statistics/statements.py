"""Statements about one number, such as "above 95%", and their verdicts.

A statement is decided like a difference: its bound takes the place of zero, or the middle of its two bounds with half
their distance as margin. So it has the p of verdicts.py, and Holm's adjustment over the family holds the chance of even
one false verdict at ALPHA.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from leo_bench.statistics.intervals import finite, seed_and_episode_moments
from leo_bench.statistics.verdicts import Difference, judge, seeds_to_settle

Outcome = Literal["holds", "does not hold", "holds in part", "inconclusive"]


@dataclass(frozen=True)
class Statement:
    """Bounds of a number, at least one of them: it is above `above` and below `below`."""

    above: float | None = None
    below: float | None = None

    def centred(self, estimate: Difference) -> Difference:
        """Return the estimate as a difference that is better, or without a difference that matters between two bounds,
        if the statement holds."""
        if self.above is not None and self.below is not None:
            middle, half = (self.above + self.below) / 2, (self.below - self.above) / 2
            return replace(estimate, mean=estimate.mean - middle, margin=half)
        if self.above is not None:
            return replace(estimate, mean=estimate.mean - self.above, margin=0.0)
        assert self.below is not None
        return replace(estimate, mean=self.below - estimate.mean, margin=0.0)

    def is_met(self, value: float) -> bool:
        """Return True if an exact value keeps the bounds."""
        return (self.above is None or value > self.above) and (self.below is None or value < self.below)


@dataclass(frozen=True)
class Decision:
    """Verdict on one statement of a family."""

    outcome: Outcome
    holm_p: float
    seeds_to_settle: int | None
    """Seeds that would settle an open statement; None if it is settled, or beyond MOST_SEEDS."""


def decide(family: Sequence[tuple[Difference, Statement]]) -> list[Decision]:
    """Return the verdict on each statement of one family, from the estimate of its number."""
    centred = [statement.centred(estimate) for estimate, statement in family]
    found = []
    for own, (_, statement), judgement in zip(centred, family, judge(centred), strict=True):
        two_sided = statement.above is not None and statement.below is not None
        words: dict[str, Outcome] = {
            "better": "does not hold" if two_sided else "holds",
            "worse": "does not hold",
            "no difference that matters": "holds" if two_sided else "inconclusive",
        }
        outcome = words.get(judgement.verdict, "inconclusive")
        needed = seeds_to_settle(own, len(family)) if outcome == "inconclusive" else None
        found.append(Decision(outcome, judgement.holm_p, needed))
    return found


def combine(outcomes: Sequence[Outcome | None]) -> Outcome | None:
    """Return the verdict on a claim whose parts all have to hold. None is a part that is not measured.

    holds: all parts do. holds in part: some do, and others do not, are open or are not measured. does not hold: no part
    holds, and one is refuted. None if nothing is measured.
    """
    known = [outcome for outcome in outcomes if outcome is not None]
    if not known:
        return None
    if "holds" in known:
        return "holds" if set(outcomes) == {"holds"} else "holds in part"
    return "does not hold" if "does not hold" in known else "inconclusive"


def mean_estimate(values: ArrayLike) -> Difference:
    """Return the mean over seeds and its spread. values: [n_seeds], at least two, of any unit."""
    numbers = finite(values)
    return Difference(float(numbers.mean()), float(numbers.var(ddof=1)), numbers.size - 1, numbers.size, 0.0)


def accuracy_estimate(accuracies: ArrayLike) -> Difference:
    """Return the mean accuracy over seeds and test episodes, as seed_and_episode_interval has it.

    accuracies: [n_seeds, n_test_episodes], at least two of each, the same episodes for every seed.
    """
    mean, variance, degrees = seed_and_episode_moments(accuracies)
    n_seeds = np.asarray(accuracies).shape[0]
    return Difference(mean, variance * n_seeds, degrees, n_seeds, 0.0)


def fitted_change(values: ArrayLike) -> np.ndarray:
    """Return for each seed the change from the first to the last setting, by a line through all, at equal steps.

    values: [n_seeds, n_settings], at least two settings.
    """
    numbers = finite(values, n_dims=2)
    steps = np.arange(numbers.shape[1]) - (numbers.shape[1] - 1) / 2
    changes: np.ndarray = numbers @ steps / (steps**2).sum() * (numbers.shape[1] - 1)
    return changes
