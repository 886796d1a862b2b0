"""What a search chose, measured: the best settings against the defaults, on test with fresh seeds; and as a preset."""

import tomllib
from pathlib import Path
from typing import Any

from leo_bench.config import PRESETS, make_settings, names_of
from leo_bench.errors import LeoBenchError
from leo_bench.records import Plan, write_atomic
from leo_bench.records.search import Best, Choice, SearchPlan, Trial, Trials
from leo_bench.running.plan import planned_run
from leo_bench.search.analysis import accuracy, complete

NEARLY = 0.01
"""How much less accurate than the best the cheapest may be, as a fraction."""
NOT_OF_A_PRESET = {"seed", "dataset", *names_of("machine")}
"""Settings that a preset does not fix."""
DEFAULT, BEST, CHEAP = "default", "best", "cheap"


def best_study(plan: SearchPlan) -> str:
    """Name of the study that measures what a search chose."""
    return f"{plan.search}_best"


def choose(plan: SearchPlan, trials: Trials) -> Best:
    """The most accurate trial on validation, the first of equals; with two objectives also the cheapest that is nearly
    as accurate, where that is another. Raises LeoBenchError where no trial has a value."""
    found = complete(trials)
    if not found:
        raise LeoBenchError(
            f"search {plan.search} has no complete trial, so nothing to choose; see the messages in trials.json"
        )
    best = max(found, key=accuracy)
    choices = [_choice(BEST, best)]
    if len(plan.objectives) > 1:
        near = [trial for trial in found if accuracy(trial) >= accuracy(best) - NEARLY]
        cheap = min(near, key=lambda trial: (trial.values or [0, 0])[1])
        if cheap.number != best.number:
            choices.append(_choice(CHEAP, cheap))
    return Best(study=f"{best_study(plan)}-{plan.profile}", choices=choices)


def _choice(variant: str, trial: Trial) -> Choice:
    return Choice(variant=variant, number=trial.number, parameters=trial.parameters, values=trial.values or [])


def test_plan(plan: SearchPlan, best: Best) -> Plan:
    """The study that measures the choices and the defaults on test characters, with seeds that no trial had."""
    settings = {DEFAULT: plan.test} | {choice.variant: {**plan.test, **choice.parameters} for choice in best.choices}
    runs = []
    for seed in plan.test_seeds:
        for variant, values in settings.items():
            made = make_settings({**values, "seed": seed}, where=f"search {plan.search}, {variant}")
            runs.append(planned_run(made, variant))
    labels = {DEFAULT: "defaults", BEST: "best of the search", CHEAP: "nearly as good, and cheapest"}
    return Plan(
        study=best_study(plan),
        profile=plan.profile,
        question=f"On test and with fresh seeds, are the settings chosen by studies/{plan.search}.toml better than the "
        "defaults?",
        baseline=DEFAULT,
        margin=plan.margin,
        switches={"settings": list(settings)},
        labels={variant: labels[variant] for variant in settings},
        references=[],
        runs=runs,
    )


test_plan.__test__ = False  # type: ignore[attr-defined]  # not a test


def preset_text(plan: SearchPlan, choice: Choice) -> str:
    """A choice as a preset file."""
    whole = make_settings({**plan.test, **choice.parameters}).canonical()
    start = make_settings({}, plan.preset).canonical()
    values = {name: value for name, value in whole.items() if value != start[name] and name not in NOT_OF_A_PRESET}
    lines = [
        f"# Trial {choice.number} of the search {plan.search}, profile {plan.profile}: "
        f"{choice.values[0]:.1%} on validation.",
        f'preset = "{plan.preset}"',
        "",
        "[settings]",
        *(f"{name} = {_toml(value)}" for name, value in values.items()),
        "",
    ]
    return "\n".join(lines)


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)


def write_preset(plan: SearchPlan, best: Best, path: Path) -> Path:
    """Write the best choice as a preset file. Raises LeoBenchError where the name is not one of such a file."""
    if path.suffix != ".toml":
        raise LeoBenchError(f"--emit-preset {path}: expected a file name that ends with .toml")
    if path.stem in PRESETS:
        raise LeoBenchError(f"--emit-preset {path}: {path.stem} is a preset already; choose another name")
    text = preset_text(plan, best.choices[0])
    tomllib.loads(text)
    write_atomic(path, text.encode())
    return path
