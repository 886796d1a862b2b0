"""MAML, Meta-SGD, ANIL and Reptile against a plain loop in float64, and their switches."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from slow_maml import SlowMaml, cnn, reptile_gradient
from tiny_leo import K_SHOT, N_QUERY, N_WAY, at_test, random_batch, stirred, tiny
from torch import Tensor

from leo_bench.errors import LeoBenchError
from leo_bench.learners.anil import Anil
from leo_bench.learners.factory import build
from leo_bench.learners.maml import Maml
from leo_bench.learners.meta_sgd import MetaSgd
from leo_bench.learners.reptile import minibatches
from leo_bench.running.checkpoint import trained_learner

CASES: dict[str, dict[str, Any]] = {
    "maml": {"learner": "maml"},
    "maml, first order": {"learner": "maml", "second_order": False},
    "maml, transductive": {"learner": "maml", "transductive": True},
    "maml, three steps": {"learner": "maml", "inner_steps": 3, "padding": 2},
    "meta_sgd": {"learner": "meta_sgd"},
    "meta_sgd, first order": {"learner": "meta_sgd", "second_order": False},
    "reptile": {"learner": "reptile"},
}


def slow_of(learner: Maml) -> SlowMaml:
    settings = learner.settings
    return SlowMaml(dict(learner.step_sizes()), settings.inner_steps, settings.second_order, settings.transductive)


def padded(images: Tensor, padding: int) -> Tensor:
    return F.pad(images, [padding] * 4)


@pytest.mark.parametrize("changes", CASES.values(), ids=CASES)
def test_logits_and_outer_gradients_are_those_of_a_plain_loop(float64: torch.dtype, changes: dict[str, Any]) -> None:
    learner = stirred(tiny(**changes), float64).train()
    assert isinstance(learner, Maml)
    batch = random_batch(dtype=float64)
    if changes["learner"] != "reptile":
        loss, _ = learner.loss(*batch, N_WAY)
        loss.backward()
        gradients = [parameter.grad for parameter in learner.parameters()]
        learner.zero_grad()
    expected = []
    for support_x, support_y, query_x, query_y in zip(*batch, strict=True):
        slow, padding = slow_of(learner), learner.settings.padding
        logits = slow.query_logits(learner.start(), padded(support_x, padding), support_y, padded(query_x, padding))
        F.cross_entropy(logits[-1], query_y).div(2).backward()
        expected.append([logits[step] for step in learner.scored_steps])
    if changes["learner"] != "reptile":
        for (name, parameter), gradient in zip(learner.named_parameters(), gradients, strict=True):
            torch.testing.assert_close(
                gradient, parameter.grad, rtol=1e-6, atol=1e-9, msg=lambda m, name=name: f"{name}: {m}"
            )
    with torch.no_grad():
        found = learner.eval().episode_logits(*batch[:3], N_WAY)
    for step, logits_by_episode in zip(found, zip(*expected, strict=True), strict=True):
        torch.testing.assert_close(step, torch.stack(logits_by_episode), rtol=1e-7, atol=1e-8)


def test_anil_is_the_plain_loop_on_the_head_alone(float64: torch.dtype) -> None:
    learner = stirred(tiny(learner="anil"), float64).train()
    assert isinstance(learner, Anil)
    support_x, support_y, query_x, query_y = random_batch(1, dtype=float64)
    loss, _ = learner.loss(support_x, support_y, query_x, query_y, N_WAY)
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in learner.named_parameters()}
    learner.zero_grad()
    start = {"weight": learner.fc.weight, "bias": learner.fc.bias}
    for block, layer in enumerate(learner.backbone.blocks):
        start |= {f"kernel{block}": layer.conv.weight, f"scale{block}": layer.norm.weight}  # type: ignore[dict-item, union-attr]
        start |= {f"shift{block}": layer.norm.bias}  # type: ignore[dict-item, union-attr]
    images = torch.cat([support_x[0], query_x[0]])
    weights, n_support = dict(start), support_x.shape[1]
    for _ in range(2):
        inner = F.cross_entropy(cnn(weights, images, len(images))[:n_support], support_y[0])
        of_head = torch.autograd.grad(inner, [weights["weight"], weights["bias"]], create_graph=True)
        weights |= {
            name: weights[name] - 0.5 * gradient for name, gradient in zip(("weight", "bias"), of_head, strict=True)
        }
    slow_loss = F.cross_entropy(cnn(weights, images, len(images))[n_support:], query_y[0])
    torch.testing.assert_close(loss, slow_loss, rtol=1e-9, atol=1e-9)
    slow_loss.backward()
    for name, parameter in learner.named_parameters():
        if not name.endswith("conv.bias"):
            torch.testing.assert_close(gradients[name], parameter.grad, rtol=1e-6, atol=1e-9)


def test_reptile_moves_from_the_start_towards_the_mean_end_of_plain_trainings(float64: torch.dtype) -> None:
    settings = tiny(learner="reptile", inner_steps=3, inner_lr=0.2)
    learner = stirred(settings, float64).train()
    assert isinstance(learner, Maml)
    support_x, support_y, query_x, query_y = random_batch(dtype=float64)
    loss, accuracy = learner.loss(support_x, support_y, query_x, query_y, N_WAY)
    loss.backward()
    found = {name: tensor.grad for name, tensor in learner.start().items()}
    expected = []
    for e in range(2):
        images, labels = torch.cat([support_x[e], query_x[e]]), torch.cat([support_y[e], query_y[e]])
        places = [[index for index, label in enumerate(labels.tolist()) if label == c] for c in range(N_WAY)]
        parts = [[index for place in places for index in place[begin:end]] for begin, end in ((0, 2), (2, 3), (3, 4))]
        expected.append(reptile_gradient(learner.start(), 0.2, [(images[part], labels[part]) for part in parts]))
    for name, gradient in found.items():
        mean = (expected[0][name] + expected[1][name]) / 2
        torch.testing.assert_close(gradient, mean, rtol=1e-6, atol=1e-9, msg=lambda m, name=name: f"{name}: {m}")
        assert mean.abs().max() > 0
    assert loss > 0
    assert 0 <= accuracy <= 1


def test_minibatches_of_reptile_by_hand() -> None:
    # Class 0 has images 0, 2, 5, 6 and class 1 has 1, 3, 4, 7; three parts take two, one and one of each.
    labels = torch.tensor([[0, 1, 0, 1, 1, 0, 0, 1]])
    assert [part.tolist() for part in minibatches(labels, 2, 3)] == [[[0, 2, 1, 3]], [[5, 4]], [[6, 7]]]


def test_reptile_uses_each_image_once() -> None:
    _, support_y, _, query_y = random_batch()
    parts = minibatches(torch.cat([support_y, query_y], dim=1), N_WAY, 3)
    assert [part.shape[1] for part in parts] == [2 * N_WAY, N_WAY, N_WAY]
    for row in torch.cat(parts, dim=1):
        assert sorted(row.tolist()) == list(range(N_WAY * (K_SHOT + N_QUERY)))


def logits_of(query_x: Tensor | None = None, **changes: Any) -> list[Tensor]:
    """Logits at test of the first episode at every scored step."""
    learner, batch = stirred(tiny(**changes)).eval(), random_batch(1)
    with torch.no_grad():
        return learner.episode_logits(batch[0], batch[1], batch[2] if query_x is None else query_x, N_WAY)


@pytest.mark.parametrize("learner", ["maml", "meta_sgd", "reptile"])
def test_transductive_answers_depend_on_the_other_queries_and_are_labelled(learner: str) -> None:
    batch = random_batch(1)
    inductive, transductive = (logits_of(learner=learner, transductive=value)[-1] for value in (False, True))
    assert not torch.allclose(inductive, transductive, atol=1e-3)
    alone = logits_of(batch[2][:, :1], learner=learner, transductive=True)[-1]
    assert not torch.allclose(alone, transductive[:, :1], atol=1e-3)
    of_both = [build(tiny(learner=learner, transductive=value)).batch_norm for value in (False, True)]
    assert of_both == ["support", "transductive"]


@pytest.mark.parametrize("learner", ["maml", "meta_sgd", "anil", "reptile"])
def test_steps_and_their_size_change_the_answers(learner: str) -> None:
    base = logits_of(learner=learner)
    assert not torch.equal(base[0], base[-1])
    assert torch.equal(base[0], logits_of(learner=learner, inner_steps=1)[0])
    assert not torch.equal(base[-1], logits_of(learner=learner, inner_steps=3)[-1])
    assert not torch.equal(base[-1], logits_of(learner=learner, inner_lr=0.25)[-1])


@pytest.mark.parametrize("learner", ["maml", "meta_sgd", "anil"])
def test_the_order_of_the_gradient_changes_training_alone(learner: str) -> None:
    def gradient(second_order: bool) -> Tensor:
        model = stirred(tiny(learner=learner, second_order=second_order)).train()
        model.loss(*random_batch(), N_WAY)[0].backward()
        return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

    assert not torch.allclose(gradient(True), gradient(False), rtol=1e-3)
    for one, other in zip(logits_of(learner=learner), logits_of(learner=learner, second_order=False), strict=True):
        assert torch.equal(one, other)


def test_before_training_meta_sgd_answers_as_maml() -> None:
    batch = random_batch()
    answers = [build(tiny(learner=name)).eval().episode_logits(*batch[:3], N_WAY) for name in ("maml", "meta_sgd")]
    for one, other in zip(*answers, strict=True):
        torch.testing.assert_close(one, other)


def test_each_rate_of_meta_sgd_moves_its_own_weight() -> None:
    learner = build(tiny(learner="meta_sgd", inner_steps=1)).eval()
    assert isinstance(learner, MetaSgd)
    with torch.no_grad():
        for rate in learner.rates.values():
            rate.zero_()
        learner.rates["weight"][1, 3] = 0.5
    support_x, support_y, _, _ = random_batch()
    start, end = learner.adapt(support_x, support_y)
    for name, tensor in end.items():
        moved = tensor != start[name]
        assert moved.sum() == (2 if name == "weight" else 0), name  # one number in each of two episodes
    assert (end["weight"] != start["weight"])[:, 1, 3].all()


@pytest.mark.parametrize(
    ("learner", "n_way", "weights"),
    # 16 channels: kernels 16 * 9 and three of 16 * 16 * 9, scales and shifts 8 * 16, features of one pixel: 16
    [("maml", 3, 144 + 3 * 2304 + 128 + 3 * 17), ("reptile", 3, 144 + 3 * 2304 + 128 + 3 * 17), ("anil", 3, 3 * 17)],
)
def test_the_weights_that_an_episode_has_of_its_own(learner: str, n_way: int, weights: int) -> None:
    assert build(tiny(learner=learner)).n_generated(n_way) == weights


def test_meta_sgd_has_a_rate_for_each_weight() -> None:
    maml, meta_sgd = (build(tiny(learner=name)) for name in ("maml", "meta_sgd"))
    counts = [sum(p.numel() for p in learner.parameters()) for learner in (maml, meta_sgd)]
    assert counts[1] == 2 * counts[0]


@pytest.mark.parametrize("learner", ["maml", "anil", "reptile"])
def test_steps_and_rate_at_test_are_those_of_the_test(learner: str) -> None:
    settings = tiny(learner=learner)
    weights, batch = stirred(settings).state_dict(), random_batch()
    asked = trained_learner(settings, weights, at_test(inner_steps=3, inner_lr=0.25))
    changed = trained_learner(tiny(learner=learner, inner_steps=3, inner_lr=0.25), weights)
    with torch.no_grad():
        one, other = (found.episode_logits(*batch[:3], N_WAY)[-1] for found in (asked, changed))
        as_trained = trained_learner(settings, weights).episode_logits(*batch[:3], N_WAY)[-1]
    assert torch.equal(one, other)
    assert not torch.equal(one, as_trained)


@pytest.mark.parametrize("learner", ["maml", "meta_sgd", "anil", "reptile"])
def test_a_head_is_scored_only_at_its_own_number_of_classes(learner: str) -> None:
    settings = tiny(learner=learner)
    assert not settings.any_way
    support_x, labels = torch.rand(1, N_WAY + 1, 1, 16, 16), torch.arange(N_WAY + 1)[None]
    with pytest.raises(LeoBenchError, match=f"built for {N_WAY} classes, and the episode has {N_WAY + 1}"):
        build(settings).eval().episode_logits(support_x, labels, support_x, N_WAY + 1)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"learner": "maml", "inner_lr_mode": "learned"}, "inner_lr_mode is for the inner loop of leo"),
    ({"learner": "maml", "inner_loss": "sum"}, "inner_loss is for the inner loop of leo"),
    ({"learner": "anil", "inner_temperature": 2.0}, "inner_temperature is for the inner loop of leo"),
    ({"learner": "reptile", "inner_examples": "shifted"}, "inner_examples is for the inner loop of leo"),
    ({"learner": "maml", "adapts": "at_test"}, "adapts is for the inner loop of leo"),
    ({"learner": "meta_sgd", "finetune_steps": 1}, "finetune_steps is for the inner loop of leo"),
    ({"learner": "maml", "test_inner_temperature": 2.0}, "test_inner_temperature is for the inner loop of leo"),
    ({"learner": "anil", "train_support": "each"}, "set train_support to first"),
    ({"learner": "pretrained", "train_support": "each"}, "set train_support to first"),
    ({"learner": "maml", "train_n_way": 4}, "leave out train_n_way"),
    ({"learner": "maml", "precision": "bfloat16"}, "set precision to float32"),
    ({"learner": "reptile", "test_head": "logistic_regression"}, "set test_head to own"),
    ({"learner": "anil", "transductive": True}, "transductive is for a CNN of each episode's own"),
    ({"transductive": True}, "transductive is for a CNN of each episode's own"),
    ({"learner": "meta_sgd", "test_inner_lr": 0.1}, "leave out test_inner_lr"),
    ({"learner": "reptile", "inner_steps": 0}, "set inner_steps to 1 to 4"),
    ({"learner": "reptile", "inner_steps": 5}, "set inner_steps to 1 to 4"),
    ({"learner": "reptile", "label_smoothing": 0.1}, "label_smoothing is for the loss of queries"),
    ({"learner": "pretrained", "logit_scale": "learned"}, "logit_scale scales distances"),
    ({"learner": "pretrained", "augmentation": "affine"}, "set augmentation to none"),
]


@pytest.mark.parametrize(("changes", "words"), REFUSED, ids=[str(changes) for changes, _ in REFUSED])
def test_a_setting_that_would_do_nothing_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(LeoBenchError, match=words) as caught:
        tiny(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"learner": "anil", "test_head": "logistic_regression"},
        {"learner": "anil", "precision": "bfloat16"},
        {"learner": "maml", "test_support_copies": "shifted"},
        {"learner": "reptile", "test_inner_steps": 50, "test_inner_lr": 0.1},
        {"learner": "meta_sgd", "test_inner_steps": 0},
        {"learner": "pretrained", "test_head": "descended_prototypes", "test_inner_steps": 5, "test_inner_lr": 0.1},
    ],
    ids=str,
)
def test_these_go_together(changes: dict[str, Any]) -> None:
    assert tiny(**changes).learner == changes["learner"]
