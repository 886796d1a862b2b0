"""The batched implementation against the literal one in slow_leo.py, in float64, for all of LEO's switches."""

import itertools

import pytest
import slow_leo
import torch
from tiny_leo import N_WAY, random_batch, stirred, tiny

from leo_bench.config import Settings

CASES = [
    tiny(relation=relation, generated=generated, decode=decode, encoder=encoder, second_order=second_order)
    for relation, (generated, decode), encoder, second_order in itertools.product(
        ("pairwise", "none"),
        (("head", "task"), ("head", "class"), ("full", "class")),
        ("separate", "shared"),
        (True, False),
    )
]


def name_of(settings: Settings) -> str:
    order = "second" if settings.second_order else "first"
    return f"{settings.relation}-{settings.generated}-{settings.decode}-{settings.encoder}-{order}"


@pytest.mark.parametrize("settings", CASES, ids=name_of)
def test_training_logits_and_gradients_are_those_of_the_literal_algorithm(
    settings: Settings, float64: torch.dtype
) -> None:
    learner = stirred(settings, float64).train()
    support_x, support_y, query_x, _ = random_batch(dtype=float64)
    weights = dict(learner.named_parameters())
    slow = torch.stack(
        [
            slow_leo.episode(weights, None, settings, *episode, N_WAY)[-1]
            for episode in zip(support_x, support_y, query_x, strict=True)
        ]
    )
    (logits,) = learner.episode_logits(support_x, support_y, query_x, N_WAY)
    torch.testing.assert_close(logits, slow, rtol=1e-10, atol=1e-10)

    direction = torch.rand(logits.shape, generator=torch.Generator().manual_seed(2), dtype=float64)
    gradients = torch.autograd.grad((logits * direction).sum(), list(weights.values()))
    slow_gradients = torch.autograd.grad((slow * direction).sum(), list(weights.values()))
    for name, gradient, slow_gradient in zip(weights, gradients, slow_gradients, strict=True):
        torch.testing.assert_close(
            gradient, slow_gradient, rtol=1e-8, atol=1e-9, msg=lambda m, name=name: f"{name}: {m}"
        )


@pytest.mark.parametrize(
    "settings", [settings for settings in CASES if settings.second_order], ids=name_of
)  # the order of the gradients plays no part at test
def test_logits_at_test_are_those_of_the_literal_algorithm_before_and_after_each_step(
    settings: Settings, float64: torch.dtype
) -> None:
    learner = stirred(settings, float64).eval()
    support_x, support_y, query_x, _ = random_batch(dtype=float64)
    weights, running = dict(learner.named_parameters()), dict(learner.named_buffers())
    with torch.no_grad():
        logits = learner.episode_logits(support_x, support_y, query_x, N_WAY)
    assert len(logits) == len(learner.scored_steps)
    for index, episode in enumerate(zip(support_x, support_y, query_x, strict=True)):
        slow = slow_leo.episode(weights, running, settings, *episode, N_WAY)
        for step, given in zip(learner.scored_steps, logits, strict=True):
            torch.testing.assert_close(given[index], slow[step], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("generated", ["head", "full"])
def test_features_of_several_pixels_are_flattened_in_the_same_order(generated: str, float64: torch.dtype) -> None:
    # At 16x16 a channel ends as one pixel; at 32x32 as 2x2, where the order of flattening starts to matter.
    settings = tiny(decode="class", generated=generated, encoder="shared", image_size=32, inner_steps=1)
    learner = stirred(settings, float64).train()
    support_x, support_y, query_x, _ = random_batch(1, dtype=float64, size=32)
    weights = dict(learner.named_parameters())
    slow = slow_leo.episode(weights, None, settings, support_x[0], support_y[0], query_x[0], N_WAY)[-1]
    (logits,) = learner.episode_logits(support_x, support_y, query_x, N_WAY)
    assert learner.classifier.feature_dim == 256
    torch.testing.assert_close(logits[0], slow, rtol=1e-10, atol=1e-10)
