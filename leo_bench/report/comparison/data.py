"""Two studies, or one study at two versions of the source, compared with each other.

Differences are B - A, variant by variant, paired over the seeds that both have. Source and machine may differ: the
comparison is about them. Data, splits, budgets and test episodes may not.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from leo_bench.statistics.families import with_verdicts
from leo_bench.statistics.studies.comparable import NOT_A_CHANGE
from leo_bench.statistics.studies.pairs import PAIR_COLUMNS, VariantScores, paired_difference
from leo_bench.statistics.studies.study import Cell, StudyData, cell_name

MAY_DIFFER = ("numerics",)
EQUAL = ("the same record", "bit-equal")
"""Verdicts without a test: one run recorded in both studies; two runs with the same weights and answers."""
DIFFERENCE_COLUMNS = [
    *"test variant label changed accuracy_a accuracy_b n_same_record n_bit_equal n_same_weights".split(),
    *PAIR_COLUMNS,
]


@dataclass(frozen=True)
class Comparison:
    """Two studies, A and B, to be compared."""

    names: tuple[str, str]
    a: StudyData
    b: StudyData

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """(variant of A, variant of B), matched by name, else by settings."""
        same = [(name, name) for name in self.a.variants if name in self.b.variants]
        by_settings = {_settings(self.b, name): name for name in self.b.variants if name not in self.a.variants}
        left = {name: _settings(self.a, name) for name in self.a.variants if name not in self.b.variants}
        return same + [(name, by_settings[own]) for name, own in left.items() if own in by_settings]

    def only(self, side: int) -> list[str]:
        """Return the labels of the variants that only A (side 0) or only B (side 1) has."""
        data, paired = (self.a, self.b)[side], {pair[side] for pair in self.pairs}
        return [data.label(name) for name in data.variants if name not in paired]

    @property
    def cells(self) -> list[Cell]:
        """Tests that both have, A's headline first."""
        return [cell for cell in self.a.cells if cell in self.b.cells]

    def label(self, pair: tuple[str, str]) -> str:
        return self.a.label(pair[0]) if pair[0] == pair[1] else f"{self.a.label(pair[0])} / {self.b.label(pair[1])}"


def _settings(data: StudyData, variant: str) -> str:
    return repr({name: value for name, value in data.settings[variant].items() if name not in NOT_A_CHANGE})


def changed_settings(both: Comparison, pair: tuple[str, str]) -> str:
    """Return the settings in which a pair's variants differ, in words: `latent_dim 64 -> 32`."""
    a, b = both.a.settings[pair[0]], both.b.settings[pair[1]]
    return ", ".join(
        f"{name} {a.get(name, 'absent')} -> {b.get(name, 'absent')}"
        for name in dict.fromkeys([*a, *b])
        if name not in NOT_A_CHANGE and a.get(name) != b.get(name)
    )


def differences(both: Comparison) -> pd.DataFrame:
    """Return B - A of every pair of variants on every test, test by test (columns DIFFERENCE_COLUMNS).

    accuracy_a, accuracy_b: means over the seeds that both have. n_same_record, n_bit_equal, n_same_weights: number of
    seeds that agree that far. Holm's family: all compared rows that are not equal bit for bit, on all tests, because
    the question is whether anything differs.
    """
    rows = [_difference(both, pair, cell) for cell in both.cells for pair in both.pairs]
    frame = pd.DataFrame([row for row in rows if row], columns=DIFFERENCE_COLUMNS)
    equal = frame["n_same_record"] + frame["n_bit_equal"] == frame["n_seeds"]
    frame = with_verdicts(frame.assign(family="differences"), both.a.plan.margin, asked=list(~equal))
    compared = frame["compared"].astype(bool)
    frame.loc[compared & equal, "verdict"] = "bit-equal"
    frame.loc[compared & (frame["n_same_record"] == frame["n_seeds"]), "verdict"] = "the same record"
    return frame


def _difference(both: Comparison, pair: tuple[str, str], cell: Cell) -> dict[str, Any] | None:
    """Return one row of `differences` without Holm's p and the verdict; None if neither study has a run on the test."""
    a, b = VariantScores(both.a, cell, pair[0]), VariantScores(both.b, cell, pair[1])
    if not a.rows and not b.rows:
        return None
    row = paired_difference(b, a, "A", MAY_DIFFER)
    seeds = [seed for seed in b.rows if seed in a.rows] if row["compared"] else []
    bits = Counter(_bits(a, b, seed) for seed in seeds)
    return {
        "test": cell_name(cell),
        "variant": pair[0],
        "label": both.label(pair),
        "changed": changed_settings(both, pair),
        "accuracy_a": np.mean([a.rows[seed]["accuracy"] for seed in seeds]) if seeds else np.nan,
        "accuracy_b": np.mean([b.rows[seed]["accuracy"] for seed in seeds]) if seeds else np.nan,
        "n_same_record": bits["the same record"],
        "n_bit_equal": bits["bit-equal"],
        "n_same_weights": bits["same weights"],
        **row,
    }


def _bits(a: VariantScores, b: VariantScores, seed: int) -> str:
    """Return how far the two runs of a seed agree bit for bit: the whole record, weights and answers, or weights."""
    (run_a, test_a), (run_b, test_b) = (side.recorded(seed) for side in (a, b))
    if (run_a.result, test_a) == (run_b.result, test_b):
        return "the same record"
    assert run_a.result is not None and run_b.result is not None
    if run_a.result.weights_digest != run_b.result.weights_digest:
        return "other weights"
    return "bit-equal" if np.array_equal(run_a.correct(test_a), run_b.correct(test_b)) else "same weights"
