"""One trial, in a process of its own: propose settings, do their run (or find it done), report its values.

The run is done in this very process: after each validation the pruner is asked, and it sees what is recorded.
"""

import argparse
import os
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import optuna

from leo_bench.config import Settings
from leo_bench.errors import LeoBenchError
from leo_bench.records import RUNS, RunState, read_record, run_state
from leo_bench.records.search import SearchPlan
from leo_bench.running.child_processes import PYTHON, exit_code
from leo_bench.running.experiment import OutOfMemory, RunHeld, execute
from leo_bench.running.plan import planned_run
from leo_bench.running.training_run import RunPruned, Watch
from leo_bench.search.budget import BudgetUsedUp, reserve_trials
from leo_bench.search.file import settings_of
from leo_bench.search.space import suggest
from leo_bench.search.storage import DATABASE_ERRORS, in_one_line, open_storage
from leo_bench.search.study import open_study
from leo_bench.search.trial_states import queue_again
from leo_bench.training.outer_loop import TrainingDiverged

WORKER = (*PYTHON, "leo_bench.search.worker")
URL, HEARTBEAT, GRACE = "LEO_BENCH_STORAGE", "LEO_BENCH_HEARTBEAT", "LEO_BENCH_GRACE"
"""Environment variables of a worker: the database's address, which may hold a password and so stands in no command
line; seconds between signs of life; seconds without one after which a trial counts as dead."""
HELD_SECONDS = 2
"""Time between two looks at a run that another process holds."""


def objective(trial: optuna.Trial, plan: SearchPlan, store: Path, data: Path | None) -> list[float]:
    """Do one trial. Returns one value per objective.

    Raises TrialPruned if the pruner ends it, and SettingsFail if its settings are to blame. A KeyboardInterrupt, or any
    other LeoBenchError, queues the trial again and is then raised.
    """
    try:
        settings = _settings(trial, plan)
        trial.set_user_attr("run_key", settings.run_key)

        def watch(episode: int, accuracy: float) -> None:
            if len(plan.objectives) > 1:  # Optuna neither takes learning curves of such trials nor prunes them
                return
            trial.report(accuracy, episode)
            if episode < settings.n_train_episodes and trial.should_prune():
                raise RunPruned(f"validation accuracy {accuracy:.1%} at episode {episode}, below the median of others")

        run = _done(settings, store, data, watch)
    except RunPruned as reason:
        trial.set_user_attr("message", str(reason))
        raise optuna.TrialPruned(str(reason)) from None
    except (SettingsFail, TrainingDiverged, OutOfMemory) as error:
        trial.set_user_attr("message", str(error))
        trial.set_user_attr("settings_fail", True)
        raise SettingsFail(str(error)) from None
    except (KeyboardInterrupt, LeoBenchError) as error:
        frozen = trial.study.get_trials(deepcopy=False)[trial.number]
        queue_again(trial.study, frozen, frozen.user_attrs.get("deaths", 0))
        trial.set_user_attr("stopped", True)
        trial.set_user_attr("message", str(error) or "stopped by the user")
        raise
    assert run.result is not None
    values = {"accuracy": run.headline.accuracy, "multiply_adds": float(run.result.multiply_adds or 0)}
    return [values[objective] for objective in plan.objectives]


class SettingsFail(LeoBenchError):
    """The proposed settings contradict each other, or training with them diverges or needs too much memory."""


def _settings(trial: optuna.Trial, plan: SearchPlan) -> Settings:
    parameters = suggest(trial, plan)
    try:
        return settings_of(plan, parameters)
    except LeoBenchError as error:
        raise SettingsFail(str(error)) from None


def _done(settings: Settings, store: Path, data: Path | None, watch: Watch) -> RunState:
    """Do the trial's run, unless it was done earlier. Returns its state. watch is called for every validation in both
    cases."""
    folder = store / settings.run_key
    while True:
        state = run_state(planned_run(settings, "trial"), folder)
        if state.result is not None and state.status != "stale":  # trained earlier
            for point in state.result.validation:
                watch(point.episode, point.accuracy)
        try:
            return execute(folder, settings, data, watch)
        except RunHeld:
            time.sleep(HELD_SECONDS)


def _one_trial(folder: Path, data: Path | None) -> None:
    plan = read_record(folder / "search.json", SearchPlan)
    seconds = [int(os.environ[name]) if name in os.environ else None for name in (HEARTBEAT, GRACE)]
    storage = open_storage(os.environ[URL], *seconds)
    study = open_study(plan, storage)
    reserve_trials(study, storage, plan.n_trials, folder)
    store = folder.parent / RUNS
    with suppress(BudgetUsedUp):  # another call was faster
        study.optimize(partial(objective, plan=plan, store=store, data=data), n_trials=1, catch=(SettingsFail,))


def main(arguments: list[str] | None = None) -> int:
    """Do one trial of the search in a folder. A search starts this as a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m leo_bench.search.worker", description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path)
    options = parser.parse_args(arguments)

    def work() -> None:
        try:
            _one_trial(options.folder, options.data)
        except DATABASE_ERRORS as error:
            raise LeoBenchError(f"the search's database: {in_one_line(error, os.environ[URL])}") from None

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
