"""Copies of done runs between the store and the published results."""

from collections.abc import Callable
from pathlib import Path

from leo_bench.errors import LeoBenchError
from leo_bench.records import (
    MEASURES,
    Result,
    RunState,
    TestResult,
    complete_tests,
    copy_settings,
    read_json,
    read_measures,
    write_atomic,
)
from leo_bench.records.files import as_text

CopyTest = Callable[[Path, Path, TestResult], None]
"""Function that copies a test of the run in one folder to another: into the store, or into the published results."""


def copy_run(run: RunState, target: Path, copy: CopyTest) -> None:
    """Copy a done run with its tests and measures, its own record last; in place of a record that differs also first,
    since published tests leave out what it has.

    Logs and Sacred's files are not copied, because they hold paths.
    """
    assert run.result is not None
    record, place = as_text(read_json(run.folder / "result.json")), target / "result.json"
    copy_settings(run.folder, target)
    if place.exists() and place.read_bytes() != record:
        complete_tests(target)  # other studies may have tests of this run
        write_atomic(place, record)  # before tests that leave out what it has
    for test in run.tests:
        copy(run.folder, target, test)
    copy_measures(run.folder, target, run.result)
    write_atomic(place, record)


def copy_measures(run: Path, target: Path, trained: Result) -> None:
    """Copy the measures of a run, if it has any. Measures of other weights are removed from the target.

    Raises LeoBenchError if the measures of the run are damaged.
    """
    if read_measures(run, trained) is not None:
        write_atomic(target / MEASURES, (run / MEASURES).read_bytes())
    elif (target / MEASURES).exists() and not measures_fit(target, trained):
        (target / MEASURES).unlink()


def measures_fit(folder: Path, trained: Result) -> bool:
    """Return True if the measures in folder are readable and of these weights."""
    try:
        return read_measures(folder, trained) is not None
    except LeoBenchError:
        return False
