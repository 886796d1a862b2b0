"""Reproduction: do a recorded run again with its seed and compare, bit for bit."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leo_bench.config import differing, make_settings, training_settings
from leo_bench.errors import LeoBenchError
from leo_bench.records import Record, Result, RunState, load_study, make_folder, run_state, shortened
from leo_bench.records.search import trial_runs
from leo_bench.running import provenance
from leo_bench.running.estimate import cost
from leo_bench.running.plan import planned_run
from leo_bench.running.worker import WORKER, worker_command, worker_environment

MEASURED = (
    "train_seconds",
    "eval_seconds",
    "adapt_ms",
    "peak_memory_mb",
    "numerics",  # reported separately
    "schema_version",
    "run_key",  # follows from settings and schema version, as test_key does
    "test_key",
    "started",
    "finished",
    "attempt",
    "commit",
    "host",
    "versions",
    "warnings",  # follow from the validation, which is compared
)
"""Fields of a record that may differ between two runs of the same settings."""


@dataclass(frozen=True)
class Comparison:
    """Comparison of a recorded run with the same run done now."""

    name: str
    differences: list[str]
    changed: str
    """Possible reasons for differences: changes of source, processor or versions; empty if none changed."""


def done_runs(folder: Path) -> list[RunState]:
    """Return the done runs of a study, or of the trials of a search."""
    if (folder / "search.json").exists():
        return [run for run in trial_runs(folder).values() if run.status == "done"]
    return load_study(folder).done


def cheapest(runs: Sequence[RunState], n: int) -> list[RunState]:
    """Return the n runs with the lowest estimated time. Runs without training come last."""
    return sorted(runs, key=lambda run: (run.planned.settings["n_train_episodes"] == 0, cost(run.planned.settings)))[:n]


def with_key(folders: Sequence[Path], key: str) -> tuple[Path, RunState]:
    """Return the first folder of a study or search that has the done run with this key, and the run.

    Raises LeoBenchError if there is none.
    """
    for folder in folders:
        for run in done_runs(folder):
            if run.planned.run_key == key:
                return folder, run
    names = ", ".join(str(folder) for folder in folders)
    raise LeoBenchError(
        f"no done run {key!r} in {names}; keys are in the column run_key of runs.csv and of analysis/trials.csv "
        "(for the run of a pruned trial use: leo-bench run --key)"
    )


def differences(recorded: RunState, again: RunState) -> list[str]:
    """Return the differences between two done runs, in words: weights, curves, validation, test scores, answers."""
    assert recorded.result is not None
    assert again.result is not None
    found = _changed("", recorded.result, again.result)
    for old, new in zip(recorded.tests, again.tests, strict=True):
        found += _changed(f"{old.asked.name} on {old.dataset}: ", old, new)
        where = f"{old.asked.name} on {old.dataset}"
        if not np.array_equal(recorded.correct(old), again.correct(new)):
            found.append(f"{where}: answers by episode differ")
        before, now = recorded.by_character(old), again.by_character(new)
        if before is not None and (now is None or not before.equals(now)):
            found.append(f"{where}: answers by character differ")
    return found


def _changed(where: str, old: Record, new: Record) -> list[str]:
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


def again(run: RunState, folder: Path, data: Path | None, worker: Sequence[str] = WORKER) -> Comparison:
    """Do a done run again in a subfolder of folder, and compare.

    The subfolder is emptied first, and removed if nothing differs. A record with another numerics digest is compared
    too, because not every change of source changes a number. Raises LeoBenchError if the new run fails.
    """
    assert run.result is not None
    result = run.result
    name = f"{run.planned.variant} seed {run.planned.seed} ({run.planned.run_key})"
    settings = make_settings(run.planned.settings, where=name)
    planned = planned_run(settings, run.planned.variant)
    target = folder / run.planned.run_key
    shutil.rmtree(target, ignore_errors=True)
    make_folder(target)
    command = worker_command(settings, target, data, worker)
    done = subprocess.run(command, env=worker_environment(settings), capture_output=True, text=True)
    if done.returncode:
        raise LeoBenchError(
            f"{name} could not be done again: "
            + (done.stderr.strip().splitlines() or ["no message"])[-1].removeprefix("error: ")
        )
    found = differences(run, run_state(planned, target))
    if not found:
        shutil.rmtree(target)
    return Comparison(name, found, _changed_since(result, planned.numerics))


def _changed_since(result: Result, numerics: str) -> str:
    """Return the changes since the record that can change bits: source, processor, versions."""
    here = {**provenance.versions(), "processor": provenance.host()["processor"], "source": numerics}
    there = {**result.versions, "processor": result.host.get("processor", "unknown"), "source": result.numerics}
    return ", ".join(
        f"{name} was {there.get(name, 'absent')}, is {value}"
        for name, value in here.items()
        if name in ("processor", "torch", "numpy", "source") and there.get(name) != value
    )
