"""Sampler and pruner of a plan, as Optuna's objects."""

from collections.abc import Callable
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from leo_bench.data.seeding import derive_seed
from leo_bench.records.search import SearchPlan
from leo_bench.search.trial_states import counts


class SeededByTrial(BaseSampler):
    """A sampler that is made anew for each trial, with a seed derived from the trial's position in the search.

    Each trial runs in its own process, so random numbers cannot continue from trial to trial. A trial that died or was
    stopped has no position of its own: after a stop, one worker proposes the same settings as without the stop.
    """

    def __init__(self, make: Callable[[int], BaseSampler], seed: int) -> None:
        self.make, self.seed = make, seed
        self.sampler = make(seed)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        earlier = study.get_trials(deepcopy=False)[: trial.number]
        position = sum(other.state != TrialState.FAIL or counts(other) for other in earlier)
        self.sampler = self.make(derive_seed(self.seed, "trial", position) % 2**32)
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
        """Do nothing: every trial gets its own seed."""


def sampler(plan: SearchPlan) -> SeededByTrial:
    """Return the plan's sampler."""
    if plan.sampler.name == "random":
        return SeededByTrial(RandomSampler, plan.sampler.seed)

    def tpe(seed: int) -> BaseSampler:
        return TPESampler(
            n_startup_trials=plan.sampler.startup_trials, multivariate=True, constant_liar=True, seed=seed
        )

    return SeededByTrial(tpe, plan.sampler.seed)


def pruner(plan: SearchPlan) -> optuna.pruners.BasePruner:
    """Return the plan's pruner; one that never prunes if the plan has none."""
    if plan.pruner is None:
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(
        n_startup_trials=plan.pruner.startup_trials, n_warmup_steps=plan.pruner.warmup_episodes
    )
