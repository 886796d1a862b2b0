"""Results of one study, read for a report: score rows that may be averaged, labels, changed settings."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from leo_bench.figures import VariantStyle, variant_styles
from leo_bench.records import Plan, RunState, StudyView, TestResult, load_study
from leo_bench.report.study.comparable import NOT_A_CHANGE, comparable_seeds, own_tests, why_not_comparable

Cell = tuple[int, str]
"""(n_way, episode_mode): one of the tests that a study compares its variants on."""


@dataclass(frozen=True)
class StudyData:
    """Comparable score rows of a study, with labels and settings."""

    view: StudyView
    scores: pd.DataFrame
    """Score rows of the study's own tests, without the runs in left_out, with `label` added."""
    left_out: list[str]
    """Done runs that cannot be averaged with the other seeds of their variant, each with its reason."""
    styles: dict[str, VariantStyle]
    effects: dict[Cell, pd.DataFrame] = field(default_factory=dict)
    """Test -> paired differences; a cache."""

    @property
    def plan(self) -> Plan:
        return self.view.plan

    @cached_property
    def settings(self) -> dict[str, dict[str, Any]]:
        """Variant -> settings of its first planned run."""
        found: dict[str, dict[str, Any]] = {}
        for run in self.plan.runs:
            found.setdefault(run.variant, run.settings)
        return found

    @cached_property
    def changes(self) -> dict[str, dict[str, Any]]:
        """Variant -> settings in which it differs from the baseline."""
        return {variant: self.changes_to(variant, self.plan.baseline) for variant in self.settings}

    @property
    def variants(self) -> list[str]:
        """All planned variants, baseline first, then in the plan's order."""
        return sorted(self.settings, key=lambda name: name != self.plan.baseline)

    @property
    def headline(self) -> Cell:
        """The baseline's own ways, mixed alphabets."""
        base = self.settings.get(self.plan.baseline) or next(iter(self.settings.values()), {"n_way": 5})
        return (int(base["n_way"]), "mixed")

    @cached_property
    def cells(self) -> list[Cell]:
        """All tests on record: headline first, mixed before within_alphabet, few ways before many."""
        present = {
            (int(n_way), str(mode))
            for n_way, mode in zip(self.scores["n_way"], self.scores["episode_mode"], strict=True)
        }
        return sorted(present, key=lambda cell: (cell != self.headline, cell[1] != "mixed", cell[0]))

    def label(self, variant: str) -> str:
        return self.plan.labels.get(variant, variant)

    def compared_with(self, variant: str) -> str:
        """Return the variant that a variant is compared with: the baseline, unless the plan names another one."""
        return self.plan.against.get(variant, self.plan.baseline)

    def changes_to(self, variant: str, other: str) -> dict[str, Any]:
        """Return the settings of a variant that differ from those of another one."""
        base = self.settings.get(other, {})
        return {
            name: value
            for name, value in self.settings[variant].items()
            if name not in NOT_A_CHANGE and base.get(name, value) != value
        }

    def rows(self, cell: Cell, *variants: str) -> pd.DataFrame:
        """Return the score rows of one test, for the given variants or for all."""
        chosen = (self.scores["n_way"] == cell[0]) & (self.scores["episode_mode"] == cell[1])
        if variants:
            chosen &= self.scores["variant"].isin(variants)
        return self.scores[chosen]

    @cached_property
    def _runs(self) -> dict[tuple[str, int], RunState]:
        return {(run.planned.variant, run.planned.seed): run for run in reversed(self.view.done)}

    def run(self, variant: str, seed: int) -> RunState:
        return self._runs[variant, seed]

    def test(self, variant: str, seed: int, cell: Cell) -> tuple[RunState, TestResult]:
        """Return a done run and its score on one test."""
        run = self.run(variant, seed)
        return run, next(test for test in own_tests(run) if (test.n_way, test.episode_mode) == cell)

    @cached_property
    def counted(self) -> set[tuple[str, int]]:
        """Variant and seed of every run that counts: done, and not left out."""
        return {(str(name), int(seed)) for name, seed in zip(self.scores["variant"], self.scores["seed"], strict=True)}

    @property
    def is_glyphs(self) -> bool:
        return any(settings["dataset"] == "glyphs" for settings in self.settings.values())

    def data_name(self) -> str:
        """Return the data set with its digest, or digests, in short: `omniglot 5f1c0ffe`."""
        names = self.scores[["dataset", "data_digest"]].drop_duplicates()
        if names.empty:
            return ", ".join(sorted({str(settings["dataset"]) for settings in self.settings.values()}))
        return ", ".join(f"{row.dataset} {str(row.data_digest)[:8]}" for row in names.itertuples())


def load_study_data(folder: Path) -> StudyData:
    """Read a study's folder."""
    view = load_study(folder)
    scores, left_out = comparable_seeds(view)
    plan = view.plan
    labels = scores["variant"].map(lambda name: plan.labels.get(name, name))
    return StudyData(view, scores.assign(label=labels), left_out, variant_styles(plan))


def not_comparable(data: StudyData, cell: Cell) -> dict[str, str]:
    """Return variant -> why its rows of a test may not be compared with the baseline's.

    Comparable variants are left out. Empty if the baseline has no run.
    """
    base = data.rows(cell, data.plan.baseline)
    if base.empty:
        return {}
    first = data.rows(cell).drop_duplicates("variant")
    reasons = {str(row["variant"]): why_not_comparable(row, base.iloc[0]) for _, row in first.iterrows()}
    return {variant: why for variant, why in reasons.items() if why}


def cell_name(cell: Cell) -> str:
    """Return `5-way mixed`, `20-way within alphabet`."""
    return f"{cell[0]}-way {cell[1].replace('_', ' ')}"
