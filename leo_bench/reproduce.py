"""Seed-fixed reproducibility: do a recorded run again and compare, bit for bit."""

import io
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leo_bench import provenance
from leo_bench.errors import LeoBenchError
from leo_bench.plan import cost
from leo_bench.records import Result, RunState, load_study, read_record, read_settings, write_settings
from leo_bench.study import WORKER, worker_environment
from leo_bench.trials import trial_runs

MEASURED = (
    "train_seconds",
    "eval_seconds",
    "adapt_ms",
    "peak_memory_mb",
    "started",
    "finished",
    "attempt",
    "commit",
    "host",
    "versions",
    "warnings",  # made from the validation, which is compared
)
"""Fields of a result that may differ between two runs of the same settings."""


@dataclass(frozen=True)
class Comparison:
    """A recorded run against the same run done now."""

    name: str
    differences: list[str]
    excuse: str
    """Why bits may differ: another processor, other versions; empty when nothing excuses it."""


def done_runs(folder: Path) -> list[RunState]:
    """The done runs of a study or of a search's trials."""
    if (folder / "search.json").exists():
        return [run for run in trial_runs(folder) if run.status == "done"]
    return load_study(folder).done


def cheapest(runs: Sequence[RunState], n: int) -> list[RunState]:
    """The n runs that are estimated to take least time, trained ones before those without training."""
    return sorted(runs, key=lambda run: (run.planned.settings["n_train_episodes"] == 0, cost(run.planned.settings)))[:n]


def with_key(folders: Sequence[Path], key: str) -> tuple[Path, RunState]:
    """The done run with this key and the first of the studies and searches that has it. Raises LeoBenchError where none
    has."""
    for folder in folders:
        for run in done_runs(folder):
            if run.planned.run_key == key:
                return folder, run
    names = ", ".join(str(folder) for folder in folders)
    raise LeoBenchError(
        f"no done run {key!r} in {names}; keys are in the run_key column of runs.csv, and of a "
        "search's analysis/trials.csv (a pruned trial's run is not done: leo-bench run --key does it)"
    )


def differences(recorded: Path, again: Path) -> list[str]:
    """What differs between two run folders, in words: weights, curves, validation, test scores, answers per episode."""
    old, new = (
        read_record(folder / "result.json", Result).model_dump(exclude=set(MEASURED)) for folder in (recorded, again)
    )
    recorded_then = [name for name in old if old[name] is not None]  # None: from before it was recorded
    found = [
        f"{name}: recorded {_short(old[name])}, now {_short(new[name])}"
        for name in recorded_then
        if old[name] != new[name]
    ]
    with (
        np.load(io.BytesIO((recorded / "episodes.npz").read_bytes())) as a,
        np.load(io.BytesIO((again / "episodes.npz").read_bytes())) as b,
    ):
        for name in a.files:
            if name not in b.files or not np.array_equal(a[name], b[name]):
                found.append(f"episodes.npz: {name} differs")
    return found


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."


def again(run: RunState, folder: Path, data: Path | None, worker: Sequence[str] = WORKER) -> Comparison:
    """Do a done run again under folder (emptied first; removed when nothing differs) and compare.

    Raises LeoBenchError when the record was made by source with another numerics digest, or when the new run fails.
    """
    assert run.result is not None
    result = run.result
    name = f"{run.planned.variant} seed {run.planned.seed} ({run.planned.run_key})"
    if result.numerics != provenance.numerics_digest():
        raise LeoBenchError(
            f"{name} was made by source with numerics digest {result.numerics}, "
            f"this is {provenance.numerics_digest()}; "
            f"check out commit {result.commit} to reproduce it"
        )
    target = folder / run.planned.run_key
    shutil.rmtree(target, ignore_errors=True)
    settings = read_settings(run.folder)
    write_settings(target, settings)
    command = [*worker, str(target), *(["--data", str(data)] if data else [])]
    done = subprocess.run(command, env=worker_environment(settings), capture_output=True, text=True)
    if done.returncode:
        raise LeoBenchError(
            f"{name} could not be done again: " + (done.stderr.strip().splitlines() or ["no message"])[-1]
        )
    found = differences(run.folder, target)
    if not found:
        shutil.rmtree(target)
    return Comparison(name, found, _excuse(result))


def _excuse(result: Result) -> str:
    """In what the recording machine differed from this one, of what can change bits."""
    here = {**provenance.versions(), "processor": provenance.host()["processor"]}
    there = {**result.versions, "processor": result.host.get("processor", "unknown")}
    return ", ".join(
        f"{name} was {there.get(name, 'absent')}, is {value}"
        for name, value in here.items()
        if name in ("processor", "torch", "numpy") and there.get(name) != value
    )
