"""Publishing a search: a copy of its trials, its analysis and their runs in results/official/."""

import shutil
from pathlib import Path

from leo_bench.errors import LeoBenchError
from leo_bench.records import (
    RUNS,
    attempts_of,
    copy_settings,
    folder_name,
    publish_test,
    read_record,
    without_paths,
    write_atomic,
    write_record,
)
from leo_bench.records.search import Trials, read_search, trial_runs
from leo_bench.running.copy_run import copy_run
from leo_bench.running.shared_runs import refuse_to_change_others, remove_unused


def publish_search(results: Path, name: str, profile: str, partial: bool, replace: bool = False) -> Path:
    """Copy a search, its analysis and the runs of its trials to results/official/. Returns its folder there.

    The database is not copied, because it can be rebuilt from these files. Raises LeoBenchError if the search is not
    finished, unless partial is True, or if other source made its records. Raises it too if fewer trials would be
    published than before, or if another published study or search would become stale, unless replace is True.
    """
    folder = results / folder_name(name, profile, "search")
    plan, trials = read_search(folder)
    ended = sum(trial.counts for trial in trials.trials)
    finished = ended >= plan.n_trials and (folder / "best.json").exists()
    if not ended or not (finished or partial):
        raise LeoBenchError(
            f"search {folder.name} is not finished ({ended} of {plan.n_trials} trials have ended); "
            "finish it, or publish the ended trials with --partial"
        )
    runs = trial_runs(folder, plan, trials)
    others = [run for run in runs.values() if run.status != "done"]
    if others:
        raise LeoBenchError(f"{others[0].planned.variant} is {others[0].status}: {others[0].message}")
    target = results / "official" / folder.name
    if not replace:
        refuse_to_change_others(results / "official", folder.name, list(runs.values()))
        _refuse_fewer_trials(target, ended)
    shutil.rmtree(target / RUNS, ignore_errors=True)
    shown = [trial.model_copy(update={"message": without_paths(trial.message, results)}) for trial in trials.trials]
    write_record(target / "trials.json", trials.model_copy(update={"trials": shown}))
    if not finished:
        (target / "best.json").unlink(missing_ok=True)  # that of other trials
    for file in ("search.json", *(["best.json"] if finished else [])):
        write_atomic(target / file, (folder / file).read_bytes())
    shutil.rmtree(target / "analysis", ignore_errors=True)
    for table in sorted((folder / "analysis").glob("*.csv")):
        write_atomic(
            target / "analysis" / table.name, without_paths(table.read_text(encoding="utf-8"), results).encode()
        )
    for trial in trials.trials:
        if trial.run_key and trial.state in ("complete", "pruned"):
            found = runs.get(trial.number)
            goal = target.parent / RUNS / trial.run_key
            if found is not None:
                copy_run(found, goal, publish_test)
            else:
                _publish_pruned(results / RUNS / trial.run_key, goal)
    remove_unused(target.parent)
    return target


def _refuse_fewer_trials(target: Path, n_ended: int) -> None:
    """Raise LeoBenchError if a published search has more trials that have ended."""
    if (target / "trials.json").exists():
        before = sum(trial.counts for trial in read_record(target / "trials.json", Trials).trials)
        if n_ended < before:
            raise LeoBenchError(
                f"{target} has {before} ended trials, but only {n_ended} would remain; do the other trials too before "
                "you publish, or drop them with --replace"
            )


def _publish_pruned(run: Path, target: Path) -> None:
    """Copy the settings and the learning curve of a pruned trial, unless the run is published as done."""
    if (target / "result.json").exists():
        return
    copy_settings(run, target)
    for attempt in attempts_of(run):
        if (attempt / "pruned.json").exists():
            write_atomic(target / "pruned.json", (attempt / "pruned.json").read_bytes())
