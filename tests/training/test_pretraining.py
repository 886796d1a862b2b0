"""Pretraining: a classifier of all training classes, by hand and against plain operations."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tiny_bank import tiny_bank
from torch import Tensor

from leo_bench.config import make_settings
from leo_bench.data.splits import class_split
from leo_bench.learners import LEARNERS
from leo_bench.learners.factory import build
from leo_bench.learners.pretrained import Pretrained
from leo_bench.models.prototypes import nearest_mean_logits
from leo_bench.running.process import prepare
from leo_bench.training.pretraining import Classifier, train
from leo_bench.training.state import History, Snapshot, TrainingState

BANK = tiny_bank()
BASE: dict[str, Any] = {
    "learner": "pretrained",
    "dataset": "glyphs",
    "image_size": 16,
    "n_way": 3,
    "n_query": 2,
    "width": 16,
    "n_train_episodes": 16,
    "meta_batch_size": 2,
    "val_every": 8,
    "n_val_episodes": 4,
}
CHARACTERS = class_split(BANK, "lake", "train")["train"]


def learner_of(**changes: Any) -> Pretrained:
    learner = build(make_settings({**BASE, **changes}))
    assert isinstance(learner, Pretrained)
    return learner


def trained(start: Snapshot | None = None, **changes: Any) -> tuple[dict[str, Tensor], History, list[Snapshot]]:
    """Return weights, learning curve, and a snapshot after each update but the last."""
    settings, snapshots = make_settings({**BASE, **changes}), []
    learner = learner_of(**changes)

    def keep(state: TrainingState) -> None:
        snapshot = state.snapshot()
        snapshots.append(replace(snapshot, values=json.loads(json.dumps(snapshot.values))))

    history = train(learner, BANK, settings, None, start, keep)
    return learner.state_dict(), history, snapshots


@pytest.mark.parametrize("rotations", [True, False])
def test_a_label_is_the_place_of_the_character_and_the_number_of_quarter_turns(
    rotations: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Tensor, Tensor]] = []
    plain = Classifier.loss

    def noted(self: Classifier, *arguments: Any) -> tuple[Tensor, Tensor]:
        support_x, support_y, query_x, query_y, _ = arguments
        seen.extend(zip(torch.cat([support_x, query_x], 1), torch.cat([support_y, query_y], 1), strict=True))
        return plain(self, *arguments)

    monkeypatch.setattr(Classifier, "loss", noted)
    trained(rotations=rotations)
    turns = 4 if rotations else 1
    assert len(seen) == 16
    labels = torch.stack([labels for _, labels in seen]).unique()
    assert labels.max() < turns * len(CHARACTERS)
    assert len((labels % turns).unique()) == turns
    for images, of_images in seen:
        for image, label in zip(images, of_images.tolist(), strict=True):
            drawings = torch.rot90(BANK.images[CHARACTERS[label // turns]], label % turns, dims=(1, 2)) / 255
            assert (drawings == image[0]).flatten(1).all(1).any()


def test_loss_and_gradients_are_those_of_a_plain_softmax_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    float64 = torch.float64
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)  # Conv-4 casts its features to float32
    learner = learner_of().to(float64)
    model = Classifier(learner, 7, make_settings(BASE)).to(float64).train()
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 9, 1, 16, 16, generator=generator, dtype=float64)
    labels = torch.randint(28, (2, 9), generator=generator)
    loss, accuracy = model.loss(images[:, :3], labels[:, :3], images[:, 3:], labels[:, 3:], 3)
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    model.zero_grad()
    logits = []
    for x in images:  # an episode at a time, normalised by its own statistics
        for block in learner.backbone.blocks:
            x = F.conv2d(x, block.conv.weight, padding=1)  # type: ignore[union-attr, arg-type]
            x = F.batch_norm(x, None, None, block.norm.weight, block.norm.bias, training=True)  # type: ignore[union-attr, arg-type]
            x = F.max_pool2d(F.relu(x), 2)
        logits.append(x.flatten(1) @ model.fc.weight.T + model.fc.bias)
    expected = F.cross_entropy(torch.cat(logits), labels.flatten())
    torch.testing.assert_close(loss, expected, rtol=1e-9, atol=1e-9)
    assert accuracy == (torch.stack(logits).argmax(-1) == labels).double().mean()
    expected.backward()
    for name, parameter in model.named_parameters():
        if not name.endswith("conv.bias"):
            torch.testing.assert_close(gradients[name], parameter.grad, rtol=1e-6, atol=1e-9)


def test_an_update_of_the_layer_by_hand() -> None:
    # Adam's first step is outer_lr times the sign of the gradient. A row's bias has the gradient softmax minus share of
    # the class among the images: negative for the classes of the batch, if their share is above 1 / n_classes, else
    # positive.
    settings = make_settings({**BASE, "n_train_episodes": 2, "meta_batch_size": 2, "rotations": False})
    seen: list[Classifier] = []
    labels: list[Tensor] = []
    init, loss = Classifier.__init__, Classifier.loss

    def noted_init(self: Classifier, *arguments: Any) -> None:
        init(self, *arguments)
        with torch.no_grad():
            self.fc.weight.zero_()
            self.fc.bias.zero_()
        seen.append(self)

    def noted_loss(self: Classifier, *arguments: Any) -> tuple[Tensor, Tensor]:
        labels.append(torch.cat([arguments[1], arguments[3]], dim=1))
        return loss(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Classifier, "__init__", noted_init)
        patch.setattr(Classifier, "loss", noted_loss)
        train(learner_of(), BANK, settings)
    expected = torch.full((len(CHARACTERS),), -settings.outer_lr)
    expected[torch.cat(labels).unique()] = settings.outer_lr
    torch.testing.assert_close(seen[0].fc.bias.detach(), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("changes", [{}, {"schedule": "one_cycle", "averaged_share": 0.5}], ids=str)
def test_a_training_resumed_after_any_update_ends_with_the_same_bits(changes: dict[str, Any]) -> None:
    prepare(make_settings(BASE))
    weights, history, snapshots = trained(**changes)
    assert [snapshot.episode for snapshot in snapshots] == [2, 4, 6, 8, 10, 12, 14]
    assert [episode for episode, *_ in history.validation] == [8, 16]
    for snapshot in snapshots[::2]:
        again, curve, _ = trained(snapshot, **changes)
        assert all(torch.equal(again[name], tensor) for name, tensor in weights.items())
        assert curve == history


def test_the_layer_is_dropped_and_class_means_answer() -> None:
    weights, _, _ = trained()
    learner = learner_of()
    assert list(weights) == list(learner.state_dict())
    learner.load_state_dict(weights)
    support, query = BANK.images[:3, :1].float() / 255, BANK.images[:3, 1:3].float() / 255
    support, query, labels = support.flatten(0, 1)[None, :, None], query.flatten(0, 1)[None, :, None], torch.arange(3)
    learner.eval()
    with torch.no_grad():
        (logits,) = learner.episode_logits(support, labels[None], query, 3)
        known, asked = (learner.backbone(images[0])[None] for images in (support, query))
    torch.testing.assert_close(logits, nearest_mean_logits(known, labels[None], asked, 3), rtol=1e-3, atol=1e-3)


def test_it_learns_to_tell_the_training_characters_apart() -> None:
    _, history, _ = trained(n_train_episodes=400, meta_batch_size=1, outer_lr=0.01, rotations=False)
    losses = [loss for _, loss, *_ in history.curve]
    assert losses[-1] < 0.7 * losses[0]


def test_without_episodes_nothing_is_trained() -> None:
    weights, history, _ = trained(n_train_episodes=0)
    assert history == History()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in learner_of().state_dict().items())


def test_a_run_of_this_learner_is_trained_here() -> None:
    assert LEARNERS["pretrained"].trainer == "pretraining"
    assert {entry.trainer for name, entry in LEARNERS.items() if name != "pretrained"} == {"outer_loop"}
