"""Search space and objectives of a plan, as Optuna's types."""

from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import StudyDirection

from leo_bench.records.search import Parameter, SearchPlan

optuna.logging.set_verbosity(optuna.logging.CRITICAL)  # the search reports each trial itself

DIRECTIONS = {"accuracy": StudyDirection.MAXIMIZE, "multiply_adds": StudyDirection.MINIMIZE}
"""Objective -> the direction in which it is better."""


def distribution(parameter: Parameter) -> BaseDistribution:
    """Return the Optuna distribution of a searched setting."""
    if parameter.choices is not None:
        return CategoricalDistribution(parameter.choices)
    assert parameter.low is not None
    assert parameter.high is not None
    if parameter.whole:
        return IntDistribution(int(parameter.low), int(parameter.high), log=parameter.log)
    return FloatDistribution(parameter.low, parameter.high, log=parameter.log)


def suggest(trial: optuna.Trial, plan: SearchPlan) -> dict[str, Any]:
    """Ask Optuna for a value of every searched setting. Returns setting -> value."""
    return {parameter.name: _suggest(trial, parameter) for parameter in plan.space}


def _suggest(trial: optuna.Trial, parameter: Parameter) -> Any:
    drawn_from, name = distribution(parameter), parameter.name
    if isinstance(drawn_from, CategoricalDistribution):
        return trial.suggest_categorical(name, drawn_from.choices)
    if isinstance(drawn_from, IntDistribution):
        return trial.suggest_int(name, drawn_from.low, drawn_from.high, log=drawn_from.log)
    assert isinstance(drawn_from, FloatDistribution)
    return trial.suggest_float(name, drawn_from.low, drawn_from.high, log=drawn_from.log)
