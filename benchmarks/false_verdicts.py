"""Simulation of the decision rule: how often does a study have a false verdict?

A study compares variants with one baseline on one or four tests. Its true differences lie where a verdict is hardest:
at zero, at the margin, or a third each at zero and at plus and minus the margin. All share the baseline's luck;
their spreads differ; on other tests they are the same models, so their differences there may be the same ones.
Run: python -m benchmarks.false_verdicts [studies].
"""

import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from leo_bench.statistics import Difference, Verdict, fit_prior, judge

MARGIN = 0.005
ERRORS = (0.02, 0.06, 0.07, 0.2)
"""Error of every variant on each test."""


@dataclass(frozen=True)
class Case:
    """A kind of study."""

    n_compared: int
    n_seeds: int
    true_differences: str
    """`zero`, `margin` or `mixed`."""
    spread: float
    """Typical spread over seeds of a variant, in margins."""
    unevenness: float
    """Standard deviation of the log of the spreads."""
    n_tests: int = 4
    same_on_all_tests: bool = True
    """True if the baseline and all variants have the same luck on every test."""

    @property
    def truth(self) -> np.ndarray:
        """True differences of the variants on the first test, [n_compared]."""
        pattern = {"zero": [0.0], "margin": [MARGIN], "mixed": [0.0, MARGIN, -MARGIN]}[self.true_differences]
        return np.resize(pattern, self.n_compared)


def is_false(verdict: Verdict, mean: float, truth: float) -> bool:
    """Return True if a verdict says what is not so."""
    if verdict == "direction shown":
        return mean * truth <= 0
    claims = {"better": truth > MARGIN, "worse": truth < -MARGIN, "no difference that matters": abs(truth) < MARGIN}
    return verdict in claims and not claims[verdict]


def studies(case: Case, n_studies: int, seed: int = 0) -> Iterator[list[Difference]]:
    """Yield the differences on the first test of simulated studies, with variances moderated as in a report."""
    rng = np.random.default_rng(seed)
    shape = (case.n_tests, case.n_compared, case.n_seeds)
    growth = (np.array(ERRORS[: case.n_tests]) / ERRORS[0]) ** 0.7
    errors = np.repeat(ERRORS[: case.n_tests], case.n_compared)
    for _ in range(n_studies):
        luck = rng.normal(size=shape[1:] if case.same_on_all_tests else shape)
        baseline = rng.normal(size=case.n_seeds) if case.same_on_all_tests else 0.0
        uneven = np.exp(rng.normal(0, case.unevenness, (case.n_compared, 1)))
        noise = np.broadcast_to(case.spread * MARGIN * (luck * uneven - baseline), shape)
        values = noise * growth[:, None, None] + case.truth[:, None]
        variances = values.var(axis=-1, ddof=1)
        prior = fit_prior(variances.ravel(), np.full(variances.size, case.n_seeds - 1), errors, case.n_compared)
        yield [
            Difference(
                float(row.mean()),
                *prior.moderated(float(row.var(ddof=1)), case.n_seeds - 1, ERRORS[0]),
                case.n_seeds,
                MARGIN,
            )
            for row in values[0]
        ]


def false_rate(case: Case, n_studies: int, seed: int = 0) -> float:
    """Return the share of simulated studies with at least one false verdict on the first test."""
    found = 0
    for family in studies(case, n_studies, seed):
        judged = judge(family)
        rows = zip(judged, family, case.truth, strict=True)
        found += any(is_false(one.verdict, own.mean, truth) for one, own, truth in rows)
    return found / n_studies


def cases(n_seeds: int) -> list[Case]:
    """Return every kind of study with this number of seeds."""
    grid = itertools.product(
        (1, 2, 3, 6, 12, 20),
        ("zero", "margin", "mixed"),
        (0.1, 0.5, 2.0),
        (0.0, 0.5, 1.0),
        ((1, False), (4, True), (4, False)),
    )
    return [
        Case(n, n_seeds, truth, spread, uneven, n_tests, same) for n, truth, spread, uneven, (n_tests, same) in grid
    ]


def main(n_studies: int) -> None:
    """Print the worst and the mean rate for each number of seeds."""
    print(f"| seeds | kinds of study | worst rate of false verdicts, % | mean, % | worst case |\n|{'---|' * 5}")
    for n_seeds in (3, 5, 10, 20):
        kinds = cases(n_seeds)
        rates = [false_rate(case, n_studies, index) for index, case in enumerate(kinds)]
        worst = kinds[int(np.argmax(rates))]
        again = false_rate(worst, 10 * n_studies, len(kinds))  # the largest of many rates is large by luck too
        words = f"{worst.n_compared} compared, {worst.true_differences}, spread {worst.spread:g} margins"
        print(
            f"| {n_seeds} | {len(kinds)} | {100 * again:.1f} | {100 * np.mean(rates):.1f} | {words}, unevenness "
            f"{worst.unevenness:g}, {worst.n_tests} tests |",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
