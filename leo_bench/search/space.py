"""A plan's ranges, sampler and pruner, as Optuna has them."""

from collections.abc import Callable
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from leo_bench.data.seeding import derive_seed
from leo_bench.records.search import Parameter, SearchPlan

optuna.logging.set_verbosity(optuna.logging.CRITICAL)  # a failed trial is told of by whoever ran it


def distribution(parameter: Parameter) -> BaseDistribution:
    """Where a searched setting's values come from."""
    if parameter.choices is not None:
        return CategoricalDistribution(parameter.choices)
    assert parameter.low is not None
    assert parameter.high is not None
    if parameter.whole:
        return IntDistribution(int(parameter.low), int(parameter.high), log=parameter.log)
    return FloatDistribution(parameter.low, parameter.high, log=parameter.log)


def suggest(trial: optuna.Trial, plan: SearchPlan) -> dict[str, Any]:
    """The trial's settings, by name."""
    return {parameter.name: _suggest(trial, parameter) for parameter in plan.space}


def _suggest(trial: optuna.Trial, parameter: Parameter) -> Any:
    drawn_from, name = distribution(parameter), parameter.name
    if isinstance(drawn_from, CategoricalDistribution):
        return trial.suggest_categorical(name, drawn_from.choices)
    if isinstance(drawn_from, IntDistribution):
        return trial.suggest_int(name, drawn_from.low, drawn_from.high, log=drawn_from.log)
    assert isinstance(drawn_from, FloatDistribution)
    return trial.suggest_float(name, drawn_from.low, drawn_from.high, log=drawn_from.log)


class SeededByTrial(BaseSampler):
    """A sampler that is made anew for each trial, seeded by the trial's place among those that count.

    Each trial is a process of its own, so a sampler's random numbers cannot go on from trial to trial. A trial that
    died or was stopped does not count: one worker that is resumed proposes what it would have proposed without the
    stop.
    """

    def __init__(self, make: Callable[[int], BaseSampler], seed: int) -> None:
        self.make, self.seed = make, seed
        self.sampler = make(seed)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        earlier = study.get_trials(deepcopy=False)[: trial.number]
        place = sum(other.state != TrialState.FAIL or counts(other) for other in earlier)
        self.sampler = self.make(derive_seed(self.seed, "trial", place) % 2**32)
        self.sampler.before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self.sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self.sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self.sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Any) -> None:
        self.sampler.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Nothing: a trial's numbers come from its place."""


MAX_RETRIES = 2
"""Of a trial whose process died."""


def counts(trial: FrozenTrial) -> bool:
    """Whether a trial has used up one of the budget: it ended by itself, with a value or pruned, or its settings fail:
    they do not go together, diverge, or have ended their process once more than it is done again."""
    if trial.state in (TrialState.COMPLETE, TrialState.PRUNED):
        return True
    attributes = trial.user_attrs
    died = attributes.get("deaths", 0) >= MAX_RETRIES and "stopped" not in attributes
    return trial.state == TrialState.FAIL and (bool(attributes.get("settings_fail")) or died)


def sampler(plan: SearchPlan) -> SeededByTrial:
    """The plan's sampler."""
    if plan.sampler.name == "random":
        return SeededByTrial(RandomSampler, plan.sampler.seed)

    def tpe(seed: int) -> BaseSampler:
        return TPESampler(
            n_startup_trials=plan.sampler.startup_trials, multivariate=True, constant_liar=True, seed=seed
        )

    return SeededByTrial(tpe, plan.sampler.seed)


def pruner(plan: SearchPlan) -> optuna.pruners.BasePruner:
    """The plan's pruner; one that prunes nothing where it has none."""
    if plan.pruner is None:
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(
        n_startup_trials=plan.pruner.startup_trials, n_warmup_steps=plan.pruner.warmup_episodes
    )
