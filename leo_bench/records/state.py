"""How a planned run stands: what is on disk for it, and whether that can be believed."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from leo_bench.errors import LeoBenchError
from leo_bench.records.files import read_record
from leo_bench.records.schema import BY_CHARACTER, CHARACTERS, AttemptStatus, PlannedRun, Result, Status, TestScore


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
