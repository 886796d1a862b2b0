"""Files of a test: whole in the store; a published one leaves out what its run or tests of the same episodes have."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from leo_bench.errors import LeoBenchError
from leo_bench.records.arrays import read_arrays, write_arrays, write_published_arrays
from leo_bench.records.files import DIGEST, check_digest, file_state, read_json, validated, write_fields
from leo_bench.records.schema import TESTS, TestResult

RECORD = "result.json"
"""Name of the record of a run, and of that of a test."""
OF_THE_RUN = (
    "run_key", "batch_norm", "weights_digest", "numerics", "commit", "attempt", "data_digest", "host", "versions",
)  # fmt: skip
"""Fields of a test that its run mostly has too. A published test has those that differ."""
TELLING = ("weights_digest", "numerics")
"""Those of them that tell a test of other weights, or by other source, from one of the run. A test without a digest of
its own, which would tell it too, keeps them."""
OFTEN_NULL = (
    "inner_steps", "inner_lr", "head", "inner_temperature", "support_copies", "head_c", "mislabelled", "adaptation",
    "adapt_ms",
)  # fmt: skip
"""Fields of a test that are null in most. A published test has those that are not. A record that lacks one of them is
published whole."""


def read_test_fields(path: Path) -> Any:
    """Return the record of a test as a JSON value, whole: what it leaves out is null, or in the record of its run.

    path: result.json of the test. Raises LeoBenchError if a record is missing, not JSON or, of the run, changed.
    """
    fields = read_json(path)
    if not isinstance(fields, dict) or fields.keys() >= set(OF_THE_RUN):
        return fields
    folder = path.absolute().parents[2]
    if not (folder / RECORD).is_file():
        raise LeoBenchError(
            f"{path} leaves out what the record of its run has, but {folder / RECORD} is missing; "
            "read a test in the folder of its run"
        )
    run = _fields_of_run(folder)
    whole = {**dict.fromkeys(OFTEN_NULL), **{name: run[name] for name in OF_THE_RUN if name in run}, **fields}
    return {name: whole.pop(name) for name in TestResult.model_fields if name in whole} | whole


def read_test_record(path: Path) -> TestResult:
    """Return the record of a test. Raises LeoBenchError that names the file and the fault."""
    fields = read_test_fields(path)
    test = validated(path, fields, TestResult)
    check_digest(path, fields)
    return test


def copy_test(run: Path, target: Path, test: TestResult) -> None:
    """Copy a test of the run in the folder run to the folder target, whole, its record last."""
    write_arrays(target, test, read_arrays(run, test))
    write_fields(_record_of(target, test), read_test_fields(_record_of(run, test)))


def publish_test(run: Path, target: Path, test: TestResult) -> None:
    """Copy a test of the run in the folder run to the published run in the folder target, its record last."""
    write_published_arrays(target, test, read_arrays(run, test))
    write_fields(_record_of(target, test), _shortened(read_test_fields(_record_of(run, test)), _fields_of_run(run)))


def complete_tests(run: Path) -> None:
    """Write out the tests of a run whole, before the record of the run changes. Damaged ones stay as they are, and so
    do all if the record of the run is damaged: a new one completes them if they are of its weights, and else their
    digests, or the fields that they keep, tell that they are not.
    """
    for path in run.glob(f"{TESTS}/*/{RECORD}"):
        try:
            read_test_record(path)
        except LeoBenchError:
            continue
        write_fields(path, read_test_fields(path))


def _shortened(fields: Mapping[str, Any], run: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields of a whole test without those that read_test_fields can put back."""
    if not fields.keys() >= set(OFTEN_NULL):
        return fields
    shared = [name for name in OF_THE_RUN if name in run and (DIGEST in fields or name not in TELLING)]
    as_in_run = {name for name in shared if fields[name] == run[name]}
    null = {name for name in OFTEN_NULL if fields[name] is None}
    return {name: value for name, value in fields.items() if name not in as_in_run | null}


def _record_of(run: Path, test: TestResult) -> Path:
    return run / TESTS / test.test_key / RECORD


def _fields_of_run(folder: Path) -> Mapping[str, Any]:
    """Return the record of a run as JSON values. It is read once for all its tests, and again if it has changed."""
    path = folder / RECORD
    return _checked_once(path, file_state(path))


@lru_cache(maxsize=64)
def _checked_once(path: Path, _state: tuple[int, ...]) -> Mapping[str, Any]:
    fields = read_json(path)
    check_digest(path, fields)
    return fields if isinstance(fields, dict) else {}
