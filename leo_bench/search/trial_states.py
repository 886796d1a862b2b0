"""Trial states: which trials use up the budget, and which are queued again."""

import optuna
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from leo_bench.records.search import TrialState as RecordedState

OPTUNA_STATES: dict[RecordedState, TrialState] = {
    "waiting": TrialState.WAITING,
    "running": TrialState.RUNNING,
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
"""Trial state in the records -> Optuna's trial state."""

MAX_RETRIES = 2
"""Retries of a trial whose process died."""


def counts(trial: FrozenTrial) -> bool:
    """Return True if a trial uses up one trial of the budget.

    These do: a complete trial; a pruned one; and a failed one whose settings are to blame, because they contradict each
    other, diverge, or ended their process in the first attempt and in every retry.
    """
    if trial.state in (TrialState.COMPLETE, TrialState.PRUNED):
        return True
    attributes = trial.user_attrs
    died = attributes.get("deaths", 0) >= MAX_RETRIES and "stopped" not in attributes
    return trial.state == TrialState.FAIL and (bool(attributes.get("settings_fail")) or died)


def queue_again(study: Study, trial: FrozenTrial, deaths: int) -> None:
    """Queue a trial that died or was stopped once more, with the same settings.

    deaths: how often a process has died with this trial so far.
    """
    study.add_trial(
        optuna.create_trial(
            state=TrialState.WAITING,
            params=trial.params,
            distributions=trial.distributions,
            user_attrs={"deaths": deaths},
            system_attrs={"retry_history": [*trial.system_attrs.get("retry_history", []), trial.number]},
        )
    )


def retry_dead(study: Study, trial: FrozenTrial) -> None:
    """Queue a trial whose process died once more, at most MAX_RETRIES times."""
    deaths = trial.user_attrs.get("deaths", 0) + 1
    if deaths <= MAX_RETRIES:
        queue_again(study, trial, deaths)
