"""trials.json from a search's database, and the database from trials.json.

The database exists while a search runs. trials.json, written whenever a trial ends, is what is kept.
"""

from datetime import UTC, datetime
from pathlib import Path

import optuna
from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from leo_bench.records import write_record
from leo_bench.records.search import SearchPlan, Sitting, Trial, Trials
from leo_bench.search.space import distribution
from leo_bench.search.study import create_study
from leo_bench.search.trial_states import MAX_RETRIES, OPTUNA_STATES, counts

RECORDED_STATES = {theirs: ours for ours, theirs in OPTUNA_STATES.items()}


def read_database(study: Study) -> Trials:
    """Return the trials of a study in the database as records."""
    trials = study.get_trials(deepcopy=False)
    retried = {number for trial in trials for number in trial.system_attrs.get("retry_history", [])}
    return Trials(
        sittings=[Sitting.model_validate(sitting) for sitting in study.user_attrs.get("sittings", [])],
        trials=[_record(trial, trial.number in retried) for trial in trials],
    )


def _record(trial: FrozenTrial, retried: bool) -> Trial:
    history = trial.system_attrs.get("retry_history", [])
    return Trial(
        number=trial.number,
        state=RECORDED_STATES[trial.state],
        parameters=trial.params,
        run_key=trial.user_attrs.get("run_key"),
        values=trial.values if trial.state == TrialState.COMPLETE else None,
        curve=sorted(trial.intermediate_values.items()),
        started=_utc(trial.datetime_start),
        finished=_utc(trial.datetime_complete),
        message=trial.user_attrs.get("message") or _why_it_died(trial, retried),
        settings_fail=trial.state == TrialState.FAIL and counts(trial),
        retry_of=history[-1] if history else None,
        deaths=trial.user_attrs.get("deaths", 0),
    )


def _why_it_died(trial: FrozenTrial, retried: bool) -> str:
    """Return the message of a failed trial that left none itself; empty for any other trial."""
    if trial.state != TrialState.FAIL:
        return ""
    if counts(trial):
        return f"its process died {MAX_RETRIES + 1} times; do these settings need more memory than there is?"
    return "its process died; done again as another trial" if retried else "its process failed"


def _utc(local: datetime | None) -> str | None:
    """Return one of Optuna's local times as UTC, ISO 8601."""
    return None if local is None else local.astimezone(UTC).isoformat(timespec="seconds")


def write_trials(study: Study, folder: Path) -> Trials:
    """Write trials.json if it has changed since this process wrote it last. Returns the trials."""
    trials = read_database(study)
    if not (folder / "trials.json").exists() or trials != _written.get(folder):
        write_record(folder / "trials.json", trials)
    _written[folder] = trials
    return trials


_written: dict[Path, Trials] = {}


def rebuild_database(plan: SearchPlan, trials: Trials, storage: RDBStorage) -> Study:
    """Make the search's study again from trials.json, from the first trial on that the database lacks. A trial that was
    running is queued again."""
    study = create_study(plan, storage)
    spaces = {parameter.name: distribution(parameter) for parameter in plan.space}
    for trial in trials.trials[len(study.get_trials(deepcopy=False)) :]:
        running = trial.state == "running"
        attributes = {
            "run_key": trial.run_key,
            "message": "" if running else trial.message,
            "settings_fail": trial.settings_fail or None,
            "deaths": trial.deaths or None,
            # of the failed trials that died often enough, one that the user stopped is not to blame for it
            "stopped": trial.state == "failed" and trial.deaths >= MAX_RETRIES and not trial.settings_fail,
        }
        made = optuna.create_trial(
            state=TrialState.WAITING if running else OPTUNA_STATES[trial.state],
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
    """Return the numbers of the earlier attempts at a trial, oldest first."""
    if trial.retry_of is None:
        return []
    earlier = next(other for other in trials.trials if other.number == trial.retry_of)
    return [*_history(trials, earlier), trial.retry_of]


def _local(text: str | None) -> datetime | None:
    """Return a UTC time as Optuna's local time, without a zone."""
    return None if text is None else datetime.fromisoformat(text).astimezone().replace(tzinfo=None)
