"""Counted multiply-adds, against counts by hand."""

import pytest

from leo_bench.config import make_settings
from leo_bench.training.flops import multiply_adds

EPISODE = {"image_size": 28, "n_way": 3, "k_shot": 2, "n_query": 4}
IMAGES = 3 * 2 + 3 * 4
# Conv-4, width 64: 28x28, 14x14, 7x7 and 3x3 places; 9 inputs a place, then 9 * 64.
CONV4 = 28 * 28 * 9 * 64 + (14 * 14 + 7 * 7 + 3 * 3) * 9 * 64 * 64


def test_a_prototype_classifier_counts_its_cnn_means_and_distances() -> None:
    found = multiply_adds(make_settings({**EPISODE, "learner": "protonet"}))
    means, distances = 3 * 6 * 64, 12 * 3 * 64
    assert found == IMAGES * CONV4 + means + distances


def test_leo_with_a_linear_map_at_each_end() -> None:
    # Shared encoder, no relations, linear decoder: every product can be named.
    settings = {**EPISODE, "encoder": "shared", "relation": "none", "decoder": "linear", "latent_dim": 8}
    encode, means, head = 6 * 64 * 8, 3 * 6 * 8, 3 * 8 * 65
    answers = 12 * 3 * 64
    without = multiply_adds(make_settings({**settings, "inner_steps": 0}, "leo"))
    project = 6 * 65 * 8  # the support features pass the decoder's weights once, for all steps
    assert without == IMAGES * CONV4 + encode + means + project + head + answers
    # A step answers the support set from its projection and goes back to the codes.
    step = 6 * 3 * 8 + 6 * 3 * 8
    one, two = (multiply_adds(make_settings({**settings, "inner_steps": steps}, "leo")) for steps in (1, 2))
    # The head is applied to the features of the queries before adaptation and after each step.
    assert one - without == step + head + answers
    assert two - one == one - without


@pytest.mark.parametrize("images", [{"padding": 0}, {"padding": 2}])
def test_maml_passes_its_own_cnn_forward_and_back_in_each_step_and_then_once_for_all_images(
    images: dict[str, int],
) -> None:
    settings = {**EPISODE, **images, "learner": "maml"}
    none, one, two = (multiply_adds(make_settings({**settings, "inner_steps": steps})) for steps in range(3))
    places = (28 + 2 * images["padding"]) ** 2, *(((28 + 2 * images["padding"]) // 2**n) ** 2 for n in (1, 2, 3))
    first, others = places[0] * 9 * 64, sum(places[1:]) * 9 * 64 * 64
    features = ((28 + 2 * images["padding"]) // 16) ** 2 * 64
    head = features * 3
    assert none == IMAGES * (first + others + head)
    # A step has the support set forward and back: by all weights, and by the inputs of all layers but the first.
    support = 3 * 2
    assert one - none == support * (2 * first + 3 * others + 3 * head)
    assert two - one == one - none


def test_a_generated_cnn_answers_after_the_last_step_alone() -> None:
    settings = {**EPISODE, "generated": "full", "encoder": "shared", "relation": "none", "latent_dim": 8}
    none, one, two = (multiply_adds(make_settings({**settings, "inner_steps": steps}, "leo")) for steps in range(3))
    assert two - one == one - none < 3 * 6 * CONV4 + 10**8  # no pass of the 12 queries beside that of the support set


def test_the_count_depends_on_settings_alone() -> None:
    leo = make_settings(EPISODE, "leo")
    assert multiply_adds(leo) == multiply_adds(leo.model_copy(update={"seed": 5, "precision": "bfloat16"}))
    assert multiply_adds(leo.model_copy(update={"width": 16})) < multiply_adds(leo) / 5
