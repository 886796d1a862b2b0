"""State of a planned run: the records of its training and tests on disk, read and checked."""

import fcntl
import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leo_bench.config import TestSettings, differing, make_settings, planned_tests, test_key, training_settings
from leo_bench.errors import LeoBenchError
from leo_bench.records import schema_1
from leo_bench.records.arrays import BY_CHARACTER, CHARACTERS, CORRECT, TEST_REMEDY, WHOLE, read_arrays
from leo_bench.records.files import check_digest, converted, read_json, read_record, validated
from leo_bench.records.schema import (
    LOCK,
    TESTS,
    AttemptStatus,
    PlannedRun,
    Result,
    Status,
    TestResult,
)
from leo_bench.records.test_files import read_test_fields

REMEDY = "remove the folder and run the study again"
DIVERGENCE = re.compile(r"the training loss became|trained weights are NaN or infinite")
"""Beginning of the message of a training that diverged."""


@dataclass(frozen=True)
class RunState:
    """State of one planned run on disk."""

    planned: PlannedRun
    status: Status
    message: str
    """Reason why the run is not done, one line; empty if done."""
    folder: Path
    result: Result | None
    """Record of the training; None if it is missing or damaged."""
    tests: list[TestResult]
    """Records of all planned tests if the run is done, the headline test first; else empty."""
    attempts: int

    @property
    def diverged(self) -> bool | None:
        """True if the training ended because its loss or its weights were NaN or infinite, False if it ended well; None
        if it ended otherwise, not yet, or by other source."""
        if self.result is not None:
            return None if self.status == "stale" else False
        return True if self.status == "failed" and DIVERGENCE.match(self.message) else None

    @property
    def must_retrain(self) -> bool:
        """True if the record of the training is stale or damaged. A damaged test is only scored again."""
        return self.status == "stale" or (self.status == "corrupt" and self.result is None)

    @property
    def headline(self) -> TestResult:
        """Test at the ways and shots of the run, mixed alphabets. Only a done run has one."""
        return self.tests[0]

    def correct(self, test: TestResult) -> np.ndarray:
        """Return correct answers of n_way * n_query queries, int64 [n_test_episodes, len(test.steps)]."""
        return read_arrays(self.folder, test)[CORRECT].astype(np.int64)

    def by_character(self, test: TestResult) -> tuple[np.ndarray, np.ndarray] | None:
        """Return names `Alphabet/character` and their [asked, correct] after adaptation; None if not recorded.

        bytes [n], int64 [n, 2]. A query counts for the character that it shows. Characters without a query are left
        out.
        """
        arrays = read_arrays(self.folder, test)
        if CHARACTERS not in arrays or BY_CHARACTER not in arrays:
            return None
        counts = arrays[BY_CHARACTER].astype(np.int64)
        asked = counts[:, 0] > 0
        return arrays[CHARACTERS][asked], counts[asked]


def attempts_of(folder: Path) -> list[Path]:
    """Return the attempt folders of a run in the order of their numbers."""
    numbered = {path: path.name.removeprefix("attempt-") for path in folder.glob("attempt-*")}
    return sorted((path for path, number in numbered.items() if number.isdigit()), key=lambda path: int(numbered[path]))


def tests_of(planned: PlannedRun) -> dict[str, TestSettings]:
    """Return the tests of a planned run by their keys, the headline test first."""
    tests = planned_tests(make_settings(planned.settings, where=f"planned run {planned.run_key}"))
    return {test_key(planned.run_key, test): test for test in tests}


def run_state(planned: PlannedRun, folder: Path, accept_stale: bool = False) -> RunState:
    """Return the state of a planned run on disk. A damaged record is the state "corrupt", not an exception."""
    n_attempts = len(attempts_of(folder))

    def state(status: Status, message: str, result: Result | None, tests: list[TestResult]) -> RunState:
        return RunState(planned, status, message, folder, result, tests, n_attempts)

    if not (folder / "result.json").exists():
        status, message = _unfinished(folder, "" if accept_stale else planned.numerics)
        return state(status, message, None, [])
    try:
        result = read_training(folder, planned)
    except LeoBenchError as error:
        return state("corrupt", str(error), None, [])
    if result.numerics != planned.numerics and not accept_stale:
        message = f"made by source with numerics digest {result.numerics}, but the plan has {planned.numerics}"
        return state("stale", message, result, [])
    try:
        asked_tests = tests_of(planned)
    except LeoBenchError as error:  # of settings that are refused today
        return state("corrupt", str(error), result, [])
    tests, lacking = [], []
    for key, asked in asked_tests.items():
        try:
            test = read_test(folder, key, asked, result, accept_stale)
        except LeoBenchError as error:
            return state("corrupt", str(error), result, [])
        if test is None:
            lacking.append(asked.name)
        else:
            tests.append(test)
    if lacking:
        status, message = _unfinished(folder, "" if accept_stale else planned.numerics, trained=True)
        words = f"trained; {len(lacking)} of {len(lacking) + len(tests)} tests are not scored, first: {lacking[0]}"
        return state(status, f"{words}: {message}" if message else words, result, [])
    return state("done", "", result, tests)


def _unfinished(folder: Path, numerics: str, trained: bool = False) -> tuple[Status, str]:
    """Return status and message of a run that is not done, from its last attempt.

    numerics: digest of the source that the plan has; a failure by other source says so. Empty: by any source.
    """
    attempts = attempts_of(folder)
    if not attempts:
        return "missing", "" if trained else "not started"
    name = attempts[-1].name.replace("-", " ")
    try:
        last = read_record(attempts[-1] / "status.json", AttemptStatus)
    except LeoBenchError as error:
        return "interrupted", f"{name} left no status: {error}"
    if last.status == "running" and not is_held(folder):
        return "interrupted", f"{name} ended without a message after {last.episode} training episodes"
    if last.status == "done":
        return ("missing", "") if trained else ("interrupted", last.message)
    if last.status == "failed" and numerics and last.numerics not in (None, numerics):
        return "failed", f"by source with numerics digest {last.numerics}, but the plan has {numerics}: {last.message}"
    return last.status, last.message


def read_training(folder: Path, planned: PlannedRun) -> Result:
    """Return the record of the training of a run. Raises LeoBenchError if it is damaged or of another run."""
    path = folder / "result.json"
    raw = read_json(path)
    result = validated(path, converted(path, raw, schema_1.new_result) if schema_1.is_old(raw) else raw, Result)
    recorded, asked = (differing(training_settings(values)) for values in (result.settings, planned.settings))
    if result.run_key != planned.run_key or recorded != asked:
        raise LeoBenchError(f"{path} is the record of another run ({result.run_key}); {REMEDY}")
    check_digest(path, raw)
    return result


def read_test(
    folder: Path, key: str, asked: TestSettings, result: Result, accept_stale: bool = False
) -> TestResult | None:
    """Return the record of one test of a run; None if the source of the training has not scored these weights.

    accept_stale: take a record by any source. Raises LeoBenchError if the record is damaged, of another test, or
    disagrees with its counts.
    """
    path = folder / TESTS / key / "result.json"
    if path.exists():  # asked once, since the run may be writing it at this moment
        raw = fields = read_test_fields(path)
    else:  # schema 1 had the tests in the record of the run
        path = folder / "result.json"
        raw = read_json(path)
        old = converted(path, raw, schema_1.new_tests) if schema_1.is_old(raw) else []
        fields = next((one for one in old if one["test_key"] == key), None)
        if fields is None:
            return None
    test = validated(path, fields, TestResult)
    if test.test_key != key or test.asked != asked:
        raise LeoBenchError(f"{path} is the record of another test ({test.test_key}); {TEST_REMEDY}")
    if test.weights_digest != result.weights_digest or (test.numerics != result.numerics and not accept_stale):
        return None
    _check_counts(path, test, read_arrays(folder, test))
    check_digest(path, raw)
    return test


def _check_counts(path: Path, test: TestResult, arrays: Mapping[str, np.ndarray]) -> None:
    """Raise LeoBenchError if the accuracies of a record do not follow from its counts."""
    correct = arrays[CORRECT]
    if correct.shape != (test.n_test_episodes, len(test.steps)):
        raise LeoBenchError(
            f"{path}: counts of shape {correct.shape} do not fit {test.n_test_episodes} episodes and "
            f"{len(test.steps)} scored steps; {TEST_REMEDY}"
        )
    queries = test.n_way * test.n_query
    if correct.dtype.kind not in WHOLE or correct.min() < 0 or correct.max() > queries:
        raise LeoBenchError(f"{path}: counts are not whole numbers from 0 to {queries}; {TEST_REMEDY}")
    fractions = correct / queries
    means = fractions.mean(0)
    error = 1.96 * float(fractions[:, -1].std(ddof=1)) / math.sqrt(len(fractions)) if len(fractions) > 1 else 0.0
    pairs: dict[str, tuple[Any, Any]] = {
        "accuracy": (test.accuracy, means[-1]),
        "accuracy_before": (test.accuracy_before, means[0]),
        "accuracy_ci95": (test.accuracy_ci95, error),
        **{f"accuracy_by_step[{i}]": pair for i, pair in enumerate(zip(test.accuracy_by_step, means, strict=True))},
    }
    for name, (said, found) in pairs.items():
        if abs(said - found) > 1e-9:
            raise LeoBenchError(f"{path}: {name} is {said:.6f}, but its counts give {found:.6f}; {TEST_REMEDY}")
    wrong = _wrong_characters(arrays, test)
    if wrong:
        raise LeoBenchError(f"{path}: {wrong}; {TEST_REMEDY}")


def _wrong_characters(arrays: Mapping[str, np.ndarray], test: TestResult) -> str:
    """Return the fault in the counts by character of a test, in words; empty if there is none, or no counts."""
    if BY_CHARACTER not in arrays:
        return ""
    if CHARACTERS not in arrays:
        return "counts by character without the names of the characters"
    counts, names = arrays[BY_CHARACTER], arrays[CHARACTERS]
    if counts.dtype.kind not in WHOLE or names.dtype.kind != "S" or names.ndim != 1:
        return f"counts by character of type {counts.dtype} for names of type {names.dtype}, {names.ndim} dimensions"
    if counts.shape != (len(names), 2) or not all(b"/" in character for character in names.tolist()):
        return f"counts by character of shape {counts.shape} do not fit {len(names)} names Alphabet/character"
    asked, correct = (int(total) for total in counts.sum(axis=0, dtype=np.int64))
    queries, right = test.n_test_episodes * test.n_way * test.n_query, int(arrays[CORRECT][:, -1].sum())
    if (asked, correct) != (queries, right) or (counts[:, 1] > counts[:, 0]).any() or (counts < 0).any():
        return f"counts by character have {correct} correct of {asked} queries, by episode {right} of {queries}"
    return ""


def is_held(folder: Path) -> bool:
    """Return True if a running process holds the lock of the run. Only reads, so that any user may ask.

    filelock locks with flock; the shared lock that is tried here is refused while another process holds that one.
    """
    try:
        file = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:  # no lock yet, or none that this user may look at
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(file)  # which gives the lock back
    return False


def settings_on_disk(folder: Path) -> dict[str, Any] | None:
    """Return settings.json of a run as a JSON value, perhaps without settings added since; None if unreadable."""
    try:
        values = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None
