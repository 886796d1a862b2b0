"""Reproduction: do a recorded run again with its seed and compare, bit for bit."""

import dataclasses
import shutil
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leo_bench.config import Settings, TestSettings, differing, make_settings, test_key, training_settings
from leo_bench.errors import LeoBenchError
from leo_bench.records import (
    RUN_KEY,
    TESTS,
    Record,
    Result,
    RunState,
    TestResult,
    load_study,
    make_folder,
    read_json,
    read_settings,
    read_test,
    read_test_record,
    read_training,
    run_state,
    shortened,
    store_of,
    tests_of,
)
from leo_bench.records.files import DIGEST
from leo_bench.records.search import read_search, trial_runs
from leo_bench.running.attempts import MAX_ATTEMPTS, last_line
from leo_bench.running.executor import Ended, Task
from leo_bench.running.plan import planned_run
from leo_bench.running.sources import Source

MEASURED = (
    "train_seconds",
    "update_seconds",
    "eval_seconds",
    "adapt_ms",
    "adapt_core_ms",
    "peak_memory_mb",
    "numerics",  # reported separately
    "schema_version",
    "run_key",  # follows from settings and schema version, as test_key does
    "test_key",
    "started",
    "finished",
    "attempt",
    "resumed_at",
    "commit",
    "host",
    "versions",
    "warnings",  # follow from the validation, which is compared
    "multiply_adds",  # follow from the settings; older source counted them otherwise
)
"""Fields of a record that may differ between two runs of the same settings."""


@dataclass(frozen=True)
class Comparison:
    """Comparison of a recorded run with the same run done now."""

    differences: list[str]
    changed: str
    """Possible reasons for differences: changes of source, processor or versions; empty if none changed."""
    accuracy: float
    """Accuracy of the headline test now, a fraction."""
    source: str = "this source"
    """Source that did it, in words."""


Steps = Generator[Task, Ended, Comparison]
"""Tasks to be done one after another. Each is answered with how it ended, and the comparison follows at the end."""


def runs_of(folder: Path) -> list[RunState]:
    """Return the runs of a study, or of the complete trials of a search."""
    if (folder / "search.json").exists():
        return list(trial_runs(folder, *read_search(folder)).values())
    return load_study(folder).runs


def done_runs(folder: Path) -> list[RunState]:
    """Return the done runs of a study, or of the trials of a search."""
    return [run for run in runs_of(folder) if run.status == "done"]


def sealed(run: RunState) -> bool:
    """Return True if the records of a done run, of its training and of all its tests, have a digest."""
    paths = [run.folder / "result.json", *(run.folder / TESTS / test.test_key / "result.json" for test in run.tests)]
    return all(path.exists() and DIGEST in read_json(path) for path in paths)


def with_key(folders: Sequence[Path], key: str, store: Path | None = None) -> tuple[Path, RunState]:
    """Return the done run with this key, with all its recorded tests, and the folder that has it.

    folders: studies and searches. store: store of the local runs, which may hold a run that no study names; it comes
    after the studies that share it, and before published ones. Raises LeoBenchError if there is no such run, or no
    test of it.
    """
    local = [folder for folder in folders if store_of(folder) == store]
    others = [folder for folder in folders if folder not in local]
    found = _in_studies(local, key) or _in_store(store, key) or _in_studies(others, key)
    if found:
        folder, run = found
        tests = [*run.tests, *_more_tests(run)]
        if not tests:
            raise LeoBenchError(
                f"run {key} is trained, but no test of it is on record, so that there is nothing to compare; "
                "run its study again to score it"
            )
        return folder, dataclasses.replace(run, tests=tests)
    names = ", ".join(str(folder) for folder in (*folders, *([store] if store else [])))
    raise LeoBenchError(
        f"no done run {key!r} in {names}; keys are in the column run_key of runs.csv and of analysis/trials.csv "
        "(for the run of a pruned trial use: leo-bench run --key)"
    )


def _in_studies(folders: Sequence[Path], key: str) -> tuple[Path, RunState] | None:
    """Return the first folder of a study or search that has the done run with this key, and the run."""
    for folder in folders:
        if not RUN_KEY.fullmatch(key) or not (store_of(folder) / key).is_dir():
            continue  # reading every run of a study takes long
        try:
            found = next((run for run in done_runs(folder) if run.planned.run_key == key), None)
        except LeoBenchError:  # a broken folder must not hide the others
            continue
        if found:
            return folder, found
    return None


def _in_store(store: Path | None, key: str) -> tuple[Path, RunState] | None:
    """Return the store and its trained run with this key, whichever source made it; None if it is not trained."""
    if store is None or not RUN_KEY.fullmatch(key) or not (store / key / "result.json").is_file():
        return None
    planned = planned_run(read_settings(store / key), "run").model_copy(update={"run_key": key})
    run = run_state(planned, store / key, accept_stale=True)
    if run.status == "corrupt":
        raise LeoBenchError(f"run {key} is corrupt: {run.message}")
    return store, run


def _more_tests(run: RunState) -> list[TestResult]:
    """Return the recorded tests of the weights of a run that its own list lacks, such as those of `score`."""
    assert run.result is not None
    known = {test.test_key for test in run.tests}
    planned = list(tests_of(run.planned))  # the headline test first
    paths = sorted(
        run.folder.glob(f"{TESTS}/*/result.json"),
        key=lambda path: (planned.index(path.parent.name) if path.parent.name in planned else len(planned), path),
    )
    asked = {path.parent.name: read_test_record(path).asked for path in paths if path.parent.name not in known}
    found = [read_test(run.folder, key, test, run.result) for key, test in asked.items()]
    return [test for test in found if test is not None]


def differences(recorded: RunState, again: RunState) -> list[str]:
    """Return the differences between two done runs, in words: weights, curves, validation, test scores, answers."""
    assert recorded.result is not None
    assert again.result is not None
    found = changed_fields("", recorded.result, again.result)
    for old, new in zip(recorded.tests, again.tests, strict=True):
        found += changed_fields(f"{old.asked.name} on {old.dataset}: ", old, new)
        where = f"{old.asked.name} on {old.dataset}"
        if not np.array_equal(recorded.correct(old), again.correct(new)):
            found.append(f"{where}: answers by episode differ")
        before, now = recorded.by_character(old), again.by_character(new)
        if before is not None and (now is None or not all(map(np.array_equal, before, now))):
            found.append(f"{where}: answers by character differ")
    return found


def changed_fields(where: str, old: Record, new: Record) -> list[str]:
    """Return the fields that differ between two records, in words.

    Fields in MEASURED are left out, and so are fields that the old record lacks.
    """
    before, now = (record.model_dump(exclude=set(MEASURED)) for record in (old, new))
    if isinstance(before.get("settings"), dict):
        before["settings"], now["settings"] = (
            differing(training_settings(values["settings"])) for values in (before, now)
        )
    names = [name for name in before if before[name] is not None and before[name] != now[name]]
    return [f"{where}{name}: recorded {shortened(before[name])}, now {shortened(now[name])}" for name in names]


def again(run: RunState, results: Path, folder: Path, data: Path | None, source: Source) -> Steps:
    """Do a done run and its listed tests again in a subfolder of folder, and compare.

    folder: below results. The subfolder is emptied first, and removed if nothing differs. A source with another
    numerics digest than that of the record is compared too, because not every change of source changes a number.
    Raises LeoBenchError if the new run fails.
    """
    assert run.result is not None
    name = f"{run.planned.variant} seed {run.planned.seed} ({run.planned.run_key})"
    settings = make_settings(run.planned.settings, where=name)
    planned = planned_run(settings, run.planned.variant) if source.root is None else run.planned
    planned = planned.model_copy(update={"numerics": source.numerics})
    target = folder / run.planned.run_key
    shutil.rmtree(target, ignore_errors=True)
    make_folder(target)
    yield from _done(source.task(settings, results, target, data), name)
    tests = {test_key(planned.run_key, test.asked): test.asked for test in run.tests}
    for key, asked in tests.items():
        if read_test(target, key, asked, read_training(target, planned)) is None:
            yield from _done(source.task(_with_test(settings, asked), results, target, data), name)
    new = _with_tests(run_state(planned, target), tests, name)
    found = differences(run, new)
    if not found:
        shutil.rmtree(target)
    assert new.result is not None
    changed = _changed_since(run.result, new.result, source.numerics)
    return Comparison(found, changed, new.headline.accuracy, source.name)


def _done(task: Task, name: str) -> Generator[Task, Ended, None]:
    """Have a task done, again if its node dies. Raises LeoBenchError if it fails. name: the run, in words."""
    for _ in range(MAX_ATTEMPTS):
        ended = yield task
        if not ended.lost:
            break
    if ended.code:
        raise LeoBenchError(f"{name} could not be done again: {ended.lost or last_line(task.log) or 'no message'}")


def _with_test(settings: Settings, asked: TestSettings) -> Settings:
    """Return the settings of a run with this test among its tests."""
    changed = {
        "test_split": asked.split,
        "n_test_episodes": asked.n_test_episodes,
        "test_n_ways": [asked.n_way],
        "test_k_shots": [asked.k_shot],
        "test_n_query": asked.n_query,
        "test_modes": [asked.episode_mode],
        "test_datasets": [asked.dataset],
        "test_dataset_ways": [asked.n_way],
        **asked.method_settings(),
        "test_mislabelled": asked.mislabelled or 0,
    }
    return make_settings({**settings.canonical(), **changed}, where=asked.name)


def _with_tests(run: RunState, tests: Mapping[str, TestSettings], name: str) -> RunState:
    """Return a trained run with the records of these tests. Raises LeoBenchError if one is missing."""
    assert run.result is not None
    found = []
    for key, asked in tests.items():
        test = read_test(run.folder, key, asked, run.result)
        if test is None:
            raise LeoBenchError(f"{name}: this source does not score the recorded test {asked.name} on {asked.dataset}")
        found.append(test)
    return dataclasses.replace(run, tests=found)


def _changed_since(old: Result, new: Result, numerics: str) -> str:
    """Return the changes between two records that can change bits: source, processor, its instructions, versions.

    numerics: digest of the source that made the new one. A record without the instructions may come from a processor
    of another generation with the same name, so that counts as a change.
    """
    there, here = ({"processor": "unknown", **one.versions, **one.host} for one in (old, new))
    there["source"], here["source"] = old.numerics, numerics
    changes = [
        f"{name} was {there.get(name, 'absent')}, is {here.get(name, 'absent')}"
        for name in ("processor", "torch", "numpy", "source")
        if here.get(name) != there.get(name)
    ]
    if here["processor"] == there["processor"] and here.get("instructions") != there.get("instructions"):
        before, now = (one.get("instructions", "not recorded") for one in (there, here))
        changes.insert(0, f"vector instructions of the processor were {before}, are {now}")
    return ", ".join(changes)
