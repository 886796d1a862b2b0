"""The budget of a search holds for workers of several calls together."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from optuna.trial import TrialState

from leo_bench.errors import LeoBenchError
from leo_bench.records.search import SearchPlan
from leo_bench.search.budget import BudgetUsedUp, budget_lock, reserve_trials
from leo_bench.search.storage import open_storage, sqlite_url
from leo_bench.search.study import create_study, open_study
from leo_bench.search.trial_states import queue_again

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed to be used:UserWarning")


def test_running_trials_use_up_the_budget_and_failed_ones_give_it_back(tmp_path: Path, plan: SearchPlan) -> None:
    url = sqlite_url(tmp_path)
    create_study(plan, open_storage(url))
    calls = []
    for _ in range(2):  # two calls with a connection each
        storage = open_storage(url)
        calls.append(open_study(plan, storage))
        reserve_trials(calls[-1], storage, 3, tmp_path)
    first, second, third = calls[0].ask(), calls[1].ask(), calls[0].ask()
    for call in calls:
        with pytest.raises(BudgetUsedUp, match="all 3 trials have ended or are running"):
            call.ask()
    calls[0].tell(first, 0.5)
    with pytest.raises(BudgetUsedUp):
        calls[1].ask()
    queue_again(calls[1], calls[1].trials[second.number], 1)
    calls[1].tell(second, state=TrialState.FAIL)  # its process died: done again, without another trial of the budget
    again = calls[0].ask()
    assert calls[0].trials[again.number].system_attrs["retry_history"] == [second.number]
    with pytest.raises(BudgetUsedUp):
        calls[1].ask()
    calls[0].tell(third, state=TrialState.FAIL)
    assert calls[1].ask().number == 4


def test_optimize_begins_no_trial_when_none_is_left(tmp_path: Path, plan: SearchPlan) -> None:
    storage = open_storage(sqlite_url(tmp_path))
    study = create_study(plan, storage)
    reserve_trials(study, storage, 2, tmp_path)
    with pytest.raises(BudgetUsedUp):
        study.optimize(lambda trial: 0.5, n_trials=5)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 2


def test_a_database_without_a_lock_for_the_budget_is_refused(tmp_path: Path) -> None:
    other = SimpleNamespace(engine=SimpleNamespace(dialect=SimpleNamespace(name="mysql")))
    with pytest.raises(LeoBenchError, match="use SQLite or PostgreSQL"), budget_lock("s", other, tmp_path):  # type: ignore[arg-type]
        raise AssertionError
