"""What a study holds, made ready for reading: comparable rows, labels, changed settings, problems.

Rows are compared only where everything that they are not about is equal (`why_not`); otherwise the report says what
differs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from leo_bench.figures import VariantStyle, variant_styles
from leo_bench.records import (
    SCORE_COLUMNS,
    Plan,
    RunState,
    StudyView,
    TestResult,
    load_study,
    score_row,
    without_paths,
)

MUST_EQUAL = {
    "dataset": "data set",
    "data_digest": "data digest",
    "class_split": "class split",
    "train_classes": "training classes",
    "split": "split",
    "image_size": "image size",
    "k_shot": "k_shot",
    "n_query": "n_query",
    "n_train_images": "training images",
    "n_test_episodes": "test episodes",
    "episodes_digest": "episode digest",
    "numerics": "numerics digest",
}
"""Column of scores -> its name in words. Two rows are compared only when all of these are equal."""

NOT_A_CHANGE = ("seed", "test_n_ways", "test_modes")
"""Settings in which runs differ without being another method: repetition, and which tests were taken."""

Cell = tuple[int, str]
"""(n_way, episode_mode): one of the tests that every model is scored on."""


@dataclass(frozen=True)
class StudyData:
    """A study's comparable rows and how to speak of them."""

    view: StudyView
    scores: pd.DataFrame
    """view.scores() without the rows in left_out, with `label` added."""
    left_out: list[str]
    """Done runs that cannot be averaged with the others of their variant, each with its reason."""
    changes: dict[str, dict[str, Any]]
    """Variant -> settings in which it differs from the baseline."""
    styles: dict[str, VariantStyle]
    effects: dict[Cell, pd.DataFrame] = field(default_factory=dict)
    """Paired effects by test, filled when first asked for."""

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
        """Every planned variant, baseline first, then as planned."""
        return sorted(self.settings, key=lambda name: name != self.plan.baseline)

    @property
    def headline(self) -> Cell:
        """The baseline's own ways, mixed alphabets."""
        base = self.settings.get(self.plan.baseline) or next(iter(self.settings.values()), {"n_way": 5})
        return (int(base["n_way"]), "mixed")

    @cached_property
    def cells(self) -> list[Cell]:
        """All tests on record, headline first, mixed before within_alphabet, few ways before many."""
        present = {
            (int(n_way), str(mode))
            for n_way, mode in zip(self.scores["n_way"], self.scores["episode_mode"], strict=True)
        }
        return sorted(present, key=lambda cell: (cell != self.headline, cell[1] != "mixed", cell[0]))

    def label(self, variant: str) -> str:
        return self.plan.labels.get(variant, variant)

    def rows(self, cell: Cell, *variants: str) -> pd.DataFrame:
        """Score rows of one test; of the given variants, or of all."""
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
        """A done run and its score on one test."""
        run = self.run(variant, seed)
        return run, next(test for test in own_tests(run) if (test.n_way, test.episode_mode) == cell)

    @property
    def is_glyphs(self) -> bool:
        return any(settings["dataset"] == "glyphs" for settings in self.settings.values())

    def data_name(self) -> str:
        """Data set with its digest, or digests, in short: `omniglot 5f1c0ffe`."""
        names = self.scores[["dataset", "data_digest"]].drop_duplicates()
        if names.empty:
            return ", ".join(sorted({str(settings["dataset"]) for settings in self.settings.values()}))
        return ", ".join(f"{row.dataset} {str(row.data_digest)[:8]}" for row in names.itertuples())


def gather(folder: Path) -> StudyData:
    """Read a study's folder."""
    view = load_study(folder)
    scores, left_out = comparable_seeds(view)
    plan = view.plan
    base = next((run.settings for run in plan.runs if run.variant == plan.baseline), {})
    changes: dict[str, dict[str, Any]] = {}
    for run in plan.runs:
        different = {
            name: value
            for name, value in run.settings.items()
            if name not in NOT_A_CHANGE and base.get(name, value) != value
        }
        changes.setdefault(run.variant, different)
    labels = scores["variant"].map(lambda name: plan.labels.get(name, name))
    return StudyData(view, scores.assign(label=labels), left_out, changes, variant_styles(plan))


def own_tests(run: RunState) -> list[TestResult]:
    """Return the tests of a run on the data set and at the shots that it was trained for: what a study compares."""
    settings = run.planned.settings
    return [test for test in run.tests if (test.dataset, test.k_shot) == (settings["dataset"], settings["k_shot"])]


def own_scores(view: StudyView) -> pd.DataFrame:
    """Return the score rows of own_tests."""
    rows = [score_row(view.plan, run, test) for run in view.done for test in own_tests(run)]
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def comparable_seeds(view: StudyView) -> tuple[pd.DataFrame, list[str]]:
    """Score rows in which all seeds of a variant agree on MUST_EQUAL and batch norm, and words on the runs left out.

    Where seeds disagree the more numerous kind stays, at a tie the one seen first.
    """
    scores = own_scores(view)
    names = [name for name in (*MUST_EQUAL, "batch_norm") if name != "episodes_digest"]
    left_out, drop = [], []
    for variant, rows in scores.groupby("variant", sort=False):
        kinds = rows.drop_duplicates("seed").groupby(names, sort=False, dropna=False)
        if len(kinds) < 2:
            continue
        kept_key = max(kinds.groups, key=lambda key: len(kinds.groups[key]))
        kept = kinds.get_group(kept_key).iloc[0]
        for _, others in kinds:
            for _, row in others.iterrows():
                why = why_not(row, kept, skip=("episodes_digest",))
                if why:
                    left_out.append(f"{variant}, seed {row['seed']} (run {row['run_key']}): {why} in its other seeds")
                    drop.append(row["run_key"])
    return scores[~scores["run_key"].isin(drop)].reset_index(drop=True), left_out


def why_not(
    row: "pd.Series[Any] | Mapping[str, Any]", base: "pd.Series[Any] | Mapping[str, Any]", skip: tuple[str, ...] = ()
) -> str:
    """Why two rows of one test may not be compared, in words; empty when they may.

    Different learners have different source digests; those of one learner must agree. Batch norm may differ between
    inductive modes: it then follows from what the variant changes, and is named beside it.
    """
    reasons = [
        f"{words} {_plain(row[name])} against {_plain(base[name])}"
        for name, words in MUST_EQUAL.items()
        if name not in skip
        and row[name] != base[name]
        and not (name == "numerics" and row["learner"] != base["learner"])
    ]
    if ("transductive" in row["batch_norm"]) != ("transductive" in base["batch_norm"]):
        reasons.append(f"batch norm {row['batch_norm']} against {base['batch_norm']}")
    if any(reason.startswith(("k_shot", "image size", "data")) for reason in reasons):
        reasons = [reason for reason in reasons if not reason.startswith("episode digest")]  # follows from those
    return "; ".join(reasons)


def apart(data: StudyData, cell: Cell) -> dict[str, str]:
    """Variant -> why its rows of a test may not be set against the baseline's, of those for which something forbids it.

    Empty while the baseline has no run.
    """
    base = data.rows(cell, data.plan.baseline)
    if base.empty:
        return {}
    first = data.rows(cell).drop_duplicates("variant")
    reasons = {str(row["variant"]): why_not(row, base.iloc[0]) for _, row in first.iterrows()}
    return {variant: why for variant, why in reasons.items() if why}


def _plain(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) or hasattr(value, "dtype") else str(value)[:12]


def changed_words(data: StudyData, variant: str) -> str:
    """What a variant sets differently from the baseline: `inner_steps 0`."""
    if variant == data.plan.baseline:
        return "baseline"
    words = [f"{name} {_value(value)}" for name, value in data.changes[variant].items()]
    return ", ".join(words) or "nothing"


def _value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def setting_names(data: StudyData, switch: str, variants: list[str]) -> dict[str, str]:
    """Variant -> where it stands on a switch's axis: the setting's value.

    Its label instead where the switch is no setting, or where the variant changes something else too.
    """
    names = {}
    for variant in variants:
        settings = data.settings[variant]
        others = [name for name in data.changes[variant] if name not in (switch, *NOT_A_CHANGE)]
        names[variant] = data.label(variant) if others or switch not in settings else _value(settings[switch])
    return names


def switch_variants(data: StudyData, switch: str) -> list[str]:
    """Variants of a switch as drawn, with the baseline put in: where the plan names it, by value among numbers, else
    first.
    """
    variants = [name for name in data.plan.switches[switch] if name in data.settings]
    baseline = data.plan.baseline
    if baseline in variants or baseline not in data.settings:
        return variants
    values = [data.settings[name].get(switch) for name in (*variants, baseline)]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        after = sum(value < values[-1] for value in values[:-1])  # type: ignore[operator]
        return [*variants[:after], baseline, *variants[after:]]
    return [baseline, *variants]


def cell_name(cell: Cell) -> str:
    """`5-way mixed`, `20-way within alphabet`."""
    return f"{cell[0]}-way {cell[1].replace('_', ' ')}"


STATUS_ORDER = ("corrupt", "duplicate", "failed", "interrupted", "stale", "pruned", "not counted", "running", "missing")


def problems(view: StudyView) -> pd.DataFrame:
    """Planned runs that are not done, and copies: columns status, variant, seed, run_key, attempts, message; worst
    first.
    """
    root = view.folder.parent
    rows = [
        {
            "status": run.status,
            "variant": run.planned.variant,
            "seed": run.planned.seed,
            "run_key": run.planned.run_key,
            "attempts": run.attempts,
            "message": without_paths(run.message, root),
        }
        for run in [*view.runs, *view.copies]
        if run.status != "done"
    ]
    frame = pd.DataFrame(rows, columns=["status", "variant", "seed", "run_key", "attempts", "message"])
    return frame.sort_values("status", key=lambda column: column.map(STATUS_ORDER.index), kind="stable").reset_index(
        drop=True
    )


def seed_words(seeds: list[int]) -> str:
    """Seeds as the command line takes them: `0-2,5`."""
    parts: list[str] = []
    ordered = sorted(set(seeds))
    start = 0
    for index, seed in enumerate(ordered):
        if index + 1 == len(ordered) or ordered[index + 1] != seed + 1:
            parts.append(str(seed) if index == start else f"{ordered[start]}-{seed}")
            start = index + 1
    return ",".join(parts)
