"""A study as it stands: its plan with the state of each run, and the tables made from both."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from leo_bench.config import default_of, differing, names_of, training_settings
from leo_bench.records.files import read_record, write_atomic
from leo_bench.records.schema import RUN_KEY, RUNS, Plan, PlannedRun, TestResult
from leo_bench.records.state import RunState, attempts_of, run_state, settings_on_disk


@dataclass(frozen=True)
class StudyView:
    """A study's plan and the state of each of its runs, in the plan's order; runs planned twice come last."""

    plan: Plan
    folder: Path
    runs: list[RunState]
    copies: list[RunState]
    """Folders of the store that hold a planned run, or one like it, and count for nothing, each with the reason."""

    @property
    def done(self) -> list[RunState]:
        """Runs that count: done, and stale ones only if the plan accepts them."""
        return [run for run in self.runs if run.status == "done"]

    def scores(self) -> pd.DataFrame:
        """Return one row per done run and test (columns SCORE_COLUMNS)."""
        rows = [score_row(self.plan, run, test) for run in self.done for test in run.tests]
        return pd.DataFrame(rows, columns=SCORE_COLUMNS)

    def headlines(self) -> pd.DataFrame:
        """Return one row per done run: its headline test (own ways and shots, mixed alphabets)."""
        rows = [score_row(self.plan, run, run.headline) for run in self.done]
        return pd.DataFrame(rows, columns=SCORE_COLUMNS)


SCORE_COLUMNS = (
    "study run_key learner variant seed dataset class_split train_classes split episode_mode image_size "
    "n_way k_shot n_query train_n_way n_train_episodes n_train_images n_test_episodes batch_norm precision "
    "accuracy accuracy_ci95 accuracy_before train_seconds adapt_ms peak_memory_mb n_parameters n_generated "
    "device numerics commit status data_digest episodes_digest inner_steps inner_lr trained_on test_key"
).split()


def score_row(plan: Plan, run: RunState, test: TestResult) -> dict[str, Any]:
    """Return one run on one test, flat. dataset is the test's, trained_on the training's; inner_steps and inner_lr are
    those at test."""
    result = run.result
    assert result is not None
    settings = result.settings
    values = {**settings, **result.model_dump(include=set(SCORE_COLUMNS)), **test.model_dump()}
    for name in ("inner_steps", "inner_lr"):
        values[name] = settings[name] if values[name] is None else values[name]
    values |= {
        "study": plan.study,
        "variant": run.planned.variant,
        "status": run.status,
        "train_n_way": settings.get("train_n_way") or settings["n_way"],
        "trained_on": settings["dataset"],
        "numerics": result.numerics,
        "commit": result.commit,
        "adapt_ms": run.headline.adapt_ms,
    }
    return {name: values[name] for name in SCORE_COLUMNS}


ReadRun = Callable[[PlannedRun, Path, bool], RunState]
"""run_state, or one that remembers what it read."""


def store_of(folder: Path) -> Path:
    """Return the store of a study's or a search's runs: inside its folder (published by an older version), else beside
    it."""
    return folder / RUNS if (folder / RUNS).is_dir() else folder.parent / RUNS


def load_study(folder: Path, read_run: ReadRun = run_state) -> StudyView:
    """Read a study's view from its folder."""
    plan = read_record(folder / "study.json", Plan)
    store = store_of(folder)
    states: dict[tuple[str, int], RunState] = {}
    twice = []
    for run in plan.runs:
        name = (run.variant, run.seed)
        if name in states:
            message = f"planned twice: run {states[name].planned.run_key} is {run.variant} seed {run.seed} already"
            twice.append(RunState(run, "duplicate", message, store / run.run_key, None, [], 0))
        else:
            states[name] = read_run(run, store / run.run_key, plan.accept_stale)
    done = {name for name, run in states.items() if run.status == "done"}
    return StudyView(plan, folder, [*states.values(), *twice], [*_copies(plan, store), *_alike(plan, done, store)])


def _copies(plan: Plan, store: Path) -> list[RunState]:
    """Return the folders of the store that are not named by a run key, and hold the record of a planned run."""
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
            found.append(RunState(planned[key], "duplicate", message, folder, None, [], len(attempts_of(folder))))
    return found


def _alike(plan: Plan, done: set[tuple[str, int]], store: Path) -> list[RunState]:
    """Return the done runs of the store that a variant of the plan describes in all but machine settings.

    Their bits may differ, so they do not count; naming them keeps a run of another machine from vanishing in silence.
    done: variants and seeds that have a run that counts; others like it are not named.
    """
    variants = {_identity(run.settings): run for run in plan.runs}
    keys = {run.run_key for run in plan.runs}
    found = []
    for folder in sorted(store.iterdir()) if store.is_dir() else []:
        if folder.name in keys or not (folder / "result.json").exists():
            continue
        settings = settings_on_disk(folder)
        run = None if settings is None else variants.get(_identity(settings))
        if run is None or settings is None:
            continue
        seed = int(settings.get("seed", default_of("seed")))
        own = {name: settings.get(name, default_of(name)) for name in names_of("machine")}
        changed = [
            f"{name} {value}, not {run.settings[name]}" for name, value in own.items() if value != run.settings[name]
        ]
        what = "; ".join(changed) or "a record of an older schema"
        if (run.variant, seed) not in done:
            message = f"run {folder.name} is this variant and seed with {what}; it is not counted"
            planned = run.model_copy(update={"seed": seed, "run_key": folder.name})
            found.append(RunState(planned, "not counted", message, folder, None, [], len(attempts_of(folder))))
    return found


def _identity(settings: dict[str, Any]) -> str:
    """Return what makes a variant: the settings of its training that are neither at their default nor of the machine,
    nor the seed; as text."""
    other = {*names_of("machine"), "seed"}
    kept = {name: value for name, value in differing(training_settings(settings)).items() if name not in other}
    return json.dumps(kept, sort_keys=True)


def find_studies(results: Path) -> list[Path]:
    """Return the folders under results/ and results/official/ that hold a study, in name order."""
    return sorted(
        path.parent for pattern in ("*/study.json", "official/*/study.json") for path in results.glob(pattern)
    )


def write_tables(view: StudyView) -> None:
    """Build runs.csv and scores.csv of a study's view."""
    for name, frame in (("runs.csv", view.headlines()), ("scores.csv", view.scores())):
        write_atomic(view.folder / name, frame.to_csv(index=False).encode())
