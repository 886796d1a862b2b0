"""Switches of a study: explanations, variants in the order they are drawn, and the settings that a variant changes."""

from typing import Any

from leo_bench.config import Settings
from leo_bench.config.explain import explanation
from leo_bench.learners import LEARNERS
from leo_bench.records.quantities import training_effort
from leo_bench.statistics.studies.study import StudyData, other_batch_norm


def changed_words(data: StudyData, variant: str) -> str:
    """Return all settings in which a variant differs from the one it is compared with: `inner_steps 0, outer_lr 0.006`.

    Where the number of updates differs too, it is added.
    """
    if variant == data.plan.baseline:
        return "baseline"
    other = data.compared_with(variant)
    words = [f"{name} {setting_value(value)}" for name, value in data.changes_to(variant, other).items()]
    own, before = (training_effort(data.settings.get(name, {}))["n_updates"] for name in (variant, other))
    return ", ".join([*words, *([f"so {own:,} updates"] if own != before else [])]) or "nothing"


def setting_value(value: Any) -> str:
    """Return a setting's value as a study file writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def setting_names(data: StudyData, switch: str, variants: list[str]) -> dict[str, str]:
    """Return variant -> its name on the switch's axis: the value of the setting.

    The label is used if the switch is no setting, or if the variant changes something else too.
    """
    names = {}
    for variant in variants:
        settings = data.settings[variant]
        others = [name for name in data.changes_to(variant, data.plan.baseline) if name != switch]
        names[variant] = data.label(variant) if others or switch not in settings else setting_value(settings[switch])
    return names


def switch_variants(data: StudyData, switch: str) -> list[str]:
    """Return the variants of a switch in drawing order, with the baseline among them.

    The baseline stands where the plan has it; else by value among numbers, else first. It is left out beside two or
    more variants of other_batch_norm and none that is not.
    """
    variants = [name for name in data.plan.switches[switch] if name in data.settings]
    baseline = data.plan.baseline
    others = [name for name in variants if name != baseline]
    if len(others) > 1 and set(others) <= other_batch_norm(data):
        return others
    if baseline in variants or baseline not in data.settings:
        return variants
    values = [data.settings[name].get(switch) for name in (*variants, baseline)]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        after = sum(value < values[-1] for value in values[:-1])  # type: ignore[operator]
        return [*variants[:after], baseline, *variants[after:]]
    return [baseline, *variants]


METHODS = ("first_order_maml", "meta_sgd_head", "paper", "prototype_start")
"""Methods beside the learners that have a switch of their training settings."""
NO_SETTING = {
    "preset": "A whole set of settings.",
    "study": "Variants that are taken from another study, with its settings.",
    "step": "Each variant keeps the changes of the variants before it, and is compared with the one before it.",
    "part": "The baseline without one of its components.",
    "settings": "The documented defaults, or settings that a search found on validation characters.",
    "where_it_starts": "Start of the inner loop: codes of the support set, or codes that do not depend on it.",
    "where_it_adapts": "Target of the gradient steps: the codes, the decoded weights, both, or neither.",
    "what_is_drawn": "Codes and decoded weights, sampled from distributions in training or computed.",
    "penalties": "Terms added to the loss: KL divergence of the codes, encoder, orthogonality and L2 penalty.",
    "classifier": "LEO with copies of its support set, or a prototypical network of the same training or another "
    "classifier on that network's features, which have no copies unless the label says so.",
    "inner_loop_at_test": "The preset without its inner steps, or without the copies of its support set.",
    "recipe": "The training recipe that validation prefers: LEO and the prototypical network without a learned scale.",
    "method": "Methods beside each other, with training settings of a release or chosen on validation characters.",
    "batch_norm": "Methods whose batch norm sees all queries of an episode at once (transductive).",
    "equal_time": "Methods trained for about as long as the baseline, not on as many images.",
    "twenty_way": "Methods whose head has learned rows for each class, trained at 20 ways.",
    "published": "Methods by their own published protocols.",
    "remedy": "Settings that the document advises to lower after a NaN loss.",
    "training_episodes": "Harder training episodes from the same number of images.",
}
"""Switch that a study file names itself -> its explanation, one sentence."""


def switch_words(switch: str) -> str:
    """Return the explanation of a switch; empty if there is none."""
    if switch in (*LEARNERS, *METHODS):
        return "One method with several training settings; validation characters choose one."
    return explanation(switch) if switch in Settings.model_fields else NO_SETTING.get(switch, "")
