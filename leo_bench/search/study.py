"""The study of a search in its database."""

import warnings

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage
from optuna.study import Study

from leo_bench.errors import LeoBenchError
from leo_bench.records import folder_name
from leo_bench.records.search import SearchPlan, Sitting
from leo_bench.search.sampler import pruner, sampler
from leo_bench.search.space import DIRECTIONS


def study_name(plan: SearchPlan) -> str:
    """Return the name of the search's study in the database."""
    return folder_name(plan.search, plan.profile, "search")


def create_study(plan: SearchPlan, storage: RDBStorage) -> Study:
    """Create the search's study, or open it if it exists. Call it before any worker starts: workers that create the
    tables at the same time collide.

    Raises LeoBenchError if the study has trials of another plan.
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
            f"the database has trials of another search {study_name(plan)} (with other ranges, settings, sampler or "
            "source); name another database, or the results folder of those trials"
        )
    study.set_user_attr("plan", plan.identity)
    return study


def open_study(plan: SearchPlan, storage: RDBStorage) -> Study:
    """Open the search's study, which exists."""
    return optuna.load_study(storage=storage, study_name=study_name(plan), sampler=sampler(plan), pruner=pruner(plan))


def add_sitting(study: Study, started: str, jobs: int) -> None:
    """Note a call of the search that starts trials. started: UTC, ISO 8601. jobs: trials at a time."""
    first = len(study.get_trials(deepcopy=False))
    sitting = Sitting(started=started, jobs=jobs, first_trial=first)
    study.set_user_attr("sittings", [*study.user_attrs.get("sittings", []), sitting.model_dump()])


def fail_dead(study: Study) -> None:
    """Mark running trials without a sign of life for the grace period as failed, and queue them again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)
