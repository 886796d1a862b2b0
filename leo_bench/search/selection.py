"""Selection: the trials that a search chooses on validation, and the study that measures them on test."""

from leo_bench.config import make_settings
from leo_bench.errors import LeoBenchError
from leo_bench.records import Plan
from leo_bench.records.search import Best, Choice, SearchPlan, Trial, Trials
from leo_bench.running.plan import planned_run
from leo_bench.running.study_file import ON_TEST
from leo_bench.search.complete import accuracy, complete

ACCURACY_GIVEN_UP = 0.01
"""Largest loss of accuracy for which a cheaper trial is chosen beside the best one, as a fraction."""
DEFAULT, BEST, CHEAP = "default", "best", "cheap"
LABELS = {DEFAULT: "defaults", BEST: "best of the search", CHEAP: "nearly as good, and cheapest"}


def study_on_test(plan: SearchPlan) -> str:
    """Return the name of the study that measures the chosen trials on test."""
    return f"{plan.search}{ON_TEST}"


def choose(plan: SearchPlan, trials: Trials) -> Best:
    """Choose the trial with the highest validation accuracy, the earliest of equals. With two objectives, choose also
    the cheapest trial within ACCURACY_GIVEN_UP of it, if that is another trial.

    Raises LeoBenchError if no trial is complete.
    """
    found = complete(trials)
    if not found:
        raise LeoBenchError(
            f"search {plan.search} has no complete trial, so nothing can be chosen; see the messages in trials.json"
        )
    best = max(found, key=accuracy)
    choices = [_choice(BEST, best)]
    if len(plan.objectives) > 1:
        near = [trial for trial in found if accuracy(trial) >= accuracy(best) - ACCURACY_GIVEN_UP]
        cheap = min(near, key=lambda trial: (trial.values or [0, 0])[1])
        if cheap.number != best.number:
            choices.append(_choice(CHEAP, cheap))
    return Best(study=f"{study_on_test(plan)}-{plan.profile}", choices=choices)


def _choice(variant: str, trial: Trial) -> Choice:
    return Choice(variant=variant, number=trial.number, parameters=trial.parameters, values=trial.values or [])


def test_plan(plan: SearchPlan, best: Best) -> Plan:
    """Return the plan of the study that measures the choices and the defaults on test characters, with seeds that no
    trial had."""
    settings = {DEFAULT: plan.test} | {choice.variant: {**plan.test, **choice.parameters} for choice in best.choices}
    runs = []
    for seed in plan.test_seeds:
        for variant, values in settings.items():
            made = make_settings({**values, "seed": seed}, where=f"search {plan.search}, {variant}")
            runs.append(planned_run(made, variant))
    return Plan(
        study=study_on_test(plan),
        profile=plan.profile,
        question=f"On test and with fresh seeds, are the settings chosen by studies/{plan.search}.toml better than the "
        "defaults?",
        baseline=DEFAULT,
        margin=plan.margin,
        switches={"settings": list(settings)},
        labels={variant: LABELS[variant] for variant in settings},
        references=[],
        runs=runs,
    )


test_plan.__test__ = False  # type: ignore[attr-defined]  # not a test
