"""Simulation of a page of claims: how often does it have even one false verdict?

A page judges numbers of several quantities as one family. Those of one quantity have their variances drawn towards what
these share, as in a report; measures and paired accuracies stand by themselves. Every true number lies next to its
bound, on either side, where a false verdict is easiest. The page is judged again at each look, with more seeds.
Run: python -m benchmarks.false_claims [pages].
"""

import itertools
import math
import sys
from dataclasses import dataclass

import numpy as np

from leo_bench.statistics import Difference, Statement, outcomes, pooled

POOLED = (7, 6, 5, 5, 2, 2, 1)
"""Numbers of each quantity whose variances are pooled: processor time, time to adapt, memory, accuracy, and others."""
ALONE = 30
"""Numbers that stand by themselves."""


@dataclass(frozen=True)
class Page:
    """A kind of page."""

    looks: tuple[tuple[int, ...], ...]
    """For each look the numbers of seeds that its numbers have in turn."""
    unevenness: float
    """Standard deviation of the log of the spreads of one quantity."""
    shared: float
    """Share of the variance that is luck of a seed, common to all numbers."""


def false_rate(page: Page, n_pages: int, seed: int = 0) -> float:
    """Return the share of simulated pages with at least one false verdict at any look."""
    rng = np.random.default_rng(seed)
    return sum(_is_false(page, rng) for _ in range(n_pages)) / n_pages


def _is_false(page: Page, rng: np.random.Generator) -> bool:
    """Return True if a simulated page has a false verdict at any look."""
    quantity = np.repeat(np.arange(len(POOLED) + 1), [*POOLED, ALONE])
    n_numbers, most = quantity.size, max(map(max, page.looks))
    spread = np.exp(rng.normal(0, page.unevenness, n_numbers) + quantity)  # units differ from quantity to quantity
    luck = math.sqrt(page.shared) * rng.normal(size=most) + math.sqrt(1 - page.shared) * rng.normal(
        size=(n_numbers, most)
    )
    values, holds = spread[:, None] * luck, rng.random(n_numbers) < 0.5
    statements = [Statement(above=-1e-9 if true else 1e-9) for true in holds]  # the true number is 0
    for seeds in page.looks:
        own = [_estimate(row[: seeds[index % len(seeds)]]) for index, row in enumerate(values)]
        family = list(zip(_moderated(own, quantity), statements, strict=True))
        found = outcomes(family, len(page.looks))
        wrong = ["does not hold" if true else "holds" for true in holds]
        if any(outcome == false for (outcome, _), false in zip(found, wrong, strict=True)):
            return True
    return False


def _estimate(values: np.ndarray) -> Difference:
    """Return the mean over seeds and its spread."""
    n = values.size
    mean = values.sum() / n
    return Difference(float(mean), float(((values - mean) ** 2).sum() / (n - 1)), n - 1, n, 0.0)


def _moderated(own: list[Difference], quantity: np.ndarray) -> list[Difference]:
    """Return the numbers with variances pooled by quantity, but for the last one."""
    found: list[Difference] = []
    for each in range(len(POOLED) + 1):
        chosen = [own[index] for index in np.flatnonzero(quantity == each)]
        alone = each == len(POOLED)
        found += chosen if alone else pooled(chosen, [1.0] * len(chosen), [str(index) for index in range(len(chosen))])
    return found


LOOKS = {
    "3 seeds": ((3,),),
    "2 to 5 seeds": ((2, 3, 3, 5),),
    "10 seeds": ((10,),),
    "3 looks, 2 to 5 seeds": ((2,), (2, 3, 3), (3, 5)),
}


def main(n_pages: int) -> None:
    """Print the rate for each kind of page."""
    print(f"| seeds | spreads | luck shared by all, % | pages with a false verdict, % |\n|{'---|' * 4}")
    for (name, looks), unevenness, shared in itertools.product(LOOKS.items(), (0.0, 1.5), (0.0, 0.8)):
        rate = false_rate(Page(looks, unevenness, shared), n_pages)
        print(f"| {name} | {unevenness:g} | {100 * shared:.0f} | {100 * rate:.1f} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
