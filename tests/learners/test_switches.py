"""Every setting of a model acts: two values of it differ in parameters, predictions or outer gradients."""

import itertools
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tiny_leo import N_WAY, random_batch, stirred, tiny
from torch import Tensor

from leo_bench.config import Settings
from leo_bench.models.noise import Noise

ELSEWHERE = {
    "test_outer_loop.py": {
        *("class_split", "train_classes", "rotations", "episode_mode", "k_shot", "n_query", "n_train_episodes"),
        *("meta_batch_size", "outer_lr", "clip_norm", "val_every", "n_val_episodes", "train_n_way", "train_n_query"),
        "train_k_shot",
        *("schedule", "averaged_share", "augmentation"),
    },
    "test_evaluate.py": {
        *(
            "test_split",
            "n_test_episodes",
            "test_n_ways",
            "test_k_shots",
            "test_modes",
            "test_datasets",
            "test_dataset_ways",
        ),
    },
    "test_planned_tests.py": {"test_dataset_ways", "test_n_query"},
    "test_answering_alone.py": {"test_queries"},
    "test_inner_loop_at_test.py": {"test_inner_steps", "test_inner_lr", "test_inner_temperature"},
    "test_evaluate.py, test_support_copies.py": {"test_support_copies"},
    "test_frozen_maps.py": {"frozen_maps"},
    "test_heads_at_test.py": {"test_head", "test_head_c"},
    "test_evaluate.py and test_data_episodes.py": {"test_mislabelled"},
    "where the drawings are loaded": {"dataset"},
    "nowhere: they may change the last bits alone": {"threads", "device"},
}
"""Settings that are no part of a model, by the place where they are tested."""

MODEL_SWITCHES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"learner": "protonet"}),
    ({"learner": "protonet"}, {"learner": "pixels"}),
    ({"learner": "protonet"}, {"learner": "nearest_neighbour"}),
    ({}, {"relation": "none"}),
    ({"encoder": "shared"}, {"encoder": "shared", "relation": "none"}),
    ({"generated": "full"}, {"generated": "full", "relation": "none"}),
    ({}, {"latent_dim": 6}),
    ({}, {"inner_steps": 3}),
    ({}, {"inner_steps": 0}),
    ({"generated": "full"}, {"generated": "full", "inner_steps": 1}),
    ({}, {"inner_lr": 0.25}),
    ({"generated": "full"}, {"generated": "full", "inner_lr": 0.25}),
    ({}, {"generated": "full"}),
    ({}, {"decode": "task"}),
    ({}, {"encoder": "shared"}),
    ({"generated": "full"}, {"generated": "full", "encoder": "shared"}),
    ({}, {"image_size": 32}),
    ({}, {"n_way": 4, "decode": "task"}),
    ({}, {"seed": 1}),
    ({}, {"precision": "bfloat16"}),
    ({"learner": "protonet"}, {"learner": "protonet", "precision": "bfloat16"}),
    ({}, {"feature_norm": "l2"}),
    ({"generated": "full"}, {"generated": "full", "feature_norm": "l2"}),
    ({}, {"width": 8}),
    ({"generated": "full"}, {"generated": "full", "width": 8}),
    ({"learner": "protonet"}, {"learner": "protonet", "width": 8}),
    ({}, {"padding": 2}),
    ({"encoder": "shared"}, {"encoder": "shared", "padding": 2}),
    ({"generated": "full"}, {"generated": "full", "padding": 2}),
    ({"learner": "protonet"}, {"learner": "protonet", "padding": 2}),
    ({"image_size": 32}, {"image_size": 32, "first_pool": 2}),
    ({}, {"relation": "attention"}),
    ({}, {"relation": "own"}),
    ({}, {"relation": "shuffled"}),
    ({"relation": "own"}, {"relation": "shuffled"}),
    ({"relation": "attention"}, {"relation": "shuffled"}),
    ({"relation": "none"}, {"relation": "own"}),
    ({}, {"relation_rounds": 2}),
    ({"relation": "own"}, {"relation": "own", "relation_rounds": 2}),
    ({"relation": "shuffled"}, {"relation": "shuffled", "relation_rounds": 2}),
    ({"relation": "own"}, {"relation": "own", "relation_residual": True}),
    ({"relation": "shuffled"}, {"relation": "shuffled", "relation_residual": True}),
    ({"relation": "own"}, {"relation": "own", "inner_examples": "leave_one_out"}),
    ({"relation": "shuffled"}, {"relation": "shuffled", "inner_examples": "leave_one_out"}),
    ({}, {"decoder": "linear"}),
    ({}, {"n_decoders": 2}),
    ({}, {"task_conditioned": True}),
    ({}, {"inner_lr_mode": "learned"}),
    ({"inner_lr_mode": "learned"}, {"inner_lr_mode": "per_step"}),
    ({}, {"inner_loss": "sum"}),
    ({}, {"inner_loss": "class_mean"}),
    ({"inner_loss": "sum"}, {"inner_loss": "class_mean"}),
    ({}, {"inner_temperature": 2.0}),
    ({}, {"inner_examples": "shifted"}),
    ({}, {"inner_examples": "leave_one_out"}),
    ({}, {"finetune_steps": 2}),
    ({"finetune_steps": 2}, {"finetune_steps": 2, "finetune_lr": 0.5}),
    ({}, {"latent": "gaussian"}),
    ({}, {"relation_residual": True}),
    (
        {"encoder": "shared", "decoder": "linear"},
        {"encoder": "shared", "decoder": "linear", "decoder_start": "encoder"},
    ),
    ({}, {"head_start": "prototype"}),
    ({}, {"head_bias": "distance"}),
    ({}, {"logit_scale": "learned"}),
    ({"learner": "protonet"}, {"learner": "protonet", "logit_scale": "learned"}),
    ({"learner": "nearest_neighbour"}, {"learner": "nearest_neighbour", "logit_scale": "learned"}),
    ({"relation": "none"}, {"relation": "none", "encoder": "none"}),
    ({}, {"decoded_weights": "gaussian"}),
    ({"learner": "maml"}, {"learner": "maml", "transductive": True}),
]

TRAINING_SWITCHES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"feature_dropout": 0.5}),
    ({"encoder": "shared", "inner_steps": 0}, {"encoder": "shared", "inner_steps": 0, "feature_dropout": 0.5}),
    ({"generated": "full"}, {"generated": "full", "feature_dropout": 0.5}),
    ({"latent": "gaussian"}, {"latent": "gaussian", "kl_weight": 1.0}),
    ({}, {"encoder_penalty_weight": 1.0}),
    ({}, {"label_smoothing": 0.3}),
    ({}, {"adapts": "at_test"}),
    ({"encoder": "shared"}, {"encoder": "shared", "train_support": "each"}),
    (
        {"encoder": "shared", "relation": "shuffled"},
        {"encoder": "shared", "relation": "shuffled", "train_support": "each"},
    ),
    ({"encoder": "shared", "relation": "own"}, {"encoder": "shared", "relation": "own", "train_support": "each"}),
    ({"learner": "protonet"}, {"learner": "protonet", "train_support": "each"}),
    ({"learner": "protonet"}, {"learner": "protonet", "label_smoothing": 0.3}),
    ({"decoder": "linear"}, {"decoder": "linear", "orthogonality_weight": 1.0}),
    (
        {"encoder": "none", "relation": "none"},
        {"encoder": "none", "relation": "none", "latent": "gaussian"},
    ),
    ({}, {"l2_weight": 1.0}),
    ({"generated": "full"}, {"generated": "full", "l2_weight": 1.0}),
]
"""Settings that act in training alone."""


def test_every_setting_is_tested_somewhere() -> None:
    of_the_model = {name for _, changed in MODEL_SWITCHES + TRAINING_SWITCHES for name in changed} | {"second_order"}
    elsewhere = set().union(*ELSEWHERE.values())
    assert of_the_model | elsewhere == set(Settings.model_fields)
    assert not of_the_model & elsewhere


def facts(changes: dict[str, Any]) -> tuple[dict[str, tuple[int, ...]], Tensor | None]:
    """Return names and shapes of the parameters, and the logits of one meta-batch if it fits the settings."""
    settings = tiny(**{"decode": "class", "width": 64, **changes})
    learner = stirred(settings).eval()
    shapes = {name: tuple(parameter.shape) for name, parameter in learner.named_parameters()}
    if (settings.image_size, settings.n_way) != (16, N_WAY):
        return shapes, None
    support_x, support_y, query_x, _ = random_batch()
    with torch.no_grad():
        return shapes, learner.episode_logits(support_x, support_y, query_x, N_WAY)[-1]


@pytest.mark.parametrize(("base", "changed"), MODEL_SWITCHES, ids=str)
def test_the_switch_changes_the_parameters_or_the_predictions(base: dict[str, Any], changed: dict[str, Any]) -> None:
    shapes, logits = facts(base)
    other_shapes, other_logits = facts(changed)
    if shapes == other_shapes:
        assert logits is not None
        assert other_logits is not None
        assert (logits - other_logits).abs().max() > 1e-4
    # and the test can fail: the same settings give the same answers
    if logits is not None:
        again = facts(base)[1]
        assert again is not None
        assert torch.equal(logits, again)


@pytest.mark.parametrize(("base", "changed"), TRAINING_SWITCHES, ids=str)
def test_the_switch_changes_the_loss_of_training_and_no_answer_at_test(
    base: dict[str, Any], changed: dict[str, Any]
) -> None:
    losses, answers = [], []
    for changes in (base, changed, changed):
        learner = stirred(tiny(**{"decode": "class", **changes}))
        losses.append(learner.train().loss(*random_batch(), N_WAY)[0].detach())
        support_x, support_y, query_x, _ = random_batch()
        with torch.no_grad():
            answers.append(learner.eval().episode_logits(support_x, support_y, query_x, N_WAY)[-1])
    assert abs(losses[1] - losses[0]) > 1e-4
    assert losses[1] == losses[2]  # drawn numbers come from the seed
    torch.testing.assert_close(answers[0], answers[1])


@pytest.mark.parametrize("generated", ["head", "full"])
def test_l2_counts_what_generates_weights_and_nothing_else(generated: str) -> None:
    learner = stirred(tiny(decode="class", generated=generated, latent="gaussian", finetune_steps=1))
    parts = ("encoder.", "relation_net.", "latent.", "decoder.", "generator.")
    expected = sum(p.square().sum() for name, p in learner.named_parameters() if name.startswith(parts)) / 2
    torch.testing.assert_close(learner.half_squares(), expected)
    assert any(name.startswith("generator.") for name, _ in learner.named_parameters()) is (generated == "full")


def test_the_encoder_penalty_pulls_the_encoder_and_not_the_decoder() -> None:
    # Only the adapted code depends on the decoder, and it counts as a constant.
    def gradients(weight: float) -> dict[str, Tensor | None]:
        learner = stirred(tiny(decode="class", inner_lr=5.0, encoder_penalty_weight=weight), torch.float64).train()
        learner.loss(*random_batch(dtype=torch.float64), N_WAY)[0].backward()
        return {name: parameter.grad for name, parameter in learner.named_parameters()}

    without, weighted = gradients(0.0), gradients(1000.0)
    for name, part in (("decoder.fc3.weight", False), ("decoder.fc1.weight", False), ("encoder.fc.weight", True)):
        one, other = without[name], weighted[name]
        assert one is not None
        assert other is not None
        assert torch.allclose(one, other, rtol=1e-9, atol=1e-12) != part, name


def test_each_pass_over_features_has_a_dropout_mask_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Tensor] = []
    kept = Noise.kept
    monkeypatch.setattr(Noise, "kept", lambda self, *given: drawn.append(kept(self, *given)) or drawn[-1])
    changes = {"decode": "class", "encoder": "shared", "feature_dropout": 0.5, "finetune_steps": 3, "inner_steps": 2}
    learner = stirred(tiny(**changes)).train()
    learner.loss(*random_batch(), N_WAY)
    assert len(drawn) == 1 + 2 + 3 + 1  # the encoding, each inner and fine-tuning step, the queries
    supports = [mask for mask in drawn if mask.shape == drawn[0].shape]
    assert all(not torch.equal(one, other) for one, other in itertools.combinations(supports, 2))
    for more, n_masks in (
        ({"train_support": "each"}, 1 + 2 + 3 + 1),  # in turns the images are encoded once
        ({"generated": "full", "finetune_steps": 0}, 1 + 2 + 1),  # a whole CNN: no mask that each step shares
    ):
        drawn.clear()
        stirred(tiny(**{**changes, **more})).train().loss(*random_batch(), N_WAY)
        assert len(drawn) == n_masks, more
    drawn.clear()
    with torch.no_grad():
        learner.eval().episode_logits(*random_batch()[:3], N_WAY)
    assert drawn == []


@pytest.mark.parametrize("generated", ["head", "full"])
def test_second_order_changes_the_outer_gradient_and_not_the_predictions(generated: str) -> None:
    gradients, predictions = [], []
    for second_order in (True, False):
        learner = stirred(tiny(decode="class", generated=generated, second_order=second_order)).train()
        support_x, support_y, query_x, query_y = random_batch()
        (logits,) = learner.episode_logits(support_x, support_y, query_x, N_WAY)
        F.cross_entropy(logits.flatten(0, 1), query_y.flatten()).backward()
        predictions.append(logits.detach())
        gradients.append({name: parameter.grad for name, parameter in learner.named_parameters()})
    torch.testing.assert_close(predictions[0], predictions[1])
    for name in ("decoder.fc3.weight", "decoder.fc1.weight", "encoder.fc.weight"):
        second, first = (gradient[name] for gradient in gradients)
        assert (second - first).norm() > 0.01 * second.norm(), name
