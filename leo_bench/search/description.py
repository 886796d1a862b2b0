"""A search in words: its plan before it starts, with the estimated time, and the settings that it chose."""

from collections.abc import Mapping
from typing import Any

from leo_bench.records.search import Best, Parameter, SearchPlan
from leo_bench.running.estimate import cost, duration


def plan_words(plan: SearchPlan, n_done: int, jobs: int) -> str:
    """Return what a search would do, on several lines.

    n_done: trials that have already used up the budget. jobs: trials at a time, for the estimate of the time.
    """
    trials = max(plan.n_trials - n_done, 0) * cost(plan.base)
    tests = 2 * len(plan.test_seeds) * cost(plan.test)
    return "\n".join(
        [
            f"search {plan.search}, profile {plan.profile}: {plan.question}",
            f"  ranges    {', '.join(map(_range_words, plan.space))}",
            f"  best is   {' against '.join(plan.objectives)}, on validation characters of {plan.base['dataset']}",
            f"  trials    {plan.n_trials}, {n_done} done; sampler {plan.sampler.name} with seed {plan.sampler.seed}, "
            f"{f'{plan.pruner.name} pruner' if plan.pruner else 'no pruner'}",
            f"  then      the best against the defaults on test, seeds {', '.join(map(str, plan.test_seeds))}",
            f"  time      at most about {duration((trials + tests) / jobs)} with {jobs} at a time (estimated)",
        ]
    )


def _range_words(parameter: Parameter) -> str:
    if parameter.choices:
        return f"{parameter.name} {'/'.join(map(str, parameter.choices))}"
    return f"{parameter.name} {parameter.low:g} to {parameter.high:g}" + " (log)" * parameter.log


def best_words(best: Best) -> str:
    """Return the chosen trials, one line each."""
    return "\n".join(
        f"{choice.variant}: trial {choice.number}, {choice.values[0]:.1%} on validation: "
        f"{settings_words(choice.parameters)}"
        for choice in best.choices
    )


def settings_words(parameters: Mapping[str, Any]) -> str:
    """Return settings in one line, numbers with four digits."""
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in parameters.items()
    )
