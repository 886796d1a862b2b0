"""Switches of a study: their variants in the order they are drawn, and the settings that a variant changes."""

from typing import Any

from leo_bench.report.study.comparable import NOT_A_CHANGE
from leo_bench.report.study.data import StudyData


def changed_words(data: StudyData, variant: str) -> str:
    """Return the settings that differ from those of the variant compared with, in words: `inner_steps 0`."""
    if variant == data.plan.baseline:
        return "baseline"
    changes = data.changes_to(variant, data.compared_with(variant))
    words = [f"{name} {setting_value(value)}" for name, value in changes.items()]
    return ", ".join(words) or "nothing"


def setting_value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def setting_names(data: StudyData, switch: str, variants: list[str]) -> dict[str, str]:
    """Return variant -> its name on the switch's axis: the value of the setting.

    The label is used if the switch is no setting, or if the variant changes something else too.
    """
    names = {}
    for variant in variants:
        settings = data.settings[variant]
        others = [name for name in data.changes[variant] if name not in (switch, *NOT_A_CHANGE)]
        names[variant] = data.label(variant) if others or switch not in settings else setting_value(settings[switch])
    return names


def switch_variants(data: StudyData, switch: str) -> list[str]:
    """Return the variants of a switch in drawing order, with the baseline among them.

    The baseline stands where the plan has it; else by value among numbers, else first.
    """
    variants = [name for name in data.plan.switches[switch] if name in data.settings]
    baseline = data.plan.baseline
    if baseline in variants or baseline not in data.settings:
        return variants
    values = [data.settings[name].get(switch) for name in (*variants, baseline)]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        after = sum(value < values[-1] for value in values[:-1])  # type: ignore[operator]
        return [*variants[:after], baseline, *variants[after:]]
    return [baseline, *variants]
