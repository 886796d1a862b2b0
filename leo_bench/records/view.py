"""A study as it stands: its plan with the state of each run, and the tables made from both."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from leo_bench.records.files import read_record, write_atomic
from leo_bench.records.schema import RUN_KEY, RUNS, Plan, PlannedRun, TestScore
from leo_bench.records.state import RunState, attempts_of, run_state


@dataclass(frozen=True)
class StudyView:
    """A study's plan and the state of each of its runs, in the plan's order; runs planned twice come last."""

    plan: Plan
    folder: Path
    runs: list[RunState]
    copies: list[RunState]
    """Folders beside the runs' own that hold a planned run's record once more. They count for nothing."""

    @property
    def done(self) -> list[RunState]:
        """Runs that count: done, and stale ones only where the plan accepts them."""
        return [run for run in self.runs if run.status == "done"]

    def scores(self) -> pd.DataFrame:
        """One row per done run and test (columns SCORE_COLUMNS)."""
        rows = [score_row(self.plan, run, test) for run in self.done for test in run.result.tests]  # type: ignore[union-attr]
        return pd.DataFrame(rows, columns=SCORE_COLUMNS)

    def headlines(self) -> pd.DataFrame:
        """One row per done run: its headline test (n_way of its settings, mixed alphabets)."""
        rows = [score_row(self.plan, run, run.result.headline) for run in self.done]  # type: ignore[union-attr]
        return pd.DataFrame(rows, columns=SCORE_COLUMNS)


SCORE_COLUMNS = (
    "study run_key learner variant seed dataset class_split train_classes split episode_mode image_size "
    "n_way k_shot n_query train_n_way n_train_episodes n_train_images n_test_episodes batch_norm precision "
    "accuracy accuracy_ci95 accuracy_before train_seconds adapt_ms peak_memory_mb n_parameters n_generated "
    "device numerics commit status data_digest episodes_digest"
).split()


def score_row(plan: Plan, run: RunState, test: TestScore) -> dict[str, Any]:
    """One run on one test, flat."""
    result = run.result
    assert result is not None
    settings = result.settings
    values = {**settings, **result.model_dump(include=set(SCORE_COLUMNS)), **test.model_dump()}
    values |= {
        "study": plan.study,
        "variant": run.planned.variant,
        "status": run.status,
        "train_n_way": settings.get("train_n_way") or settings["n_way"],
        "data_digest": result.data_digest,
    }
    return {name: values[name] for name in SCORE_COLUMNS}


ReadRun = Callable[[PlannedRun, Path, str, bool], RunState]
"""run_state, or one that remembers what it read."""


def load_study(folder: Path, read_run: ReadRun = run_state) -> StudyView:
    """Read a study's view from its folder. Runs are looked for inside it (published), else in the store beside it."""
    plan = read_record(folder / "study.json", Plan)
    store = folder / RUNS if (folder / RUNS).is_dir() else folder.parent / RUNS
    states: dict[tuple[str, int], RunState] = {}
    twice = []
    for run in plan.runs:
        name = (run.variant, run.seed)
        if name in states:
            message = f"planned twice: run {states[name].planned.run_key} is {run.variant} seed {run.seed} already"
            twice.append(RunState(run, "duplicate", message, store / run.run_key, None, 0))
        else:
            states[name] = read_run(run, store / run.run_key, plan.numerics, plan.accept_stale)
    return StudyView(plan, folder, [*states.values(), *twice], _copies(plan, store))


def _copies(plan: Plan, store: Path) -> list[RunState]:
    """Folders of the store that are not named by a run key, and hold the record of one of the plan's runs."""
    planned = {run.run_key: run for run in plan.runs}
    found = []
    for folder in sorted(store.iterdir()) if store.is_dir() else []:
        if RUN_KEY.fullmatch(folder.name):
            continue
        try:
            key = json.loads((folder / "result.json").read_bytes())["run_key"]
        except (OSError, ValueError, TypeError, KeyError):
            continue  # no record
        if key in planned:
            message = f"{RUNS}/{folder.name} holds the record of run {key} once more; remove the folder"
            found.append(RunState(planned[key], "duplicate", message, folder, None, len(attempts_of(folder))))
    return found


def find_studies(results: Path) -> list[Path]:
    """Folders under results/ and results/official/ that hold a study, in name order."""
    return sorted(
        path.parent for pattern in ("*/study.json", "official/*/study.json") for path in results.glob(pattern)
    )


def write_tables(view: StudyView) -> None:
    """(Re)build runs.csv and scores.csv of a study's view."""
    for name, frame in (("runs.csv", view.headlines()), ("scores.csv", view.scores())):
        write_atomic(view.folder / name, frame.to_csv(index=False).encode())
