"""Budget of a search: workers of several calls together never begin more trials than it has."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import Trial, TrialState
from sqlalchemy import text

from leo_bench.errors import LeoBenchError
from leo_bench.search.trial_states import counts


class BudgetUsedUp(LeoBenchError):
    """The budget has no trial left to begin: as many as planned have ended or are running."""


def reserve_trials(study: Study, storage: RDBStorage, n_trials: int, folder: Path) -> None:
    """Have the study begin a trial only if fewer than n_trials have used up the budget or are running.

    Looking and beginning are one step that no other worker can come between, whichever machine it is on. study.ask, and
    with it study.optimize, raises BudgetUsedUp if none is left. folder: that of the search, for the lock of SQLite.
    """
    ask = study.ask

    def reserved(*arguments: Any, **named: Any) -> Trial:
        with budget_lock(study.study_name, storage, folder):
            trials = study.get_trials(deepcopy=False)
            if sum(counts(trial) or trial.state == TrialState.RUNNING for trial in trials) >= n_trials:
                raise BudgetUsedUp(f"all {n_trials} trials have ended or are running")
            return ask(*arguments, **named)

    study.ask = reserved  # type: ignore[method-assign]


@contextmanager
def budget_lock(name: str, storage: RDBStorage, folder: Path) -> Iterator[None]:
    """Hold the lock of a search's budget: one of the server in PostgreSQL, a file beside an SQLite database.

    The server gives the lock back when the connection of a dead process ends. Raises LeoBenchError for other databases.
    """
    kind = storage.engine.dialect.name
    if kind == "sqlite":
        with FileLock(folder / ".budget.lock"):
            yield
    elif kind == "postgresql":
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        with storage.engine.connect() as connection, connection.begin():
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
            yield
    else:
        raise LeoBenchError(f"a search cannot share its budget in a {kind} database; use SQLite or PostgreSQL")
