"""Results of one study: score rows that may be averaged, labels, changed settings."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from leo_bench.records import SCORE_COLUMNS, Plan, RunState, StudyView, load_study, score_row
from leo_bench.records.quantities import training_effort
from leo_bench.records.search import SearchPlan, search_of
from leo_bench.statistics.studies.comparable import (
    NOT_A_CHANGE,
    comparable_seeds,
    is_elsewhere,
    why_not_comparable,
)

T = TypeVar("T")
Cell = tuple[int, str]
"""(n_way, episode_mode): one of the tests that a study compares its variants on."""
STEP = "step"
"""Switch whose variants make a chain: each keeps the changes of the variants before it."""


@dataclass(frozen=True)
class StudyData:
    """Comparable score rows of a study, with labels and settings."""

    view: StudyView
    scores: pd.DataFrame
    """Score rows of the study's own tests, without the runs in left_out, with `label` added."""
    left_out: list[str]
    """Done runs that cannot be averaged with the other seeds of their variant, each with its reason."""
    cache: dict[Any, Any] = field(default_factory=dict)
    """Results that are expensive and asked for again: differences by test, the prior of variances, other studies."""
    studies: "Studies" = field(default_factory=lambda: Studies())
    """Reader of other studies."""

    def remembered(self, key: Any, make: Callable[[], T]) -> T:
        """Return the result of make() of the first call with this key."""
        if key not in self.cache:
            self.cache[key] = make()
        found: T = self.cache[key]
        return found

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
        pairs = self.scores[["n_way", "episode_mode"]].drop_duplicates().to_numpy().tolist()
        present = [(int(n_way), str(mode)) for n_way, mode in pairs]
        return sorted(present, key=lambda cell: (cell != self.headline, cell[1] != "mixed", cell[0]))

    def label(self, variant: str) -> str:
        return self.plan.labels.get(variant, variant)

    def compared_with(self, variant: str) -> str:
        """Return the variant that a variant is compared with.

        It is the one that the plan names, if that is planned, or the step before it in a chain of steps; else the
        baseline.
        """
        named = self.plan.against.get(variant)
        return named if named in self.settings else self.before.get(variant, self.plan.baseline)

    @cached_property
    def search(self) -> SearchPlan | None:
        """Search whose choices the study measures on test; None if there is none."""
        return search_of(self.view.folder)

    @cached_property
    def before(self) -> dict[str, str]:
        """Variant -> the step before it in the chain of steps; empty without a chain."""
        steps = self.plan.switches.get(STEP, [])
        return {own: earlier for earlier, own in pairwise(steps)}

    @cached_property
    def names_pairs(self) -> bool:
        """True if some variant is compared with another one than the baseline."""
        return any(self.compared_with(name) != self.plan.baseline for name in self.variants)

    def changes_to(self, variant: str, other: str) -> dict[str, Any]:
        """Return the settings of a variant that differ from those of another one."""
        base = self.settings.get(other, {})
        return {
            name: value
            for name, value in self.settings[variant].items()
            if name not in NOT_A_CHANGE and base.get(name, value) != value
        }

    @cached_property
    def elsewhere(self) -> pd.DataFrame:
        """Score rows at other shots, on other data or with wrong labels, each with its own variant's adaptation; `test`
        names data set and test.

        All rows of a test are on the same images: if its data set has changed, those that most rows are on, and in a
        tie those seen first.
        """
        rows = [
            {**score_row(self.plan, run, test), "test": f"{test.dataset} {test.asked.episodes_name}"}
            for run in self.runs.values()
            for test in run.tests
            if is_elsewhere(run, test)
        ]
        frame = pd.DataFrame(rows, columns=[*SCORE_COLUMNS, "test"])
        most = frame.groupby("test")["data_digest"].agg(lambda digests: Counter(digests).most_common(1)[0][0])
        return frame[frame["data_digest"] == frame["test"].map(most)].reset_index(drop=True)

    @cached_property
    def rows_by_seed(self) -> dict[tuple[Cell | str, str], dict[int, dict[Any, Any]]]:
        """(test, variant) -> seed -> score row, as column -> value."""
        found: dict[tuple[Cell | str, str], dict[int, dict[Any, Any]]] = {}
        for row in [*self.scores.to_dict("records"), *self.elsewhere.to_dict("records")]:
            test = row.get("test") or (int(row["n_way"]), str(row["episode_mode"]))
            found.setdefault((test, str(row["variant"])), {})[int(row["seed"])] = row
        return found

    def rows(self, cell: Cell, *variants: str) -> pd.DataFrame:
        """Return the score rows of one test, for the given variants or for all."""
        chosen = (self.scores["n_way"] == cell[0]) & (self.scores["episode_mode"] == cell[1])
        if variants:
            chosen &= self.scores["variant"].isin(variants)
        return self.scores[chosen]

    @cached_property
    def runs(self) -> dict[tuple[str, int], RunState]:
        """(variant, seed) -> run, for every run that counts: done, and not left out."""
        scored = set(zip(self.scores["variant"], self.scores["seed"].astype(int), strict=True))
        done = {(run.planned.variant, run.planned.seed): run for run in self.view.done}
        return {key: run for key, run in done.items() if key in scored}

    def core_seconds(self, variant: str) -> float:
        """Return the training time of a variant, seconds of one core, mean over its seeds. NaN if it is not on record.

        It is the processor time of an update, without validation, times the number of updates.
        """
        return training_effort(self.settings[variant])["n_updates"] * self._update_seconds.get(variant, np.nan)

    @cached_property
    def _update_seconds(self) -> dict[str, float]:
        """Variant -> processor time of an update, seconds, mean over its seeds."""
        means = self.scores.astype({"update_seconds": float}).groupby("variant")["update_seconds"].mean()
        return {str(variant): float(seconds) for variant, seconds in means.items()}

    @property
    def dataset(self) -> str:
        """Data set of the baseline."""
        base = self.settings.get(self.plan.baseline) or next(iter(self.settings.values()), {"dataset": "omniglot"})
        return str(base["dataset"])

    def data_name(self, *variants: str) -> str:
        """Return the data set with its digest, or digests, in short: `omniglot 5f1c0ffe`. variants: of these alone."""
        own = self.scores["variant"].isin(variants or self.settings)
        names = self.scores.loc[own, ["dataset", "data_digest"]].drop_duplicates()
        if names.empty:
            return ", ".join(sorted({str(settings["dataset"]) for settings in self.settings.values()}))
        return ", ".join(f"{row.dataset} {str(row.data_digest)[:8]}" for row in names.itertuples())


class Studies:
    """Studies for reports that are made together: each is read once, by the first one that needs it."""

    def __init__(self) -> None:
        self._read: dict[Path, StudyData] = {}

    def load(self, folder: Path) -> StudyData:
        """Return the results of the study in a folder. Raises LeoBenchError if it cannot be read."""
        place = folder.absolute()
        if place not in self._read:
            self._read[place] = replace(study_data(load_study(folder)), studies=self)
        return self._read[place]


def load_study_data(folder: Path) -> StudyData:
    """Read a study's folder."""
    return Studies().load(folder)


def study_data(view: StudyView) -> StudyData:
    """Return the results of a study whose runs are read."""
    scores, left_out = comparable_seeds(view)
    plan = view.plan
    labels = scores["variant"].map(lambda name: plan.labels.get(name, name))
    return StudyData(view, scores.assign(label=labels), left_out)


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


def is_transductive(data: StudyData, variant: str) -> bool:
    """Return True if batch norm sees all queries of a test episode at once in the runs of a variant."""
    own = data.scores[data.scores["variant"] == variant]
    return bool(own["batch_norm"].str.contains("transductive").any())


def other_batch_norm(data: StudyData) -> set[str]:
    """Return the variants that are transductive beside an inductive baseline, or the other way round."""
    own = is_transductive(data, data.plan.baseline)
    scored = data.scores["variant"].unique()
    return {name for name in scored if is_transductive(data, name) != own}


def cell_name(cell: Cell) -> str:
    """Return `5-way mixed`, `20-way within alphabet`."""
    return f"{cell[0]}-way {cell[1].replace('_', ' ')}"
