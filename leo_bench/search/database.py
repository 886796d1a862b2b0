"""The database of a search, and what trials.json shows of it.

The database is what workers share while a search goes on; trials.json, written again whenever a trial has ended, is
what stays of it.
"""

import re
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from leo_bench.errors import LeoBenchError
from leo_bench.records import write_record
from leo_bench.search.space import distribution, pruner, sampler
from leo_bench.trials import SearchPlan, Sitting, Trial, Trials
from leo_bench.trials import TrialState as State

optuna.logging.set_verbosity(optuna.logging.CRITICAL)  # a failed trial is told of by whoever ran it

HEARTBEAT_SECONDS = 10
GRACE_SECONDS = 60
"""Silence after which a running trial counts as dead."""
MAX_RETRIES = 2
"""Of a trial whose process died."""

DIRECTIONS = {"accuracy": StudyDirection.MAXIMIZE, "multiply_adds": StudyDirection.MINIMIZE}
STATES: dict[TrialState, State] = {
    TrialState.WAITING: "waiting",
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


def sqlite_url(folder: Path) -> str:
    """The database that a search has where no other is named."""
    return f"sqlite:///{(folder / 'optuna.db').resolve()}"


def study_name(plan: SearchPlan) -> str:
    """What the database calls the search."""
    return f"{plan.search}-{plan.profile}"


def retry_again(study: Study, trial: FrozenTrial, max_retry: int | None = None) -> None:
    """Queue a trial that died or was stopped once more, with the same settings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        RetryHeartbeatStaleTrialCallback(max_retry)(study, trial)


def fail_dead(study: Study) -> None:
    """Note the running trials that have been silent for the grace period as failed, and queue them once more."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)


def _retry_dead(study: Study, trial: FrozenTrial) -> None:
    retry_again(study, trial, MAX_RETRIES)


def open_storage(url: str, heartbeat: int | None = None, grace: int | None = None) -> RDBStorage:
    """Connect to SQLite or PostgreSQL. Raises LeoBenchError, without the password, where that fails.

    heartbeat, grace: seconds, where not HEARTBEAT_SECONDS and GRACE_SECONDS.
    """
    options = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {"pool_pre_ping": True}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return RDBStorage(
                url,
                engine_kwargs=options,
                heartbeat_interval=heartbeat or HEARTBEAT_SECONDS,
                grace_period=grace or GRACE_SECONDS,
                heartbeat_stale_trial_callback=_retry_dead,
            )
    except ImportError as error:
        raise LeoBenchError(
            f"no driver for {without_password(url)} ({error}); for PostgreSQL: pip install 'leo_bench[postgres]'"
        ) from None
    except (SQLAlchemyError, ValueError) as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        raise LeoBenchError(f"cannot open the database {without_password(url)}: {reason}") from None


def without_password(url: str) -> str:
    """A database's address as it may be shown."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)


def create_study(plan: SearchPlan, storage: RDBStorage) -> Study:
    """The search's study, new or as it is. Called before any worker starts: tables made by several at once collide."""
    return optuna.create_study(
        storage=storage,
        study_name=study_name(plan),
        directions=[DIRECTIONS[objective] for objective in plan.objectives],
        sampler=sampler(plan),
        pruner=pruner(plan),
        load_if_exists=True,
    )


def load_study(plan: SearchPlan, storage: RDBStorage) -> Study:
    """The search's study, which is there."""
    return optuna.load_study(storage=storage, study_name=study_name(plan), sampler=sampler(plan), pruner=pruner(plan))


def add_sitting(study: Study, started: str, jobs: int) -> None:
    """Note a call of the search, so that it shows whether the trials came in one go from one worker."""
    first = len(study.get_trials(deepcopy=False))
    sitting = Sitting(started=started, jobs=jobs, first_trial=first)
    study.set_user_attr("sittings", [*study.user_attrs.get("sittings", []), sitting.model_dump()])


def shown(study: Study) -> Trials:
    """What trials.json shows of the database."""
    return Trials(
        sittings=[Sitting.model_validate(sitting) for sitting in study.user_attrs.get("sittings", [])],
        trials=[_shown(trial, study) for trial in study.get_trials(deepcopy=False)],
    )


def _shown(trial: FrozenTrial, study: Study) -> Trial:
    history = trial.system_attrs.get("retry_history", [])
    complete = trial.state == TrialState.COMPLETE
    message = trial.user_attrs.get("message", "")
    if trial.state == TrialState.FAIL and not message:
        message = "its process was stopped or died; done again as another trial"
    return Trial(
        number=trial.number,
        state=STATES[trial.state],
        parameters=trial.params,
        run_key=trial.user_attrs.get("run_key"),
        values=trial.values if complete else None,
        curve=sorted(trial.intermediate_values.items()),
        started=_time(trial.datetime_start),
        finished=_time(trial.datetime_complete),
        message=message,
        retry_of=history[-1] if history else None,
    )


def _time(local: datetime | None) -> str | None:
    """Optuna's local times, as UTC."""
    return None if local is None else local.astimezone(UTC).isoformat(timespec="seconds")


def write_trials(study: Study, folder: Path) -> Trials:
    """Write trials.json, where it has changed."""
    trials = shown(study)
    if not (folder / "trials.json").exists() or trials != _written.get(folder):
        write_record(folder / "trials.json", trials)
    _written[folder] = trials
    return trials


_written: dict[Path, Trials] = {}


def rebuild(plan: SearchPlan, trials: Trials, storage: RDBStorage) -> Study:
    """The database made again from trials.json: the finished trials with their numbers; others are left out at the
    end, and failed in between."""
    study = create_study(plan, storage)
    states = {shown: state for state, shown in STATES.items()}
    spaces = {parameter.name: distribution(parameter) for parameter in plan.space}
    finished = [trial.state in ("complete", "pruned", "failed") for trial in trials.trials]
    kept: Sequence[Trial] = trials.trials[: len(finished) - finished[::-1].index(True)] if any(finished) else []
    for trial in kept:
        state = states[trial.state]
        study.add_trial(
            optuna.create_trial(
                state=state if state.is_finished() else TrialState.FAIL,
                values=trial.values,
                params=dict(trial.parameters),
                distributions={name: spaces[name] for name in trial.parameters},
                intermediate_values=dict(trial.curve),
                user_attrs={
                    name: value for name, value in (("run_key", trial.run_key), ("message", trial.message)) if value
                },
                system_attrs={} if trial.retry_of is None else {"retry_history": [trial.retry_of]},
            )
        )
    study.set_user_attr("sittings", [sitting.model_dump() for sitting in trials.sittings])
    return study
