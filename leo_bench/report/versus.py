"""Two studies, or one study at two versions of the source: what changed, and whether it matters.

A is what is compared with, B is set against it: differences are B - A, variant by variant, paired over the seeds that
both have. Source and machine may differ, that is what the comparison is about; data, splits, budgets and test episodes
may not.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leo_bench.records import RunState
from leo_bench.report.compare import PAIR_COLUMNS, Side, effects, judged, paired
from leo_bench.report.gather import NOT_A_CHANGE, Cell, StudyData, cell_name, gather, seed_words
from leo_bench.report.origin import provenance

MAY_DIFFER = ("numerics",)
EQUAL = ("the same record", "bit-equal")
"""Verdicts where there is nothing to test: one run recorded in both; two runs with the same weights and answers."""
DIFFERENCE_COLUMNS = [
    *"test variant label changed accuracy_a accuracy_b n_same_record n_bit_equal n_same_weights".split(),
    *PAIR_COLUMNS,
]
OPEN = ("one seed", "not compared")
"""Verdicts that say nothing of other seeds, so that they cannot change."""


@dataclass(frozen=True)
class Versus:
    """Two studies set against each other."""

    names: tuple[str, str]
    """What A and B are called."""
    a: StudyData
    b: StudyData

    @property
    def margin(self) -> float:
        """A's: the difference in accuracy that matters, as a fraction."""
        return self.a.plan.margin

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """(variant of A, variant of B): of the same name, else of the same settings."""
        same = [(name, name) for name in self.a.variants if name in self.b.variants]
        left = [name for name in self.b.variants if name not in self.a.variants]
        by_settings = {_settings(self.b, name): name for name in left}
        others = [
            (name, by_settings[_settings(self.a, name)])
            for name in self.a.variants
            if name not in self.b.variants and _settings(self.a, name) in by_settings
        ]
        return same + others

    @property
    def only(self) -> tuple[list[str], list[str]]:
        """Labels of the variants that only A has, and that only B has."""
        a, b = ({pair[side] for pair in self.pairs} for side in (0, 1))
        return (
            [self.a.label(name) for name in self.a.variants if name not in a],
            [self.b.label(name) for name in self.b.variants if name not in b],
        )

    @property
    def cells(self) -> list[Cell]:
        """Tests that both have, A's headline first."""
        return [cell for cell in self.a.cells if cell in self.b.cells]

    def label(self, pair: tuple[str, str]) -> str:
        return self.a.label(pair[0]) if pair[0] == pair[1] else f"{self.a.label(pair[0])} / {self.b.label(pair[1])}"


def _settings(data: StudyData, variant: str) -> str:
    return repr({name: value for name, value in data.settings[variant].items() if name not in NOT_A_CHANGE})


def versus(a: Path, b: Path, names: tuple[str, str]) -> Versus:
    """Read two study folders."""
    return Versus(names, gather(a), gather(b))


def changed_conditions(both: Versus) -> pd.DataFrame:
    """What the two studies' provenance does not have in common: columns what, A, B, in words."""
    a, b = dict(provenance(both.a)), dict(provenance(both.b))
    rows = [
        {"what": name, "A": _without(a.get(name, ""), b.get(name, "")), "B": _without(b.get(name, ""), a.get(name, ""))}
        for name in dict.fromkeys([*a, *b])
        if a.get(name) != b.get(name) and name != "baseline's settings"
    ]
    for name, of in (
        ("margin, points", lambda data: f"{100 * data.plan.margin:g}"),
        ("stale runs", lambda data: "accepted" if data.plan.accept_stale else "not accepted"),
    ):
        if of(both.a) != of(both.b):
            rows.append({"what": name, "A": of(both.a), "B": of(both.b)})
    return pd.DataFrame(rows, columns=["what", "A", "B"])


def _without(text: str, other: str) -> str:
    """The parts of a list in words that the other list does not have: of `a; b`, else of `a, b`."""
    mark = "; " if "; " in text + other else ", "
    known = other.split(mark)
    return mark.join(part for part in text.split(mark) if part not in known) or "-"


def changed_settings(both: Versus, pair: tuple[str, str]) -> str:
    """`latent_dim 64 -> 32`: settings in which a pair's two variants differ, in words."""
    a, b = both.a.settings[pair[0]], both.b.settings[pair[1]]
    return ", ".join(
        f"{name} {a.get(name, 'absent')} -> {b.get(name, 'absent')}"
        for name in dict.fromkeys([*a, *b])
        if name not in NOT_A_CHANGE and a.get(name) != b.get(name)
    )


def one_sided(both: Versus) -> list[str]:
    """Done runs that only one side has, of variants that both have, in words."""
    found: dict[str, list[str]] = {}
    for pair in both.pairs:
        a, b = (
            {run.planned.seed for run in data.view.done if run.planned.variant == name}
            for data, name in zip((both.a, both.b), pair, strict=True)
        )
        for side, seeds in (("A", a - b), ("B", b - a)):
            if seeds:
                words = f"only {side} has seed{'s' if len(seeds) > 1 else ''} {seed_words(sorted(seeds))} of"
                found.setdefault(words, []).append(both.label(pair))
    return [f"{words} {', '.join(labels)}" for words, labels in found.items()]


def differences(both: Versus) -> pd.DataFrame:
    """B - A of every pair of variants on every test that either was scored on (columns DIFFERENCE_COLUMNS), test by
    test.

    accuracy_a, accuracy_b: means over the seeds that both have. n_same_record, n_bit_equal, n_same_weights: how many of
    these agree so far. Holm's family: all rows that are compared and not equal bit for bit, whatever the test, because
    the question is whether anything differs.
    """
    rows = [_difference(both, pair, cell) for cell in both.cells for pair in both.pairs]
    frame = judged(pd.DataFrame([row for row in rows if row], columns=DIFFERENCE_COLUMNS), both.margin)
    compared = frame["compared"].astype(bool)
    frame.loc[compared & (frame["n_same_record"] + frame["n_bit_equal"] == frame["n_seeds"]), "verdict"] = "bit-equal"
    frame.loc[compared & (frame["n_same_record"] == frame["n_seeds"]), "verdict"] = "the same record"
    return frame


def _difference(both: Versus, pair: tuple[str, str], cell: Cell) -> dict[str, Any] | None:
    """One row of `differences`, Holm's p and verdict aside; None where neither has a run on this test."""
    a, b = Side(both.a, cell, pair[0]), Side(both.b, cell, pair[1])
    if not a.rows and not b.rows:
        return None
    row = paired(b, a, "A", MAY_DIFFER)
    seeds = [seed for seed in b.rows if seed in a.rows] if row["compared"] else []
    bits = Counter(_bits(a, b, seed) for seed in seeds)
    if seeds and sum(bits[word] for word in EQUAL) == len(seeds):
        row["p"] = np.nan  # no question to ask
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


def _bits(a: Side, b: Side, seed: int) -> str:
    """How far the two runs of a seed agree bit for bit: in everything recorded, in weights and answers, in weights."""
    (run_a, test_a), (run_b, test_b) = (side.data.test(side.variant, seed, side.cell) for side in (a, b))
    if (run_a.result, test_a) == (run_b.result, test_b):
        return "the same record"
    if _weights(run_a) != _weights(run_b):
        return "other weights"
    return "bit-equal" if np.array_equal(run_a.correct(test_a), run_b.correct(test_b)) else "same weights"


def _weights(run: RunState) -> str:
    assert run.result is not None
    return run.result.weights_digest


def changed_conclusions(both: Versus) -> list[str]:
    """Verdicts over seeds against the baseline that are not the same in A and B, in words; of tests that both have."""
    if (both.a.plan.baseline, both.b.plan.baseline) not in both.pairs:
        return []
    found = []
    for cell in both.cells:
        a, b = (effects(data, cell).set_index("variant") for data in (both.a, both.b))
        for pair in both.pairs:
            if pair[0] in a.index and pair[1] in b.index:
                in_a, in_b = str(a.loc[pair[0], "verdict"]), str(b.loc[pair[1], "verdict"])
                if in_a != in_b and not {in_a, in_b} & set(OPEN):
                    found.append(f"{both.label(pair)} on {cell_name(cell)}: {in_a} in A, {in_b} in B")
    return found
