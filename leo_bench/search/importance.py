"""Importance of each searched setting for the accuracy of the trials."""

import warnings
from collections.abc import Sequence

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import FloatDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.importance import FanovaImportanceEvaluator, get_param_importances

from leo_bench.data.seeding import stream
from leo_bench.records.search import Parameter, SearchPlan, Trial, Trials
from leo_bench.search.complete import accuracy, complete
from leo_bench.search.space import distribution

PLANTED = "planted noise"
"""Name of a random number given to every trial. No run uses it, so its importance shows the level of chance."""
N_RESAMPLES = 40
N_TREES = 64
LEAST_TRIALS = 8
"""Fewest complete trials for which importances are computed."""


def importance(
    plan: SearchPlan, trials: Trials, n_resamples: int = N_RESAMPLES, n_trees: int = N_TREES
) -> pd.DataFrame:
    """Return the share of the variance of accuracy that each searched setting explains, by functional ANOVA on a random
    forest: mean, and 5th and 95th percentile over resamples of the complete trials.

    Every resample also gives each trial a random number, PLANTED. A setting is shown to matter if its 5th percentile
    lies above the planted number's 95th. Empty below LEAST_TRIALS, or if all accuracies are equal.
    """
    columns = ["parameter", "importance", "low", "high", "planted", "n_trials", "evaluator"]
    found = complete(trials)
    if len(found) < LEAST_TRIALS or len({accuracy(trial) for trial in found}) < 2:
        return pd.DataFrame(columns=columns)
    rng = stream(plan.sampler.seed, "importance")
    samples = []
    for _ in range(n_resamples):
        planted = rng.random(len(found))  # one per trial: a trial that is drawn twice keeps its number
        drawn = rng.integers(len(found), size=len(found))
        samples.append(_importances(plan.space, [found[i] for i in drawn], planted[drawn], rng, n_trees))
    names = [*(parameter.name for parameter in plan.space), PLANTED]
    rows = []
    for name in names:
        values = np.array([sample.get(name, 0.0) for sample in samples])
        low, high = np.quantile(values, [0.05, 0.95])
        rows.append((name, values.mean(), low, high, name == PLANTED, len(found), "fANOVA"))
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def _importances(
    space: Sequence[Parameter], trials: Sequence[Trial], planted: np.ndarray, rng: np.random.Generator, n_trees: int
) -> dict[str, float]:
    """Return setting -> share of the variance; the shares sum to 1. planted: [len(trials)]."""
    spaces = {parameter.name: distribution(parameter) for parameter in space}
    spaces[PLANTED] = FloatDistribution(0.0, 1.0)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    study.add_trials(
        [
            optuna.create_trial(
                params={**trial.parameters, PLANTED: float(number)}, distributions=spaces, value=accuracy(trial)
            )
            for trial, number in zip(trials, planted, strict=True)
        ]
    )
    seed = int(rng.integers(2**31))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        evaluator = FanovaImportanceEvaluator(n_trees=n_trees, seed=seed)
        return get_param_importances(study, evaluator=evaluator, normalize=True)
