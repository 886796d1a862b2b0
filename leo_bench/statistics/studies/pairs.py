"""Two variants on one test, seed by seed: the difference as recorded, without a verdict."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from leo_bench.records import RunState, TestResult
from leo_bench.statistics import paired_episode_interval
from leo_bench.statistics.studies.comparable import why_not_comparable
from leo_bench.statistics.studies.study import Cell, StudyData

PAIR_COLUMNS = (
    "n_seeds difference low high kind sd error base_error margin p holm_p verdict seeds_to_settle family compared note"
).split()
"""Columns of a paired difference, in fractions. error: mean error of both; base_error: of the variant compared with."""


@dataclass(frozen=True)
class VariantScores:
    """Scores of one variant of a study on one test."""

    data: StudyData
    test: Cell | str
    """One of the tests that the study compares its variants on, or the name of a test elsewhere."""
    variant: str

    @cached_property
    def rows(self) -> dict[int, Any]:
        """Seed -> score row, as column -> value."""
        return self.data.rows_by_seed.get((self.test, self.variant), {})

    def fractions(self, seed: int, step: int = -1) -> np.ndarray:
        """Return the accuracy of one run on each test episode, [n_test_episodes]. step: index of a scored step."""
        run, test = self.recorded(seed)
        return run.correct(test)[:, step] / (test.n_way * test.n_query)

    def recorded(self, seed: int) -> tuple[RunState, TestResult]:
        """Return the run of a seed and its score on this test."""
        run = self.data.runs[self.variant, seed]
        return run, next(test for test in run.tests if test.test_key == self.rows[seed]["test_key"])


def paired_difference(
    own: VariantScores, base: VariantScores, base_name: str = "the baseline", may_differ: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return own - base over the seeds that both have, as a row of PAIR_COLUMNS without a verdict.

    may_differ: columns of MUST_EQUAL that may differ because the comparison is about them. With one shared seed the
    interval is over the test episodes of these two trained models (kind "episodes").
    """
    row: dict[str, Any] = {**dict.fromkeys(PAIR_COLUMNS, np.nan), "n_seeds": 0, "kind": "", "compared": False}
    row |= {"verdict": "not compared", "family": ""}
    seeds = [seed for seed in own.rows if seed in base.rows]
    if not seeds:
        return {**row, "note": f"no seed shared with {base_name} on this test"}
    refusals = _refusals(own, base, may_differ)
    allowed = [seed for seed in seeds if not refusals[seed]]
    if not allowed:
        return {**row, "note": next(iter(refusals.values()))}
    accuracies, others = (np.array([side.rows[seed]["accuracy"] for seed in allowed]) for side in (own, base))
    differences = accuracies - others
    single = len(allowed) == 1
    low = high = np.nan
    if single:
        interval = paired_episode_interval(own.fractions(allowed[0]), base.fractions(allowed[0]))
        low, high = (np.nan if end is None else end for end in (interval.low, interval.high))
    return row | {
        "n_seeds": len(allowed),
        "difference": float(differences.mean()),
        "low": low,
        "high": high,
        "kind": "episodes" if single else "seeds",
        "sd": np.nan if single else float(differences.std(ddof=1)),
        "error": 1 - float(accuracies.mean() + others.mean()) / 2,
        "base_error": 1 - float(others.mean()),
        "verdict": "one seed",
        "compared": True,
        "note": "; ".join(_notes(own, base, base_name, allowed, refusals)),
    }


def allowed_seeds(own: VariantScores, base: VariantScores, may_differ: tuple[str, ...] = ()) -> list[int]:
    """Return the seeds of paired_difference: those that both have and whose two runs may be compared."""
    return [seed for seed, why in _refusals(own, base, may_differ).items() if not why]


def _refusals(own: VariantScores, base: VariantScores, may_differ: tuple[str, ...]) -> dict[int, str]:
    """Return seed that both have -> why its two runs may not be compared; empty if they may."""
    return {seed: _refusal(own, base, seed, may_differ) for seed in own.rows if seed in base.rows}


def _notes(
    own: VariantScores, base: VariantScores, base_name: str, allowed: list[int], refusals: dict[int, str]
) -> list[str]:
    """Return what a reader must know of a difference."""
    notes = [f"seed {seed} left out: {why}" for seed, why in refusals.items() if why]
    for name in ("batch_norm", "precision"):
        value, other = (side.rows[allowed[0]][name] for side in (own, base))
        if value != other and own.variant not in own.data.plan.switches.get(name, []):
            notes.append(f"part of the change: {name.replace('_', ' ')} {value} against {other}")
    if all(_same_weights(own, base, seed) for seed in allowed):
        notes.append(f"ended with the weights of {base_name} in every seed: training does not read what differs")
    if set(allowed) != set(base.rows) and set(own.rows) <= set(base.rows):
        same = 100 * float(np.mean([base.rows[seed]["accuracy"] for seed in allowed]))
        notes.append(f"{base_name} has {same:.1f}% with the same {'seed' if len(allowed) == 1 else 'seeds'}")
    return notes


def _same_weights(own: VariantScores, base: VariantScores, seed: int) -> bool:
    """Return True if two trainings of a seed, of which neither is the other, ended with the same bits.

    Methods that train nothing have the same weights, which are none, and say nothing by it.
    """
    runs = [side.recorded(seed)[0] for side in (own, base)]
    trained = [run.result for run in runs if run.result and run.result.n_train_episodes]
    digests = {result.weights_digest for result in trained}
    return runs[0].planned.run_key != runs[1].planned.run_key and len(trained) == 2 and len(digests) == 1


def _refusal(own: VariantScores, base: VariantScores, seed: int, may_differ: tuple[str, ...]) -> str:
    """Return why the two runs of a seed may not be compared, in words; empty if they may."""
    row, base_row = own.rows[seed], base.rows[seed]
    if own.data is base.data and row["test_key"] == base_row["test_key"]:
        return f"the very same run: its settings are those of {base.data.label(base.variant)}"
    return why_not_comparable(row, base_row, skip=may_differ)
