"""The database of a search, and what trials.json shows of it.

The database is what workers share while a search goes on; trials.json, written again whenever a trial has ended, is
what stays of it.
"""

import re
import warnings
from datetime import UTC, datetime
from pathlib import Path

import optuna
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import RDBStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from leo_bench.errors import LeoBenchError
from leo_bench.records import write_record
from leo_bench.records.search import SearchPlan, Sitting, Trial, Trials
from leo_bench.records.search import TrialState as State
from leo_bench.search.space import MAX_RETRIES, counts, distribution, pruner, sampler

HEARTBEAT_SECONDS = 10
GRACE_SECONDS = 60
"""Silence after which a running trial counts as dead."""
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


def queue_again(study: Study, trial: FrozenTrial, deaths: int) -> None:
    """Queue a trial that died or was stopped once more, with the same settings. deaths: of its process, so far."""
    study.add_trial(
        optuna.create_trial(
            state=TrialState.WAITING,
            params=trial.params,
            distributions=trial.distributions,
            user_attrs={"deaths": deaths},
            system_attrs={"retry_history": [*trial.system_attrs.get("retry_history", []), trial.number]},
        )
    )


def _died(study: Study, trial: FrozenTrial) -> None:
    """What becomes of a trial that has been silent for too long."""
    deaths = trial.user_attrs.get("deaths", 0) + 1
    if deaths <= MAX_RETRIES:
        queue_again(study, trial, deaths)


def fail_dead(study: Study) -> None:
    """Note the running trials that have been silent for the grace period as failed, and queue them once more."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)


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
                heartbeat_stale_trial_callback=_died,
            )
    except ImportError as error:
        raise LeoBenchError(
            f"no driver for {without_password(url)} ({error}); for PostgreSQL: pip install 'leo_bench[postgres]'"
        ) from None
    except (*DATABASE_ERRORS, ValueError) as error:
        raise LeoBenchError(f"cannot open the database {without_password(url)}: {in_one_line(error, url)}") from None


DATABASE_ERRORS = (SQLAlchemyError, StorageInternalError)


def in_one_line(error: Exception, url: str) -> str:
    """What a database complains of, and that SQLite's file is no loss."""
    cause = error.__cause__ or error
    reason = " ".join(str(getattr(cause, "orig", None) or cause).split())[:300]
    hint = "; its file can be removed: it is made again from trials.json" if url.startswith("sqlite") else ""
    return without_password(reason) + hint


def without_password(url: str) -> str:
    """A database's address as it may be shown: no password, and nothing after a question mark."""
    try:
        address = make_url(url)
    except ArgumentError:
        return re.sub(r"://.*@", "://***@", url).split("?")[0]
    plain = address.set(query={}).render_as_string(hide_password=True)
    return re.sub(r"(://[^:/@]*):.*@", r"\1:***@", plain)  # a password with an @ in it is cut at the wrong place


def create_study(plan: SearchPlan, storage: RDBStorage) -> Study:
    """The search's study, new or as it is. Called before any worker starts: tables made by several at once collide.

    Raises LeoBenchError where the database has trials of a search of this name with another plan.
    """
    study = optuna.create_study(
        storage=storage,
        study_name=study_name(plan),
        directions=[DIRECTIONS[objective] for objective in plan.objectives],
        sampler=sampler(plan),
        pruner=pruner(plan),
        load_if_exists=True,
    )
    if study.get_trials(deepcopy=False) and study.user_attrs.get("plan") != plan.identity:
        raise LeoBenchError(
            f"the database has trials of another search {study_name(plan)} (other ranges, settings, sampler or "
            "source); name another database, or the folder that they belong to"
        )
    study.set_user_attr("plan", plan.identity)
    return study


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
        message = (
            f"its process died {MAX_RETRIES + 1} times; do these settings need more memory than there is?"
            if counts(trial)
            else "its process died; done again as another trial"
            if any(
                trial.number in other.system_attrs.get("retry_history", [])
                for other in study.get_trials(deepcopy=False)
            )
            else "its process failed"
        )
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
        settings_fail=trial.state == TrialState.FAIL and counts(trial),
        retry_of=history[-1] if history else None,
        deaths=trial.user_attrs.get("deaths", 0),
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
    """The database made again from trials.json, each trial as it was; one that was running is queued again."""
    study = create_study(plan, storage)
    states = {shown: state for state, shown in STATES.items()}
    spaces = {parameter.name: distribution(parameter) for parameter in plan.space}
    for trial in trials.trials:
        running = trial.state == "running"
        attributes = {
            "run_key": trial.run_key,
            "message": "" if running else trial.message,
            "settings_fail": trial.settings_fail or None,
            "deaths": trial.deaths or None,
        }
        made = optuna.create_trial(
            state=TrialState.WAITING if running else states[trial.state],
            values=trial.values,
            params=dict(trial.parameters),
            distributions={name: spaces[name] for name in trial.parameters},
            intermediate_values={} if running else dict(trial.curve),
            user_attrs={name: value for name, value in attributes.items() if value},
            system_attrs={"retry_history": _history(trials, trial)} if trial.retry_of is not None else {},
        )
        made.datetime_start, made.datetime_complete = _local(trial.started), _local(trial.finished)
        study.add_trial(made)
    study.set_user_attr("sittings", [sitting.model_dump() for sitting in trials.sittings])
    return study


def _history(trials: Trials, trial: Trial) -> list[int]:
    """Numbers of the trials that a trial does again, first one first."""
    if trial.retry_of is None:
        return []
    earlier = next(other for other in trials.trials if other.number == trial.retry_of)
    return [*_history(trials, earlier), trial.retry_of]


def _local(text: str | None) -> datetime | None:
    """UTC as Optuna's local time."""
    return None if text is None else datetime.fromisoformat(text).astimezone().replace(tzinfo=None)
