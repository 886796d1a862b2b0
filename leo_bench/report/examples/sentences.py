"""Sentences of the examples page, made from its numbers."""

from typing import Any

from leo_bench.records import Result
from leo_bench.records.example import Example, movement

NEXT_TO_NOTHING, LITTLE = 0.01, 0.1
"""Movement of codes, as a fraction of the mean distance between two classes' codes, up to which the page calls it next
to nothing, or little."""
SHOWN = ("generated", "decode", "relation", "latent_dim", "inner_steps", "inner_lr")
"""LEO's settings named in the head of the page."""


def run_words(settings: dict[str, Any]) -> str:
    """Return the trained model in one line."""
    size = settings["image_size"]
    shape = f"{settings['n_way']}-way {settings['k_shot']}-shot"
    parts = [settings["learner"], shape, f"{settings['dataset']} {size}x{size}"]
    if settings["learner"] == "leo":
        parts += [f"{name} {settings[name]}" for name in SHOWN]
    return ", ".join([*parts, f"{settings['n_train_episodes']:,} training episodes, seed {settings['seed']}"])


def local_words(settings: dict[str, Any]) -> str:
    """Return why the page is not published."""
    return (
        f"This page shows drawings of {settings['dataset']}. It stays on this machine: git ignores its folder, and "
        "publishing copies no examples."
    )


def chosen_words(examples: list[Example], n_first: int) -> str:
    """Return how the episodes were chosen among the first n_first."""
    names = [example.which for example in examples]
    which = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    return (
        f"Chosen by rule from the first {n_first} test episodes of the run's headline test: the {which} by the "
        "recorded number of correct answers after adaptation; in a tie, the first."
    )


def verified_words(result: Result, numerics: str) -> str:
    """Return that the answers agree with the record. numerics: digest of the source that answered now."""
    words = (
        "The checkpoint gives the recorded number of correct answers on each of these episodes, at every recorded step."
    )
    if result.numerics != numerics:
        words += f" The run was made by source with numerics digest {result.numerics}, the answers here by {numerics}."
    return words


def answer_words(example: Example) -> str:
    """Return accuracy before and after adaptation, and how many answers changed."""
    n, correct = example.predicted[0].size, example.correct
    after = f"{correct[-1]} of {n} queries right ({correct[-1] / n:.1%})"
    if len(example.steps) == 1:
        return f"{after}; no inner step is taken."
    changed = example.predicted[0] != example.predicted[-1]
    mended, spoilt = int((changed & example.right[-1]).sum()), int((changed & example.right[0]).sum())
    words = f"{after} after adaptation, {correct[0]} before ({correct[0] / n:.1%})."
    if not changed.any():
        return f"{words} Adaptation changed no answer."
    still = int(changed.sum()) - mended - spoilt
    answers = "1 answer" if changed.sum() == 1 else f"{changed.sum()} answers"
    return f"{words} Adaptation changed {answers}: {mended} became right, {spoilt} became wrong, {still} stayed wrong."


def movement_words(example: Example) -> str:
    """Return how far the codes move, in numbers."""
    if example.codes is None:
        return "This learner has no codes."
    found = movement(example.codes)
    n_steps, apart = len(found.steps), f"two classes' codes are {found.apart:.3g} apart at the start, on average"
    if not n_steps:
        return f"No inner step is taken, so the codes do not move; {apart}."
    ends = found.away[-1]
    steps = f"{n_steps} inner steps" if n_steps > 1 else "1 inner step"
    if not ends.any():
        return f"In {steps} the codes do not move at all; {apart}."
    words = f"In {steps} a class's code moves {ends.mean():.3g} on average ({ends.min():.3g} to {ends.max():.3g})"
    if not found.apart:
        return f"{words}; all classes start from the same code."
    share = ends.mean() / found.apart
    size = "next to nothing" if share < NEXT_TO_NOTHING else "little" if share < LITTLE else "much"
    return f"{words}; {apart}, so that is {share:.2%} of it: {size}."
