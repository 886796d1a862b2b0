"""Runs made elsewhere, taken into the store: verified, and never in place of a result that differs."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from filelock import FileLock, Timeout

from leo_bench.config import Settings, TestSettings, make_settings
from leo_bench.errors import LeoBenchError
from leo_bench.records import (
    LOCK,
    LOCK_SECONDS,
    MEASURES,
    RUN_KEY,
    RUNS,
    TESTS,
    Measures,
    PlannedRun,
    Result,
    TestResult,
    attempts_of,
    copy_test,
    make_folder,
    read_arrays,
    read_measures,
    read_record,
    read_settings,
    read_test,
    read_test_record,
    read_training,
)
from leo_bench.records.state import settings_on_disk
from leo_bench.running.attempts import TRAINING_CHECKPOINT, set_aside, set_aside_test
from leo_bench.running.numerics import measures_numerics
from leo_bench.running.parcel import pack, refuse_links, unpack
from leo_bench.running.plan import planned_run
from leo_bench.running.reproduce import changed_fields

DIFFERING = "differing"
"""Folder in results/ for runs that differ from those of the store under the same keys."""

Outcome = Literal["taken", "same", "differs", "damaged", "held", "empty"]


@dataclass(frozen=True)
class Merged:
    """Outcome of merging one run."""

    run_key: str
    outcome: Outcome
    """taken: all of it, or tests, measures or weights that the store lacked. same: the store had it. differs: kept
    apart. damaged: left alone. held: a process is doing the run here. empty: it has no record to take."""
    message: str = ""
    """How it differs and where it is, or what is damaged."""


@dataclass(frozen=True)
class _Trained:
    """A trained run on disk, with records that have been checked."""

    folder: Path
    planned: PlannedRun
    result: Result
    tests: Mapping[str, TestResult]
    """Tests of these weights by their keys."""
    has_weights: bool

    @property
    def is_stale(self) -> bool:
        return self.result.numerics != self.planned.numerics


def run_folders(folder: Path) -> list[Path]:
    """Return the folders of runs in a results folder or a store, or the folder of a run itself.

    Raises LeoBenchError if there is none.
    """
    if RUN_KEY.fullmatch(folder.absolute().name) and folder.is_dir():
        return [folder.absolute()]
    if folder.absolute().name == TESTS and RUN_KEY.fullmatch(folder.absolute().parent.name):
        raise LeoBenchError(f"{folder.absolute()}/ holds the tests of a run; name {folder.absolute().parent}/")
    place = folder / RUNS if (folder / RUNS).is_dir() else folder
    found = sorted(path for path in place.iterdir() if RUN_KEY.fullmatch(path.name)) if place.is_dir() else []
    if not found:
        raise LeoBenchError(
            f"{folder.absolute()}/ holds no runs; name a results folder of another machine, its folder {RUNS}/, or the "
            "folder of one run"
        )
    return found


def merge_run(source: Path, store: Path) -> Merged:
    """Take a run made elsewhere into the store, after its records and weights have been checked.

    A run that the store has under the same key is completed by tests, measures and weights that it lacks, if both
    trainings are the same. A damaged test of the store, or damaged weights, count as lacking. If anything differs, the
    run is copied to results/differing/ and named, and the store stays as it is. A stale training of the store is set
    aside for one that this source has made, a damaged one for any. A run with a symbolic link counts as damaged.
    """
    key = source.name
    try:
        refuse_links(source)
        incoming = _trained(source, key)
        measures = read_measures(source, incoming.result) if incoming else None
    except LeoBenchError as error:
        return Merged(key, "damaged", str(error))
    if incoming is None and not _was_pruned(source):
        return Merged(key, "empty")
    target = store / key
    make_folder(target)
    try:
        with FileLock(target / LOCK).acquire(timeout=LOCK_SECONDS):
            return _merge(source, incoming, measures, target)
    except Timeout:
        return Merged(key, "held", "a process is doing this run here; merge again when it has ended")


def _merge(source: Path, incoming: _Trained | None, measures: Measures | None, target: Path) -> Merged:
    """Merge a run into its folder in the store, whose lock the caller holds. measures: those of the incoming run."""
    key = target.name
    try:
        here = _trained(target, key, leave_out_damaged=True)
    except LeoBenchError:
        here = None
    if incoming is None:
        if here is not None or attempts_of(target):
            return Merged(key, "same")
        return _take(source, target, measures, {})
    if here is None or (here.is_stale and not incoming.is_stale):
        return _take(source, target, measures, incoming.tests)
    own = _own_measures(target, here.result)
    differences = _differences(here, incoming) or _different_measures(own, measures)
    if differences:
        return Merged(key, "differs", f"{differences[0]}; it is kept in {_keep_apart(incoming, target)}/")
    tests = {key: test for key, test in incoming.tests.items() if key not in here.tests}
    lacking = [source / TESTS / test for test in tests]
    if not here.has_weights:
        lacking.append(source / "checkpoint.safetensors")
    if measures is not None and (own is None or _is_newer(measures, own)):
        lacking.append(source / MEASURES)
    if settings_on_disk(target) is None:
        lacking.append(source / "settings.json")
    parcel = pack(source, lacking)
    for test in tests:
        set_aside_test(target, test)  # a damaged one, or one of other weights
    unpack(parcel, target)
    _write_whole(source, target, tests)
    return Merged(key, "taken" if parcel.files else "same")


def _write_whole(source: Path, target: Path, tests: Mapping[str, TestResult]) -> None:
    """Write copied tests again, with what the tests of a published run leave out."""
    for test in tests.values():
        copy_test(source, target, test)


def _take(source: Path, target: Path, measures: Measures | None, tests: Mapping[str, TestResult]) -> Merged:
    """Copy a run, after what the store has of it is set aside. measures: those of its weights.

    Attempts that the store has keep their folders, those of the other machine only fill gaps. The state of a training
    that has not ended is not copied, because a taken run has ended, nor are measures of other weights.
    """
    left = {TRAINING_CHECKPOINT, *(path.name for path in attempts_of(target)), *([] if measures else [MEASURES])}
    set_aside(target)
    parts = [path for path in source.iterdir() if path.name not in left]
    unpack(pack(source, parts), target)
    _write_whole(source, target, tests)
    return Merged(target.name, "taken")


def _own_measures(folder: Path, trained: Result) -> Measures | None:
    """Return the measures of a run of the store; None if it has none, or damaged ones."""
    try:
        return read_measures(folder, trained)
    except LeoBenchError:
        return None


def _is_newer(measures: Measures, own: Measures) -> bool:
    """Return True if this source made the measures and another one made those of the store."""
    return measures.numerics != own.numerics and measures.numerics == measures_numerics()


def _made_by(measures: Measures) -> tuple[Any, ...]:
    """Return what two measures of the same weights must share to be equal."""
    loop = (measures.inner_steps, measures.inner_lr, measures.inner_temperature, measures.support_copies)
    return (measures.numerics, *loop)


def _different_measures(here: Measures | None, incoming: Measures | None) -> list[str]:
    """Return how two measures differ that must be equal, in words."""
    if here is None or incoming is None or _made_by(here) != _made_by(incoming):
        return []
    names = [name for name in here.measures if here.measures[name] != incoming.measures.get(name)]
    return [f"measure {name} differs" for name in [*names, *sorted(incoming.measures.keys() - here.measures.keys())]]


def _trained(folder: Path, key: str, leave_out_damaged: bool = False) -> _Trained | None:
    """Return the run in a folder, None if it is not trained.

    leave_out_damaged: leave out damaged tests, weights and settings.json. Raises LeoBenchError if a record or the
    weights are damaged, or of another run.
    """
    if not (folder / "result.json").exists():
        return None
    settings = _settings_of_record(folder) if leave_out_damaged else read_settings(folder)
    planned = planned_run(settings, "run")
    if planned.run_key != key:
        raise LeoBenchError(f"{folder}/settings.json has the key {planned.run_key}; the folder of a run has its key")
    result = read_training(folder, planned)
    harmless = (LeoBenchError,) if leave_out_damaged else ()
    tests, has_weights = {}, False
    for path in sorted(folder.glob(f"{TESTS}/*/result.json")):
        with suppress(*harmless):
            asked: TestSettings = read_test_record(path).asked
            test = read_test(folder, path.parent.name, asked, result, accept_stale=True)
            if test is not None:
                tests[path.parent.name] = test
    if (folder / "checkpoint.safetensors").exists():
        from leo_bench.running.checkpoint import load_weights

        with suppress(*harmless):
            load_weights(folder, result.weights_digest)
            has_weights = True
    return _Trained(folder, planned, result, tests, has_weights)


def _settings_of_record(folder: Path) -> Settings:
    """Return the settings of a run in its record, whether or not its settings.json can be read."""
    return make_settings(read_record(folder / "result.json", Result).settings, where=f"{folder}/result.json")


def _was_pruned(folder: Path) -> bool:
    """Return True if a search has pruned the run, which leaves a learning curve and no training."""
    return any((attempt / "pruned.json").exists() for attempt in attempts_of(folder))


def _differences(here: _Trained, incoming: _Trained) -> list[str]:
    """Return how two runs of one key differ, in words; what is measured, such as times, may differ."""
    if here.result.numerics != incoming.result.numerics:
        return [f"other source made it (numerics digest {incoming.result.numerics}, here {here.result.numerics})"]
    found = changed_fields("", here.result, incoming.result)
    for key in sorted(here.tests.keys() & incoming.tests.keys()):
        old, new = here.tests[key], incoming.tests[key]
        name = f"{old.asked.name} on {old.dataset}"
        found += changed_fields(f"{name}: ", old, new)
        arrays = [read_arrays(*one) for one in ((here.folder, old), (incoming.folder, new))]
        if any(not np.array_equal(arrays[0][part], arrays[1][part]) for part in arrays[0].keys() & arrays[1].keys()):
            found.append(f"{name}: answers differ")
    return found


def _keep_apart(incoming: _Trained, target: Path) -> Path:
    """Copy a run beside the store, under its key and a digest of its files. Returns the folder."""
    parcel = pack(incoming.folder, [incoming.folder])
    folder = target.parents[1] / DIFFERING / f"{target.name}-{parcel.digest[:8]}"
    unpack(parcel, folder)
    _write_whole(incoming.folder, folder, incoming.tests)
    return folder
