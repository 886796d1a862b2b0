"""Difference of two shares of the same seeds, such as of trainings that diverge, by the exact sign test."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from leo_bench.statistics.verdicts import ALPHA, MOST_SEEDS, POWER


@dataclass(frozen=True)
class PairedShares:
    """Seeds at which something happens in the first of two variants and in the second one."""

    both: int
    """Seeds at which it happens in both."""
    more: int
    """Seeds at which it happens in the first one alone."""
    fewer: int
    """Seeds at which it happens in the second one alone."""
    n_seeds: int

    @property
    def first(self) -> int:
        return self.both + self.more

    @property
    def second(self) -> int:
        return self.both + self.fewer

    @property
    def mean(self) -> float:
        """Share of the seeds in the first one minus that in the second one."""
        return (self.more - self.fewer) / self.n_seeds

    def p_above(self, value: float) -> float:
        """Return the one-sided p of "the first share is the larger one", by the exact test of McNemar (1947).

        If neither is larger, a seed at which the two differ is as likely to be one of `more` as one of `fewer`. The
        other seeds say nothing. Raises ValueError for another value than 0.
        """
        return self._p(self.more, value)

    def p_below(self, value: float) -> float:
        """Return the one-sided p of "the first share is the smaller one"; otherwise as p_above."""
        return self._p(self.fewer, value)

    def _p(self, seen: int, value: float) -> float:
        if value != 0:
            raise ValueError(f"the sign test asks whether shares differ, so the bound is 0; got {value:g}")
        return float(stats.binom.sf(seen - 1, self.more + self.fewer, 0.5))

    @property
    def p_two_sided(self) -> float:
        """Two-sided p of "the shares differ"; NaN without a seed."""
        return min(1.0, 2 * min(self.p_above(0), self.p_below(0))) if self.n_seeds else math.nan

    def seeds_to_settle(self, n_compared: float) -> int | None:
        """Return the fewest seeds, more than there are, that give a verdict with a chance of POWER; None beyond
        MOST_SEEDS.

        It takes the true shares to be those seen. n_compared: Bonferroni over so many statements.
        """
        differ = self.more + self.fewer
        if not differ:
            return None
        alpha, share = ALPHA / n_compared, self.more / differ
        counts = np.arange(MOST_SEEDS + 1)  # of seeds at which the two differ
        least = stats.binom.isf(alpha, counts, 0.5) + 1  # of them that must be on one side
        settles = stats.binom.sf(least - 1, counts, share) + stats.binom.sf(least - 1, counts, 1 - share)
        for n_seeds in range(self.n_seeds + 1, MOST_SEEDS + 1):
            if float(stats.binom.pmf(counts, n_seeds, differ / self.n_seeds) @ settles) >= POWER:
                return n_seeds
        return None


def paired_shares(first: Mapping[int, bool], second: Mapping[int, bool]) -> PairedShares:
    """Return the shares of two variants over the seeds that both have. first, second: seed -> whether it happens."""
    seeds = first.keys() & second.keys()
    pairs = Counter((first[seed], second[seed]) for seed in seeds)
    return PairedShares(pairs[True, True], pairs[True, False], pairs[False, True], len(seeds))
