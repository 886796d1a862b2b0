"""The batched implementation against the literal one in slow_leo.py, in float64, for all of LEO's switches."""

import itertools
from typing import Any

import pytest
import slow_leo
import torch
from tiny_leo import N_WAY, random_batch, stirred, tiny
from torch import Tensor

from leo_bench.config import Settings
from leo_bench.models.noise import Noise

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


PARTS: dict[str, dict[str, Any]] = {
    "attention": {"relation": "attention"},
    "two rounds": {"relation_rounds": 2},
    "two rounds of attention": {"relation": "attention", "relation_rounds": 2},
    "relation to itself": {"relation": "own"},
    "relation to itself, added in two rounds": {"relation": "own", "relation_residual": True, "relation_rounds": 2},
    "shuffled neighbours": {"relation": "shuffled"},
    "shuffled neighbours, added in two rounds, leave one out": {
        "relation": "shuffled",
        "relation_residual": True,
        "relation_rounds": 2,
        "inner_examples": "leave_one_out",
    },
    "full, shuffled neighbours": {"relation": "shuffled", "generated": "full"},
    "linear decoder": {"decoder": "linear"},
    "linear decoder of the task": {"decoder": "linear", "decode": "task"},
    "task conditioned": {"task_conditioned": True},
    "three decoders": {"n_decoders": 3},
    "two decoders of the task": {"n_decoders": 2, "decode": "task"},
    "two conditioned decoders": {"n_decoders": 2, "task_conditioned": True},
    "drawn codes": {"latent": "gaussian"},
    "drawn weights": {"decoded_weights": "gaussian"},
    "learned rate": {"inner_lr_mode": "learned"},
    "learned rate per step": {"inner_lr_mode": "per_step"},
    "summed inner loss": {"inner_loss": "sum", "inner_lr": 0.1},
    "summed class means, warm": {"inner_loss": "class_mean", "inner_temperature": 2.0},
    "warm loop and fine-tuning": {"inner_temperature": 4.0, "finetune_steps": 2, "finetune_lr": 0.3},
    "narrow": {"width": 8},
    "padded": {"padding": 8},
    "padded, shared encoder, shifted copies": {"padding": 3, "encoder": "shared", "inner_examples": "shifted"},
    "padded and full": {"padding": 2, "generated": "full"},
    "padded and full, shared encoder": {"padding": 2, "generated": "full", "encoder": "shared"},
    "features of unit length": {"feature_norm": "l2"},
    "shifted copies of unit length": {"feature_norm": "l2", "inner_examples": "shifted"},
    "full, features of unit length": {"feature_norm": "l2", "generated": "full", "encoder": "shared"},
    "full and narrow": {"generated": "full", "width": 8},
    "fine-tuning": {"finetune_steps": 2, "finetune_lr": 0.3},
    "fine-tuning alone": {"inner_steps": 0, "finetune_steps": 2, "finetune_lr": 0.3},
    "fine-tuning, first order": {"finetune_steps": 2, "finetune_lr": 0.3, "second_order": False},
    "shifted copies": {"inner_examples": "shifted"},
    "leave one out": {"inner_examples": "leave_one_out"},
    "leave one out, attention, linear": {
        "inner_examples": "leave_one_out",
        "relation": "attention",
        "decoder": "linear",
        "encoder": "shared",
    },
    "relations added": {"relation_residual": True},
    "relations added in two rounds": {"relation_residual": True, "relation_rounds": 2, "relation": "attention"},
    "bias of distances": {"head_bias": "distance"},
    "learned scale": {"logit_scale": "learned"},
    "started as prototypes": {
        "encoder": "shared",
        "decoder": "linear",
        "decoder_start": "encoder",
        "relation_residual": True,
        "head_bias": "distance",
        "logit_scale": "learned",
        "finetune_steps": 1,
    },
    "prototypes plus a decoded part": {"head_start": "prototype"},
    "prototypes plus a decoded part, all else too": {
        "head_start": "prototype",
        "encoder": "shared",
        "decoder": "linear",
        "relation_residual": True,
        "head_bias": "distance",
        "logit_scale": "learned",
        "feature_norm": "l2",
        "inner_examples": "shifted",
        "finetune_steps": 1,
        "n_decoders": 2,
        "decoded_weights": "gaussian",
    },
    "drawn, with a bias of distances and a scale": {
        "decoded_weights": "gaussian",
        "head_bias": "distance",
        "logit_scale": "learned",
    },
    "full, with a bias of distances and a scale": {
        "generated": "full",
        "head_bias": "distance",
        "logit_scale": "learned",
    },
    "no encoder": {"encoder": "none", "relation": "none"},
    "no encoder, drawn": {"encoder": "none", "relation": "none", "latent": "gaussian", "decoder": "linear"},
    "no encoder, full": {"encoder": "none", "relation": "none", "generated": "full"},
    "full, fine-tuning": {"generated": "full", "finetune_steps": 2, "finetune_lr": 0.3},
    "full, drawn": {"generated": "full", "latent": "gaussian", "decoded_weights": "gaussian"},
    "full, linear, learned rate": {"generated": "full", "decoder": "linear", "inner_lr_mode": "learned"},
    "all of the paper": {
        "feature_norm": "l2",
        "encoder": "shared",
        "decoder": "linear",
        "latent": "gaussian",
        "decoded_weights": "gaussian",
        "inner_lr_mode": "learned",
        "inner_lr": 0.1,
        "inner_loss": "sum",
        "finetune_steps": 2,
        "finetune_lr": 0.3,
    },
}
"""The other parts of LEO, changed in the preset leo."""
CASES += [tiny(**{"decode": "class", **changes}) for changes in PARTS.values()]
IDS = [name_of(settings) for settings in CASES[: -len(PARTS)]] + list(PARTS)
NOISE = 0.3
"""Value of every drawn number in these tests."""


@pytest.fixture(autouse=True)
def known_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Noise, "normal", lambda _, like: torch.full_like(like, NOISE))


@pytest.mark.parametrize("settings", CASES, ids=IDS)
def test_training_logits_and_gradients_are_those_of_the_literal_algorithm(
    settings: Settings, float64: torch.dtype
) -> None:
    learner = stirred(settings, float64).train()
    support_x, support_y, query_x, _ = random_batch(dtype=float64)
    weights = dict(learner.named_parameters())
    slow = torch.stack(
        [
            slow_leo.episode(weights, None, settings, *episode, N_WAY, NOISE)[-1]
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


@pytest.mark.parametrize("settings", CASES, ids=IDS)
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


@pytest.mark.parametrize("settings", CASES, ids=IDS)
def test_losses_and_distances_of_the_loop_are_those_of_the_literal_algorithm(
    settings: Settings, float64: torch.dtype
) -> None:
    learner = stirred(settings, float64).eval()
    support_x, support_y, query_x, _ = random_batch(dtype=float64)
    weights, running = dict(learner.named_parameters()), dict(learner.named_buffers())
    with torch.no_grad():
        support, query = (
            tuple(rows.unflatten(0, (2, -1)) for rows in learner.image_features(images.flatten(0, 1)))
            for images in (support_x, query_x)
        )
        logits, loop = learner.answers_from_features(support, support_y, query, N_WAY)
        expected = learner.logits_from_features(support, support_y, query, N_WAY)
    assert all(torch.equal(one, other) for one, other in zip(logits, expected, strict=True))
    assert loop is not None
    for index, episode in enumerate(zip(support_x, support_y, query_x, strict=True)):
        slow = slow_leo.adapted(weights, running, settings, *episode, N_WAY)
        n_examples = {"sum": len(support_y[0]), "class_mean": N_WAY, "mean": 1}[settings.inner_loss]
        given = [loop.loss_before, loop.loss_after, *([] if loop.loss_finetuned is None else [loop.loss_finetuned])]
        assert [loss[index].item() for loss in given] == pytest.approx(
            [loss.item() / n_examples for loss in slow.losses], rel=1e-10
        )
        first, last = slow.points[0], slow.points[-1]
        moves = [distance(a, b) for a, b in zip(first, last, strict=True)]
        pairs = [distance(a, b) for a, b in itertools.combinations(first, 2)]
        assert loop.code_move[index].item() == pytest.approx(sum(moves) / len(moves), rel=1e-8, abs=1e-12)
        assert loop.class_distance[index].item() == pytest.approx(sum(pairs) / len(pairs), rel=1e-8, abs=1e-12)


def distance(a: Tensor, b: Tensor) -> float:
    return ((a - b) ** 2).sum().sqrt().item()


@pytest.mark.parametrize("generated", ["head", "full"])
def test_features_of_several_pixels_are_flattened_in_the_same_order(generated: str, float64: torch.dtype) -> None:
    # At 16x16 a channel ends as one pixel; at 32x32 as 2x2, where the order of flattening starts to matter.
    settings = tiny(decode="class", generated=generated, encoder="shared", image_size=32, inner_steps=1)
    learner = stirred(settings, float64).train()
    support_x, support_y, query_x, _ = random_batch(1, dtype=float64, size=32)
    weights = dict(learner.named_parameters())
    slow = slow_leo.episode(weights, None, settings, support_x[0], support_y[0], query_x[0], N_WAY)[-1]
    (logits,) = learner.episode_logits(support_x, support_y, query_x, N_WAY)
    assert learner.classifier.feature_dim == 4 * settings.width
    torch.testing.assert_close(logits[0], slow, rtol=1e-10, atol=1e-10)
