"""The schema of results/: what a run leaves on disk, when it counts as done, and the tables made from it.

    results/runs/<run_key>/settings.json     the run's settings, written when it is first planned
                           attempt-<n>/      log.txt, status.json and Sacred's record of each attempt; pruned.json
                                             where a search ended it
                           result.json       written last and whole: the run is done when it is there and valid
                           episodes.npz      correct answers of each test, by episode (before and after each inner
                                             step) and by character (after the last)
                           checkpoint.safetensors
    results/<study>-<profile>/study.json     the plan: every run expected, with variant, seed and key
                              runs.csv       one row per done run: its headline test
                              scores.csv     one row per done run and test

A published study holds its runs itself: results/official/<study>-<profile>/runs/<run_key>/.
This module knows neither torch nor Sacred nor pandas' users: files in, values out.
"""

import io
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from leo_bench.config import SCHEMA_VERSION, Settings, make_settings
from leo_bench.errors import LeoBenchError

RUNS = "runs"
RUN_KEY = re.compile(r"[0-9a-f]{16}")
CHARACTERS = "characters"
"""Name in episodes.npz: bytes [n_characters], `Alphabet/character07`; absent from runs made before it was recorded."""
BY_CHARACTER = "{}_by_character"
"""Name in episodes.npz, of a test's array: uint32 [n_characters, 2], queries asked of each character, and those
answered correctly after adaptation."""
Status = Literal["done", "missing", "running", "failed", "interrupted", "pruned", "stale", "corrupt", "duplicate"]


class Record(BaseModel):
    """Base of what is written: no unknown fields, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


RecordT = TypeVar("RecordT", bound=Record)


class TestScore(Record):
    """One trained model on one set of fixed test episodes. Accuracies are fractions."""

    __test__ = False  # not a pytest class

    split: Literal["val", "test"]
    episode_mode: str
    n_way: int
    k_shot: int
    n_query: int
    n_test_episodes: int
    batch_norm: str
    steps: list[int]
    """Inner steps after which the model was scored; 0 is before adaptation."""
    accuracy_by_step: list[float]
    """One mean accuracy per entry of steps."""
    accuracy: float
    accuracy_ci95: float
    """Half width of the 95% interval over this run's test episodes (1.96 standard errors, n - 1)."""
    accuracy_before: float
    episodes_digest: str
    array: str
    """Name in episodes.npz: uint16 [n_test_episodes, len(steps)], correct answers of n_way * n_query."""


class CurvePoint(Record):
    """Means over the training episodes since the previous point."""

    episode: int
    train_loss: float
    train_accuracy: float
    gradient_norm: float


class ValidationPoint(Record):
    episode: int
    accuracy: float
    accuracy_before: float


class Result(Record):
    """result.json: everything that a report needs of one done run."""

    schema_version: int = SCHEMA_VERSION
    run_key: str
    settings: dict[str, Any]
    numerics: str
    """Digest of the parsed source that decides numbers."""
    commit: str
    attempt: int
    started: str
    finished: str
    seeds: dict[str, int]
    data_digest: str
    n_parameters: int
    parameters_by_part: dict[str, int]
    n_generated: int
    n_train_episodes: int
    n_train_images: int
    batch_norm: str
    train_seconds: float
    eval_seconds: float
    adapt_ms: float
    """Time to adapt to one new episode of the headline protocol and answer its queries, milliseconds, median."""
    peak_memory_mb: float
    multiply_adds: int | None = None
    """Counted, from the images of one episode of the headline protocol to its answers; None where it was not
    recorded."""
    weights_digest: str
    curve: list[CurvePoint]
    validation: list[ValidationPoint]
    tests: list[TestScore]
    warnings: list[str] = []
    """What the run found wrong with itself, each with its remedy: accuracy at chance, say."""
    host: dict[str, str]
    versions: dict[str, str]

    @property
    def headline(self) -> TestScore:
        """The test at the run's own ways, mixed alphabets."""
        n_way = self.settings["n_way"]
        return next(test for test in self.tests if test.n_way == n_way and test.episode_mode == "mixed")


class PrunedRun(Record):
    """attempt-<n>/pruned.json: what a run had shown when a search ended it."""

    schema_version: int = SCHEMA_VERSION
    run_key: str
    settings: dict[str, Any]
    numerics: str
    episode: int
    reason: str
    curve: list[CurvePoint]
    validation: list[ValidationPoint]


class AttemptStatus(Record):
    """attempt-<n>/status.json: how an attempt stands, or how it ended."""

    status: Literal["running", "done", "failed", "interrupted", "pruned"]
    started: str
    finished: str | None = None
    message: str = ""
    """One line: why it failed."""
    episode: int = 0
    """Training episodes seen when this was written."""


class PlannedRun(Record):
    variant: str
    seed: int
    run_key: str
    settings: dict[str, Any]


class Plan(Record):
    """study.json: a study file expanded at one profile."""

    schema_version: int = SCHEMA_VERSION
    study: str
    profile: str
    question: str
    baseline: str
    margin: float
    """Difference in accuracy that matters, as a fraction."""
    switches: dict[str, list[str]]
    """Switch -> variants that set it, in the order they are drawn."""
    labels: dict[str, str]
    """Variant -> what a figure calls it."""
    references: list[str]
    """Variants that are not LEO: drawn as lines."""
    numerics: str
    """Digest of the source when the study was last planned."""
    accept_stale: bool = False
    runs: list[PlannedRun]


def make_folder(folder: Path) -> None:
    """The folder and those above it, where they are missing. Raises LeoBenchError when that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LeoBenchError(
            f"cannot make the folder {folder}: {error.strerror}; "
            "free some disk space, or name a folder that can be written"
        ) from None


def write_atomic(path: Path, data: bytes) -> None:
    """Write data to path whole or not at all: temporary file beside it, fsync, rename."""
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise LeoBenchError(
            f"cannot write {path}: {error.strerror}; free some disk space or check the folder's permissions"
        ) from error


def write_record(path: Path, record: Record) -> None:
    """Write a record as JSON, atomically."""
    write_atomic(path, (json.dumps(record.model_dump(mode="json"), indent=1, allow_nan=False) + "\n").encode())


def write_settings(folder: Path, settings: Settings) -> None:
    """settings.json of a run: what its process is to do."""
    write_atomic(folder / "settings.json", (json.dumps(settings.canonical(), indent=1) + "\n").encode())


def read_settings(folder: Path) -> Settings:
    """The settings of the run in folder. Raises LeoBenchError when the file is missing, broken or out of range."""
    path = folder / "settings.json"
    try:
        values = json.loads(path.read_text())
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise LeoBenchError(f"{path} is missing or damaged ({error}); run the study again") from None
    if not isinstance(values, dict):
        raise LeoBenchError(f"{path} holds no settings; run the study again")
    return make_settings(values, where=str(path))


def read_record(path: Path, kind: type[RecordT]) -> RecordT:
    """Read and validate a record. Raises LeoBenchError naming the file and what is wrong in it."""
    try:
        raw = json.loads(path.read_text())
    except FileNotFoundError:
        raise LeoBenchError(f"{path} is missing") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise LeoBenchError(f"{path} is truncated or not JSON ({error}); remove it and run the study again") from None
    if isinstance(raw, dict) and raw.get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
        raise LeoBenchError(f"{path} has schema version {raw['schema_version']}, this program reads {SCHEMA_VERSION}")
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise LeoBenchError(f"{path}: {where}: {first['msg']}; remove it and run the study again") from None


@dataclass(frozen=True)
class RunState:
    """One planned run as found on disk."""

    planned: PlannedRun
    status: Status
    message: str
    """Why it is not done, in one line; empty when done."""
    folder: Path
    result: Result | None
    """Present when done, and when stale."""
    attempts: int

    def correct(self, test: TestScore) -> np.ndarray:
        """Correct answers, int64 [n_test_episodes, len(test.steps)], of n_way * n_query queries each."""
        with np.load(io.BytesIO((self.folder / "episodes.npz").read_bytes())) as arrays:
            return arrays[test.array].astype(np.int64)

    def by_character(self, test: TestScore) -> pd.DataFrame | None:
        """Queries of a test by the character that they show, after adaptation; None where the run did not record it.

        Columns alphabet, character (str), asked, correct (int64); characters never asked are left out.
        """
        with np.load(io.BytesIO((self.folder / "episodes.npz").read_bytes())) as arrays:
            if CHARACTERS not in arrays or BY_CHARACTER.format(test.array) not in arrays:
                return None
            names = [name.decode() for name in arrays[CHARACTERS]]
            counts = arrays[BY_CHARACTER.format(test.array)].astype(np.int64)
        alphabets, characters = zip(*(name.split("/", 1) for name in names), strict=True)
        columns = {"alphabet": alphabets, "character": characters, "asked": counts[:, 0], "correct": counts[:, 1]}
        frame = pd.DataFrame(columns)
        return frame[frame["asked"] > 0].reset_index(drop=True)


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


def without_paths(text: str, root: Path) -> str:
    """The text with absolute paths cut to what is below the results folder, or to their last part: a report names no
    machine.
    """
    for prefix in {f"{root}/", f"{root.resolve()}/"}:
        text = text.replace(prefix, "")
    return re.sub(r"(?<![\w.~:/])/(?:[^\s/:'\"]+/)+([^\s/:'\"]+)", r".../\1", text)


def attempts_of(folder: Path) -> list[Path]:
    """A run's attempt folders, first one first."""
    numbered = {path: path.name.removeprefix("attempt-") for path in folder.glob("attempt-*")}
    return sorted((path for path, number in numbered.items() if number.isdigit()), key=lambda path: int(numbered[path]))


def run_state(planned: PlannedRun, folder: Path, numerics: str, accept_stale: bool = False) -> RunState:
    """What is on disk for a planned run. A broken record is a state ("corrupt"), never an exception."""
    attempts = attempts_of(folder)
    if (folder / "result.json").exists():
        try:
            result = read_record(folder / "result.json", Result)
            check_result(result, planned, folder)
        except LeoBenchError as error:
            return RunState(planned, "corrupt", str(error), folder, None, len(attempts))
        if result.numerics != numerics and not accept_stale:
            message = f"made by source with numerics digest {result.numerics}, the plan has {numerics}"
            return RunState(planned, "stale", message, folder, result, len(attempts))
        return RunState(planned, "done", "", folder, result, len(attempts))
    if not attempts:
        return RunState(planned, "missing", "not started", folder, None, 0)
    try:
        last = read_record(attempts[-1] / "status.json", AttemptStatus)
    except LeoBenchError as error:
        return RunState(
            planned, "interrupted", f"attempt {len(attempts)} left no status: {error}", folder, None, len(attempts)
        )
    if last.status == "running" and not is_held(folder):
        message = f"attempt {len(attempts)} died without a word after {last.episode} training episodes"
        return RunState(planned, "interrupted", message, folder, None, len(attempts))
    status: Status = "interrupted" if last.status == "done" else last.status
    return RunState(planned, status, last.message, folder, None, len(attempts))


def check_result(result: Result, planned: PlannedRun, folder: Path) -> None:
    """Raise LeoBenchError when a result is not the planned run's, or its counts are missing or disagree with it."""
    remedy = "remove the folder and run the study again"
    if result.run_key != planned.run_key or result.settings != planned.settings:
        raise LeoBenchError(f"{folder / 'result.json'} is the record of another run ({result.run_key}); {remedy}")
    if not any(test.n_way == planned.settings["n_way"] and test.episode_mode == "mixed" for test in result.tests):
        raise LeoBenchError(f"{folder / 'result.json'} lacks the test at the run's own ways; {remedy}")
    path = folder / "episodes.npz"
    try:
        with np.load(io.BytesIO(path.read_bytes())) as arrays:
            means = {
                test.array: arrays[test.array][:, -1].mean() / (test.n_way * test.n_query) for test in result.tests
            }
            wrong = [words for test in result.tests if (words := _wrong_characters(arrays, test))]
    except Exception as error:  # noqa: BLE001 - a damaged archive can raise nearly anything
        raise LeoBenchError(f"{path} is missing or damaged ({type(error).__name__}: {error}); {remedy}") from None
    for test in result.tests:
        if abs(means[test.array] - test.accuracy) > 1e-9:
            raise LeoBenchError(
                f"{path}: {test.array} has mean accuracy {means[test.array]:.6f}, "
                f"result.json says {test.accuracy:.6f}; {remedy}"
            )
    if wrong:
        raise LeoBenchError(f"{path}: {wrong[0]}; {remedy}")


def _wrong_characters(arrays: Mapping[str, np.ndarray], test: TestScore) -> str:
    """What is wrong with a test's counts by character, in words; empty when nothing is, or when there are none."""
    name = BY_CHARACTER.format(test.array)
    if name not in arrays:
        return ""
    if CHARACTERS not in arrays:
        return f"{name} has no names of characters beside it"
    counts, names = arrays[name], arrays[CHARACTERS]
    if counts.shape != (len(names), 2) or not all(b"/" in character for character in names.tolist()):
        return f"{name} of shape {counts.shape} does not fit {len(names)} names Alphabet/character"
    asked, correct = (int(total) for total in counts.sum(axis=0, dtype=np.int64))
    queries, right = test.n_test_episodes * test.n_way * test.n_query, int(arrays[test.array][:, -1].sum())
    if (asked, correct) != (queries, right) or (counts[:, 1] > counts[:, 0]).any():
        return f"{name} counts {correct} correct of {asked} queries, {test.array} has {right} of {queries}"
    return ""


def is_held(folder: Path) -> bool:
    """Whether a living process holds the run's lock."""
    lock = FileLock(folder / ".lock")
    if not (folder / ".lock").exists():
        return False
    try:
        with lock.acquire(timeout=0):
            return False
    except Timeout:
        return True


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
