"""View of a study: its plan with the state of each run, and the tables made from both."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from leo_bench.config import default_of, differing, key_of, names_of, takes_inner_steps, training_settings
from leo_bench.errors import LeoBenchError, did_you_mean
from leo_bench.records.files import read_record, write_atomic
from leo_bench.records.schema import RUN_KEY, RUNS, AdaptationRecord, Plan, PlannedRun, TestResult
from leo_bench.records.state import RunState, attempts_of, run_state, settings_on_disk


@dataclass(frozen=True)
class StudyView:
    """Plan of a study and the state of each of its runs, in plan order. Runs planned twice come last."""

    plan: Plan
    folder: Path
    runs: list[RunState]
    copies: list[RunState]
    """Folders of the store that hold a planned run, or one like it, but do not count. Each message says why."""

    @property
    def done(self) -> list[RunState]:
        """Runs that count: done runs, and stale runs if the plan accepts them."""
        return [run for run in self.runs if run.status == "done"]

    @property
    def ended(self) -> dict[tuple[str, str], str]:
        """Variant and run key of each run that is done or diverged -> digest of its weights, empty if it diverged. A
        study is judged by it."""
        runs = [run for run in self.runs if run.status == "done" or run.diverged]
        digests = [run.result.weights_digest if run.result and not run.diverged else "" for run in runs]
        return {(run.planned.variant, run.planned.run_key): one for run, one in zip(runs, digests, strict=True)}

    def diverged(self, variant: str) -> dict[int, bool]:
        """Return seed -> whether the training of a variant diverged; without seeds whose training did not end."""
        ends = {run.planned.seed: run.diverged for run in self.runs if run.planned.variant == variant}
        return {seed: end for seed, end in sorted(ends.items()) if end is not None}

    @property
    def trainings(self) -> dict[str, bool]:
        """Run key of each training that ended -> whether it diverged. Variants may share a training; without those that
        train nothing."""
        trained = [run for run in self.runs if run.planned.settings["n_train_episodes"]]
        return {run.planned.run_key: run.diverged for run in trained if run.diverged is not None}

    @property
    def unplanned(self) -> list[tuple[str, int]]:
        """Variant and seed of each run of the profile that no call asked for."""
        planned = {(run.variant, run.seed) for run in self.plan.runs}
        whole = [(variant, seed) for variant, seeds in self.plan.whole.items() for seed in seeds]
        return [pair for pair in whole if pair not in planned]

    def scores(self) -> pd.DataFrame:
        """Return one row per done run and test (columns SCORE_COLUMNS)."""
        rows = [score_row(self.plan, run, test) for run in self.done for test in run.tests]
        return pd.DataFrame(rows, columns=SCORE_COLUMNS)

    def headlines(self) -> pd.DataFrame:
        """Return one row per done run: its headline test (columns RUN_COLUMNS)."""
        rows = [score_row(self.plan, run, run.headline) for run in self.done]
        return pd.DataFrame(rows, columns=RUN_COLUMNS)


RUN_COLUMNS = (
    "study run_key learner variant seed dataset class_split train_classes split episode_mode image_size "
    "n_way k_shot n_query train_n_way n_train_episodes n_train_images n_test_episodes batch_norm precision "
    "accuracy accuracy_ci95 accuracy_before train_seconds update_seconds adapt_ms peak_memory_mb n_parameters "
    "n_generated device numerics commit status data_digest episodes_digest inner_steps inner_lr inner_temperature "
    "support_copies head head_c mislabelled trained_on test_key"
).split()
"""Columns of runs.csv."""
SCORE_COLUMNS = [*RUN_COLUMNS, *AdaptationRecord.model_fields]
"""Columns of scores.csv: the effect of adaptation besides those of runs.csv."""


def score_row(plan: Plan, run: RunState, test: TestResult) -> dict[str, Any]:
    """Return one run on one test as a row.

    dataset is the data set of the test, trained_on that of the training. inner_steps, inner_lr and inner_temperature
    are those at test, None for a method or a head without them. Where the effect of adaptation is not recorded, its
    columns are None.
    """
    result = run.result
    assert result is not None
    settings = result.settings
    effect = test.adaptation.model_dump() if test.adaptation else dict.fromkeys(AdaptationRecord.model_fields)
    values = {**settings, **result.model_dump(include=set(SCORE_COLUMNS)), **test.model_dump(), **effect}
    if test.head is None and takes_inner_steps(settings["learner"]):
        for name in ("inner_steps", "inner_lr", *(["inner_temperature"] if settings["learner"] == "leo" else [])):
            if values[name] is None:
                values[name] = settings.get(name, default_of(name))  # older records lack newer settings
    values |= {
        "head": test.head or "own",
        "support_copies": test.support_copies or "none",
        "mislabelled": test.mislabelled or 0,
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
"""Type of run_state, or of a function that caches its results."""


def store_of(folder: Path) -> Path:
    """Return the store of the runs of a study or search.

    It is beside the folder, or inside if an older version published the study.
    """
    return folder / RUNS if (folder / RUNS).is_dir() else folder.parent / RUNS


def _no_study(folder: Path) -> str:
    """Return the message for a folder without a study, with the nearest study beside it."""
    if folder.is_file():
        return f"{folder} is a file: expected the folder of a study, such as results/ablations-quick"
    beside = sorted(path.parent.name for path in folder.absolute().parent.glob("*/study.json"))
    hint = did_you_mean(folder.name, beside)
    return (
        f"{folder / 'study.json'} is missing, so {folder.absolute()}/ holds no study; "
        f"{f'{hint}; or ' if beside else ''}run the study first: leo-bench study NAME --profile PROFILE"
    )


def load_study(folder: Path, read_run: ReadRun = run_state) -> StudyView:
    """Read the view of a study from its folder. Raises LeoBenchError if study.json is missing or damaged."""
    path = folder / "study.json"
    if not path.exists():
        raise LeoBenchError(_no_study(folder))
    plan = read_record(path, Plan)
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
    """Return the folders of the store that hold a planned run but are not named by its key."""
    planned = {run.run_key: run for run in plan.runs}
    found = []
    for folder in sorted(store.iterdir()) if store.is_dir() else []:
        if RUN_KEY.fullmatch(folder.name):
            continue
        try:
            key = json.loads((folder / "result.json").read_bytes())["run_key"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            continue  # no record
        if isinstance(key, str) and key in planned:
            message = f"{RUNS}/{folder.name} holds the record of run {key} once more; remove the folder"
            found.append(RunState(planned[key], "duplicate", message, folder, None, [], len(attempts_of(folder))))
    return found


def _alike(plan: Plan, done: set[tuple[str, int]], store: Path) -> list[RunState]:
    """Return the trained runs of the store that differ from a variant of the plan only in machine settings or schema.

    Their numbers may differ, so they do not count. They are listed so that the user learns why.
    done: (variant, seed) of runs that count. For these, no run is listed, nor other seeds of a variant whose planned
    runs all count.
    """
    open_variants = {run.variant for run in plan.runs if (run.variant, run.seed) not in done}
    if not open_variants:
        return []
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
        seed = settings.get("seed", default_of("seed"))
        if not isinstance(seed, int) or seed < 0:
            continue  # settings.json is damaged
        own, asked = (
            {name: values.get(name, default_of(name)) for name in names_of("machine")}
            for values in (settings, run.settings)
        )
        changed = [f"{name} {value}, not {asked[name]}" for name, value in own.items() if value != asked[name]]
        older = folder.name != key_of(training_settings(settings))
        if not changed and not older:
            continue  # a seed that another study has
        if run.variant in open_variants and (run.variant, seed) not in done:
            wanted = ", ".join(f"{name} {value}" for name, value in own.items() if value != asked[name])
            message = (
                f"run {folder.name} has an older schema, so it is not counted; run the study again"
                if older
                else f"run {folder.name} has {', '.join(changed)} as planned, so it is not counted; to count "
                f"it, run the study with {wanted}"
            )
            planned = run.model_copy(update={"seed": seed, "run_key": folder.name})
            found.append(RunState(planned, "not counted", message, folder, None, [], len(attempts_of(folder))))
    return found


def _identity(settings: dict[str, Any]) -> str:
    """Return a text that identifies a variant: its training settings without machine settings and seed."""
    return _identity_of(json.dumps(settings, sort_keys=True))


@cache  # every study asks it of every run of the store
def _identity_of(text: str) -> str:
    other = {*names_of("machine"), "seed"}
    kept = {name: value for name, value in differing(training_settings(json.loads(text))).items() if name not in other}
    return json.dumps(kept, sort_keys=True)


def find_studies(results: Path) -> list[Path]:
    """Return the folders in results/ and results/official/ that hold a study, in name order."""
    return sorted(
        path.parent for pattern in ("*/study.json", "official/*/study.json") for path in results.glob(pattern)
    )


def write_tables(view: StudyView) -> None:
    """Write runs.csv and scores.csv into the folder of a study: numbers to twelve digits, the first 16 of a digest."""
    for name, frame in (("runs.csv", view.headlines()), ("scores.csv", view.scores())):
        short = {column: frame[column].str[:16] for column in ("data_digest", "episodes_digest")} if len(frame) else {}
        write_atomic(view.folder / name, frame.assign(**short).to_csv(index=False, float_format="%.12g").encode())
