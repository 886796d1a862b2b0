"""One trial, a process of its own: settings proposed, the run done (or found done), its value told.

The run is done in this process, so that the pruner is asked at each validation and what is recorded is what it saw.
"""

import argparse
import os
import sys
import time
from functools import partial
from pathlib import Path

import optuna

from leo_bench.config import Settings
from leo_bench.counting import multiply_adds
from leo_bench.errors import EXIT_FAILED, EXIT_INTERRUPTED, LeoBenchError
from leo_bench.experiment import OutOfMemory, RunHeld, RunPruned, Watch, execute
from leo_bench.processes import sigterm_interrupts
from leo_bench.provenance import numerics_digest
from leo_bench.records import RUNS, PlannedRun, Result, read_record, run_state
from leo_bench.search.database import DATABASE_ERRORS, in_one_line, load_study, open_storage, queue_again
from leo_bench.search.file import settings_of
from leo_bench.search.space import suggest
from leo_bench.study import set_aside
from leo_bench.train import TrainingDiverged
from leo_bench.trials import SearchPlan

URL, HEARTBEAT, GRACE = "LEO_BENCH_STORAGE", "LEO_BENCH_HEARTBEAT", "LEO_BENCH_GRACE"
"""Environment of a trial's process: the database (in no command line, since it may hold a password), and seconds."""
HELD_SECONDS = 2


def objective(trial: optuna.Trial, plan: SearchPlan, store: Path, data: Path | None) -> list[float]:
    """Values of one trial. Raises TrialPruned; SettingsFail where its settings cannot be run or diverge; and whatever
    else stops it (KeyboardInterrupt, LeoBenchError), after queueing it once more."""
    try:
        settings = _settings(trial, plan)
        trial.set_user_attr("run_key", settings.run_key)

        def watch(episode: int, accuracy: float) -> None:
            if len(plan.objectives) > 1:  # Optuna takes no curve of these, and prunes none
                return
            trial.report(accuracy, episode)
            if episode < settings.n_train_episodes and trial.should_prune():
                raise RunPruned(f"validation accuracy {accuracy:.1%} at episode {episode}, below the median of others")

        result = _done(settings, store, data, watch)
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
    cost = multiply_adds(settings) if result.multiply_adds is None else result.multiply_adds  # not recorded at first
    values = {"accuracy": result.headline.accuracy, "multiply_adds": float(cost)}
    return [values[objective] for objective in plan.objectives]


class SettingsFail(LeoBenchError):
    """Settings that were proposed do not go together, or training with them diverges or needs too much memory."""


def _settings(trial: optuna.Trial, plan: SearchPlan) -> Settings:
    parameters = suggest(trial, plan)
    try:
        return settings_of(plan, parameters)
    except LeoBenchError as error:
        raise SettingsFail(str(error)) from None


def _done(settings: Settings, store: Path, data: Path | None, watch: Watch) -> Result:
    """The run's result, of now or of an earlier time; watch is told of every validation all the same."""
    folder = store / settings.run_key
    run = PlannedRun(variant="trial", seed=settings.seed, run_key=settings.run_key, settings=settings.canonical())
    while True:
        state = run_state(run, folder, numerics_digest())
        if state.status == "done":
            assert state.result is not None
            for point in state.result.validation:
                watch(point.episode, point.accuracy)
            return state.result
        if state.status in ("stale", "corrupt"):
            set_aside(folder)
        try:
            return execute(folder, settings, data, watch)
        except RunHeld:
            time.sleep(HELD_SECONDS)


def _one_trial(folder: Path, data: Path | None) -> None:
    plan = read_record(folder / "search.json", SearchPlan)
    seconds = [int(os.environ[name]) if name in os.environ else None for name in (HEARTBEAT, GRACE)]
    study = load_study(plan, open_storage(os.environ[URL], *seconds))
    store = folder.parent / RUNS
    study.optimize(partial(objective, plan=plan, store=store, data=data), n_trials=1, catch=(SettingsFail,))


def main(arguments: list[str] | None = None) -> int:
    """Do one trial of the search in a folder: what a search starts as a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m leo_bench.search.trial", description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path)
    options = parser.parse_args(arguments)
    try:
        with sigterm_interrupts():
            _one_trial(options.folder, options.data)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except LeoBenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_FAILED
    except DATABASE_ERRORS as error:
        print(f"error: the search's database: {in_one_line(error, os.environ[URL])}", file=sys.stderr)
        return EXIT_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
