"""Counted multiply-adds, against counts by hand."""

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
    # Before adaptation and after each step the queries are answered.
    assert one - without == step + head + answers
    assert two - one == one - without


def test_the_count_depends_on_settings_alone() -> None:
    leo = make_settings(EPISODE, "leo")
    assert multiply_adds(leo) == multiply_adds(leo.model_copy(update={"seed": 5, "precision": "bfloat16"}))
    assert multiply_adds(leo.model_copy(update={"width": 16})) < multiply_adds(leo) / 5
