"""Proposals: from the plan's ranges, by a sampler that a stop does not change."""

from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState
from small_search import small_plan

from leo_bench.records.search import Parameter, Sampler, SearchPlan
from leo_bench.search.sampler import pruner, sampler
from leo_bench.search.space import distribution, suggest
from leo_bench.search.trial_states import counts, queue_again


def test_ranges_become_distributions_of_the_same_kind() -> None:
    assert distribution(Parameter(name="latent_dim", low=32, high=128, whole=True)) == IntDistribution(32, 128)
    assert distribution(Parameter(name="inner_lr", low=0.1, high=1, log=True)) == FloatDistribution(0.1, 1, log=True)
    assert distribution(Parameter(name="outer_lr", low=0.1, high=1)) == FloatDistribution(0.1, 1)
    assert distribution(Parameter(name="relation", choices=["a", "b"])) == CategoricalDistribution(["a", "b"])


def value_of(parameters: dict[str, Any]) -> float:
    return -abs(parameters["latent_dim"] - 9) - abs(parameters["inner_lr"] - 0.02) + 0.1 * parameters["inner_steps"]


def propose(plan: SearchPlan, n: int, stop_at: tuple[int, ...] = (), study: Any = None) -> optuna.Study:
    """n trials, a new sampler for each as in separate processes; those begun at the places of stop_at are stopped once
    and done again."""
    study = study or optuna.create_study(direction="maximize")
    stops = list(stop_at)
    while sum(counts(trial) for trial in study.trials) < n:
        study.sampler = sampler(plan)
        trial = study.ask()
        parameters = suggest(trial, plan)
        if stops and sum(counts(trial) for trial in study.trials) == stops[0]:
            stops.pop(0)
            queue_again(study, study.trials[trial.number], 0)
            study.tell(trial, state=TrialState.FAIL)
        else:
            study.tell(trial, value_of(parameters))
    return study


def sequence(study: optuna.Study) -> list[dict[str, Any]]:
    return [trial.params for trial in study.trials if counts(trial)]


@pytest.mark.parametrize("name", ["tpe", "random"])
def test_one_worker_with_the_same_seed_proposes_the_same(name: str) -> None:
    one, same, other = (
        sequence(propose(small_plan(sampler=Sampler(name=name, seed=seed, startup_trials=3)), 8)) for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other
    assert len({str(parameters) for parameters in one}) == 8  # no process begins the same numbers again


@pytest.mark.parametrize("stop_at", [(0,), (2,), (5,), (1, 4, 5)])
def test_a_stop_does_not_change_what_is_proposed(plan: SearchPlan, stop_at: tuple[int, ...]) -> None:
    stopped = propose(plan, 8, stop_at)
    assert len(stopped.trials) == 8 + len(stop_at)
    assert sequence(stopped) == sequence(propose(plan, 8))


def test_workers_at_the_same_time_propose_different_settings(plan: SearchPlan) -> None:
    study = optuna.create_study(direction="maximize")
    asked = []
    for _ in range(4):  # all begun before any has ended
        study.sampler = sampler(plan)
        asked.append(str(suggest(study.ask(), plan)))
    assert len(set(asked)) == 4


def test_the_sampler_learns_and_random_does_not() -> None:
    def mean(name: str) -> float:
        plan = small_plan(sampler=Sampler(name=name, seed=0, startup_trials=8))
        late = [value_of(parameters) for parameters in sequence(propose(plan, 40))[20:]]
        return sum(late) / len(late)

    assert mean("tpe") > mean("random") + 1


@pytest.mark.parametrize(
    ("state", "attributes", "expected"),
    [
        (TrialState.COMPLETE, {}, True),
        (TrialState.PRUNED, {}, True),
        (TrialState.FAIL, {"settings_fail": True}, True),
        (TrialState.FAIL, {}, False),
        (TrialState.FAIL, {"deaths": 1}, False),
        (TrialState.FAIL, {"deaths": 2}, True),
        (TrialState.FAIL, {"deaths": 2, "stopped": True}, False),
        (TrialState.RUNNING, {}, False),
        (TrialState.WAITING, {}, False),
    ],
)
def test_what_counts_against_the_budget(state: TrialState, attributes: dict[str, Any], expected: bool) -> None:
    value = 0.5 if state == TrialState.COMPLETE else None
    assert counts(optuna.create_trial(state=state, value=value, user_attrs=attributes)) is expected


def pruned(plan: SearchPlan, curve: Callable[[int], float]) -> int | None:
    """Episode at which a trial with this curve is pruned, after three complete ones at 0.5, 0.6 and 0.7."""
    study = optuna.create_study(direction="maximize", pruner=pruner(plan))
    for level in (0.5, 0.6, 0.7):
        trial = study.ask()
        for episode in (4, 8, 12):
            trial.report(level, episode)
        study.tell(trial, level)
    trial = study.ask()
    for episode in (4, 8, 12):
        trial.report(curve(episode), episode)
        if trial.should_prune():
            return episode
    return None


def test_a_trial_below_the_median_is_pruned_after_the_warm_up(plan: SearchPlan) -> None:
    assert pruned(plan, lambda _: 0.59) == 4
    assert pruned(plan, lambda _: 0.61) is None
    assert plan.pruner is not None
    later = small_plan(pruner=plan.pruner.model_copy(update={"warmup_episodes": 8}))
    assert pruned(later, lambda _: 0.59) == 8
    assert pruned(small_plan(pruner=plan.pruner.model_copy(update={"startup_trials": 4})), lambda _: 0.0) is None
    assert pruned(small_plan(pruner=None), lambda _: 0.0) is None
