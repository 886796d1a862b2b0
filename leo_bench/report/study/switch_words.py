"""Explanations of switches: those of the settings, and sentences for switches that are no setting."""

from leo_bench.config import Settings
from leo_bench.config.explain import explanation

NO_SETTING = {
    "preset": "A whole set of settings.",
    "step": "Each variant keeps the changes of the variants before it; the table compares it with the one before it.",
    "part": "The baseline without one of its components.",
    "settings": "The documented defaults, or settings that a search found on validation characters.",
    "where_it_starts": "Start of the inner loop: codes of the support set, or codes that do not depend on it.",
    "where_it_adapts": "Target of the gradient steps: the codes, the decoded weights, both, or neither.",
    "what_is_drawn": "Codes and decoded weights, sampled from distributions in training or computed.",
    "penalties": "Terms added to the loss: KL divergence of the codes, encoder, orthogonality and L2 penalty.",
    "classifier": "LEO with copies of its support set, or a prototypical network of the same training or another "
    "classifier on that network's features, which have no copies unless the label says so.",
    "inner_loop_at_test": "The preset without its inner steps, or without the copies of its support set.",
    "training_episodes": "Harder training episodes from the same number of images.",
}
"""Switch that a study file names itself -> its explanation, one sentence."""


def switch_words(switch: str) -> str:
    """Return the explanation of a switch; empty if there is none."""
    return explanation(switch) if switch in Settings.model_fields else NO_SETTING.get(switch, "")
