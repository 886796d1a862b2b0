"""Execution of one run: training, unless it is recorded, and the tests that are missing. The only module with Sacred.

Sacred only records each attempt (settings, host, metrics, outcome) in the folder of the attempt. A training or a test
is done when its own result.json is written. One process does one run and holds the lock of the run meanwhile.
"""

import logging
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from leo_bench.config import Settings, TestSettings
from leo_bench.data.bank import ImageBank
from leo_bench.errors import LeoBenchError
from leo_bench.records import (
    LOCK,
    LOCK_SECONDS,
    TESTS,
    PlannedRun,
    Result,
    RunState,
    make_folder,
    read_test,
    read_test_record,
    read_training,
    run_state,
    tests_of,
    write_record,
    write_settings,
)
from leo_bench.running.attempts import Attempt, new_attempt, set_aside, set_aside_test
from leo_bench.running.checkpoint import CHECKPOINT, load_weights, save_weights
from leo_bench.running.plan import planned_run
from leo_bench.running.process import host, is_lack_of_memory, prepare
from leo_bench.running.recorded_model import check_data
from leo_bench.running.test_run import episodes_of, score_tests
from leo_bench.running.training_checkpoint import TrainingCheckpoint, identity
from leo_bench.running.training_run import RunPruned, Watch, load_bank, train_run
from leo_bench.training.troubleshooting import out_of_memory

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # sacred imports pkg_resources, which says that it is deprecated
    from sacred import Experiment
    from sacred.observers import FileStorageObserver

log = logging.getLogger("leo_bench")
_silent = logging.getLogger("sacred.leo_bench")
_silent.setLevel(logging.CRITICAL + 1)


class _Observer(FileStorageObserver):
    """Writes Sacred's files of an attempt, without the name of the machine."""

    def started_event(self, **event: Any) -> Any:  # type: ignore[override]  # Sacred passes all by name
        host_info = {name: value for name, value in event.pop("host_info").items() if name != "hostname"}
        return super().started_event(host_info=host_info, **event)


class RunHeld(LeoBenchError):
    """Error: another process does this run."""


class OutOfMemory(LeoBenchError):
    """Error: a run needed more memory than there is."""


@dataclass(frozen=True)
class _Job:
    """Request for one attempt: the run, its settings and data."""

    folder: Path
    planned: PlannedRun
    settings: Settings
    data: Path | None
    watch: Watch | None
    accept_stale: bool


def execute(
    folder: Path,
    settings: Settings,
    data: Path | None = None,
    watch: Watch | None = None,
    accept_stale: bool = False,
) -> RunState:
    """Do the training and the tests that the run in folder lacks. Returns the state of the done run.

    A training that was stopped goes on from its training checkpoint, if that is there, to the same bits. A trained run
    is trained again only if a test is missing and its weights are gone; a message says so. A stale or
    damaged training is set aside with its tests, a damaged test alone. accept_stale: count a stale training as trained,
    and score it with the weights that are there. status.json records how the attempt ended.
    Raises RunHeld if another process does the run, LeoBenchError if data or settings do not fit or training diverges,
    and RunPruned if watch raises it.
    """
    make_folder(folder)
    planned = planned_run(settings, "run")
    try:
        with FileLock(folder / LOCK).acquire(timeout=LOCK_SECONDS):
            state = run_state(planned, folder, accept_stale)
            if state.status == "done":
                return state
            if state.must_retrain:
                set_aside(folder)
            _attempt(_Job(folder, planned, settings, data, watch, accept_stale))
            return run_state(planned, folder, accept_stale)
    except Timeout:
        raise RunHeld(f"another process does run {settings.run_key}; wait for it, or stop it") from None


def check_tests(settings: Settings, data: Path | None) -> None:
    """Raise LeoBenchError if the data at hand is missing or too small for a test that settings ask for."""
    for dataset, tests in _by_dataset(tests_of(planned_run(settings, "run"))).items():
        bank = load_bank(dataset, settings.image_size, data, torch.device("cpu"))
        for test in tests.values():
            episodes_of(test, bank, settings)


def _attempt(job: _Job) -> None:
    if not (job.folder / "result.json").exists():
        write_settings(job.folder, job.settings)
    attempt = new_attempt(job.folder, job.planned.numerics)
    handler = logging.FileHandler(attempt.folder / "log.txt")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(format="%(message)s")  # lines of the log go to the terminal too
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        _recorded(job, attempt)
    except (KeyboardInterrupt, SystemExit):
        log.warning("interrupted")
        attempt.end("interrupted", "stopped by the user")
        raise
    except RunPruned as reason:
        log.info("pruned: %s", reason)
        attempt.end("pruned", str(reason))
        raise
    except LeoBenchError as error:
        log.error("%s", error)
        attempt.end("failed", str(error))
        raise
    except BaseException as error:
        log.exception("failed")
        words = out_of_memory(job.settings) if is_lack_of_memory(error) else ""
        attempt.end("failed", words or _one_line(error))
        if words:
            raise OutOfMemory(words) from error
        raise
    finally:
        log.removeHandler(handler)
        handler.close()
    attempt.end("done", "")


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]


def _recorded(job: _Job, attempt: Attempt) -> None:
    """Do the attempt inside its own Sacred experiment."""
    experiment = Experiment("leo_bench", save_git_info=False, interactive=True)
    experiment.add_config(job.settings.canonical())
    experiment.logger = _silent  # type: ignore[assignment]  # our own lines and one line of error say the same
    experiment.observers.append(_Observer(attempt.folder / "sacred", copy_sources=False))
    pruned = []

    @experiment.main
    def main(_run: Any) -> float | None:
        try:
            return train_and_test(job, attempt, _run)
        except RunPruned as reason:  # Sacred must not record a pruned run as failed
            pruned.append(reason)
            return None

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # sacred's utcnow
        experiment.run(options={"--capture": "no", "--id": "run"})
    if pruned:
        raise pruned[0]


def train_and_test(job: _Job, attempt: Attempt, recorder: Any) -> float | None:
    """Train if training or checkpoint is missing, score the missing tests, and write all records.

    Returns the accuracy of the headline test, or None if it was recorded before.
    """
    folder, planned, settings = job.folder, job.planned, job.settings
    device = prepare(settings)
    attempt.computes_on(host(device))
    bank = load_bank(settings.dataset, settings.image_size, job.data, device)
    trained = read_training(folder, planned) if (folder / "result.json").exists() else None
    lacking = {
        key: test
        for key, test in tests_of(planned).items()
        if trained is None or not _is_scored(job, key, test, trained)
    }
    if trained is not None and any(test.dataset == settings.dataset for test in lacking.values()):
        check_data(bank, trained)
    for test in lacking.values():  # before training, so that a test without enough data fails at once
        if test.dataset == settings.dataset:
            episodes_of(test, bank, settings)
    recorded = {} if trained is None else _recorded_tests(folder, trained)
    result, weights = _trained(job, attempt, bank, recorder, trained)
    if trained is not None and result.weights_digest != trained.weights_digest:
        lacking = {**tests_of(planned), **recorded}
    headline, first = None, next(iter(tests_of(planned)))
    for dataset, tests in _by_dataset(lacking).items():
        own = bank if dataset == settings.dataset else load_bank(dataset, settings.image_size, job.data, device)
        for record in score_tests(folder, settings, planned.numerics, weights, tests, own, attempt.number):
            recorder.log_scalar(f"{record.asked.name} on {record.dataset}: accuracy", record.accuracy)
            headline = record.accuracy if record.test_key == first else headline
    return headline


def _is_scored(job: _Job, key: str, test: TestSettings, trained: Result) -> bool:
    """Return True if the test has a record of these weights. A damaged record is set aside."""
    try:
        return read_test(job.folder, key, test, trained, job.accept_stale) is not None
    except LeoBenchError as error:
        log.warning("a test is set aside and scored again: %s", error)
        set_aside_test(job.folder, key)
        return False


def _recorded_tests(folder: Path, trained: Result) -> dict[str, TestSettings]:
    """Return the tests that have a record of these weights, by their keys. Damaged records are left out."""
    found = {}
    for path in sorted(folder.glob(f"{TESTS}/*/result.json")):
        try:
            test = read_test_record(path)
        except LeoBenchError:
            continue
        if test.weights_digest == trained.weights_digest:
            found[test.test_key] = test.asked
    return found


def _by_dataset(tests: dict[str, TestSettings]) -> dict[str, dict[str, TestSettings]]:
    found: dict[str, dict[str, TestSettings]] = {}
    for key, test in tests.items():
        found.setdefault(test.dataset, {})[key] = test
    return found


def _trained(
    job: _Job, attempt: Attempt, bank: ImageBank, recorder: Any, known: Result | None
) -> tuple[Result, dict[str, torch.Tensor]]:
    """Return record and weights of the training: from disk if both are there, else train and write them."""
    folder, settings = job.folder, job.settings
    if known is not None and (not known.n_parameters or (folder / CHECKPOINT).exists()):
        return known, load_weights(folder, known.weights_digest)
    if known is not None:
        check_data(bank, known)
        words = f"the checkpoint of run {settings.run_key} is missing: training it again, to score the missing tests"
        log.warning("%s", words)
        print(words, file=sys.stderr)
    owner = identity(settings.run_key, job.planned.numerics, bank.digest, host(torch.device(settings.device)))
    checkpoint = TrainingCheckpoint(folder, owner)
    result, weights = train_run(settings, bank, attempt, recorder, job.planned.numerics, checkpoint, job.watch)
    if known is not None and result.weights_digest == known.weights_digest:
        log.info("the weights equal those recorded, bit for bit")
        result = known
    elif known is not None:
        log.warning("the weights differ from those recorded: the old run is set aside and every test scored again")
        set_aside(folder)
    save_weights(folder, weights)
    write_record(folder / "result.json", result)
    checkpoint.remove()
    return result, weights
