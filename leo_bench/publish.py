"""Published studies: done runs copied from the local store to results/official/, where they are committed, and back."""

import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from leo_bench.errors import LeoBenchError
from leo_bench.plan import merge_plan
from leo_bench.records import (
    RUNS,
    Plan,
    attempts_of,
    load_study,
    make_folder,
    run_state,
    without_paths,
    write_atomic,
    write_record,
    write_tables,
)
from leo_bench.study import set_aside
from leo_bench.trials import read_search, trial_runs

PUBLISHED = ("settings.json", "result.json", "episodes.npz")
"""What is published of a run. Logs and Sacred's records stay behind: they hold host names and paths."""


def publish(results: Path, name: str, profile: str, partial: bool) -> Path:
    """Copy a study's done runs and plan to results/official/. Raises LeoBenchError when runs are missing (unless
    partial).

    It can be repeated as runs arrive. Runs published before stay, though the local store may not have them, unless they
    were made by other source or the plan now gives their variant and seed other settings.
    """
    folder = results / f"{name}-{profile}"
    view = load_study(folder)
    waiting = [run for run in view.runs if run.status != "done"]
    if not view.done:
        raise LeoBenchError(f"study {name}-{profile} has no done run to publish; run it first")
    if waiting and not partial:
        first = waiting[0]
        raise LeoBenchError(
            f"{len(waiting)} of {len(view.runs)} runs are not done (first: {first.planned.variant} "
            f"seed {first.planned.seed}, {first.status}); "
            "finish the study, or publish what there is with --partial"
        )
    digests = {run.result.numerics for run in view.done if run.result}
    if len(digests) > 1:
        raise LeoBenchError(
            f"runs of {len(digests)} numerics digests ({', '.join(sorted(digests))}) "
            "cannot be published as one study; redo the stale ones"
        )
    target = results / "official" / folder.name
    numerics = digests.pop()
    plan = view.plan.model_copy(update={"numerics": numerics, "accept_stale": False})
    if (target / "study.json").exists():
        published = load_study(target)
        if published.plan.numerics == numerics:
            plan = merge_plan(published.plan, plan, {run.planned.run_key for run in published.done})
    write_record(target / "study.json", plan)
    planned = {run.run_key for run in plan.runs}
    for old in (target / RUNS).glob("*"):
        if old.name not in planned:
            shutil.rmtree(old)
    for run in view.done:
        for file in PUBLISHED:
            write_atomic(target / RUNS / run.planned.run_key / file, _published(run.folder / file))
    write_tables(load_study(target))
    return target


def publish_search(results: Path, name: str, profile: str, partial: bool) -> Path:
    """Copy a search, its analysis and its trials' runs to results/official/; not the database, which can be made again
    from them. Raises LeoBenchError when the search is not finished (unless partial), or its records are of other
    source."""
    folder = results / f"{name}-{profile}"
    plan, trials = read_search(folder)
    ended = sum(trial.counts for trial in trials.trials)
    finished = ended >= plan.n_trials and (folder / "best.json").exists()
    if not ended or not (finished or partial):
        raise LeoBenchError(
            f"search {folder.name} is not finished ({ended} of {plan.n_trials} trials have ended); "
            "finish it, or publish what there is with --partial"
        )
    others = [run for run in trial_runs(folder) if run.status != "done"]
    if others:
        raise LeoBenchError(f"{others[0].planned.variant} is {others[0].status}: {others[0].message}")
    target = results / "official" / folder.name
    shutil.rmtree(target / RUNS, ignore_errors=True)
    shown = [trial.model_copy(update={"message": without_paths(trial.message, results)}) for trial in trials.trials]
    write_record(target / "trials.json", trials.model_copy(update={"trials": shown}))
    for file in ("search.json", *(["best.json"] if finished else [])):
        write_atomic(target / file, (folder / file).read_bytes())
    for table in sorted((folder / "analysis").glob("*.csv")):
        write_atomic(target / "analysis" / table.name, without_paths(table.read_text(), results).encode())
    for trial in trials.trials:
        if trial.run_key and trial.state in ("complete", "pruned"):
            _publish_trial(results / RUNS / trial.run_key, target / RUNS / trial.run_key)
    return target


def _publish_trial(run: Path, target: Path) -> None:
    """A complete trial's files; of a pruned one its settings and what it had shown."""
    if (run / "result.json").exists():
        for file in PUBLISHED:
            write_atomic(target / file, _published(run / file))
        return
    write_atomic(target / "settings.json", (run / "settings.json").read_bytes())
    for attempt in attempts_of(run):
        if (attempt / "pruned.json").exists():
            write_atomic(target / "pruned.json", (attempt / "pruned.json").read_bytes())


def _published(path: Path) -> bytes:
    """A file as it is published: the same arrays, column after column, in an archive that is a quarter smaller (LZMA);
    other files as they are."""
    if path.suffix != ".npz":
        return path.read_bytes()
    smaller = io.BytesIO()
    with np.load(path) as old, zipfile.ZipFile(smaller, "w", zipfile.ZIP_LZMA) as new:
        for name in old.files:
            array = io.BytesIO()
            np.save(array, np.asfortranarray(old[name]))
            new.writestr(zipfile.ZipInfo(f"{name}.npy"), array.getvalue(), zipfile.ZIP_LZMA)
    return smaller.getvalue()


def take_published(results: Path, plan: Plan) -> int:
    """Put published runs of the plan, made by this very source, into the store, so that they count as done.

    Returns how many were taken. The records say on which machine they were made.
    """
    taken = 0
    for run in plan.runs:
        here = results / RUNS / run.run_key
        if run_state(run, here, plan.numerics).status == "done":
            continue
        for folder in sorted(results.glob(f"official/*/{RUNS}/{run.run_key}")):
            if run_state(run, folder, plan.numerics).status == "done" and _copy(folder, here):
                taken += 1
                break
    return taken


def _copy(published: Path, here: Path) -> bool:
    """Copy a published run over whatever is here. Returns False when a process is doing the run just now."""
    make_folder(here)
    try:
        with FileLock(here / ".lock").acquire(timeout=2):
            if (here / "result.json").exists():
                set_aside(here)
            for file in sorted(PUBLISHED, key=lambda name: name == "result.json"):  # which makes it done: last
                write_atomic(here / file, (published / file).read_bytes())
    except Timeout:
        return False
    return True
