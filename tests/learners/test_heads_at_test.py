"""Classifiers on the features of a trained learner (test_head), by hand and against slow references."""

import warnings
from typing import Any, get_args

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from tiny_leo import N_QUERY, N_WAY, at_test, copy_of_state, random_batch, stirred, tiny
from torch import Tensor, nn

from leo_bench.config import Settings, TestSettings
from leo_bench.errors import LeoBenchError
from leo_bench.learners import heads_at_test
from leo_bench.learners.base import Learner
from leo_bench.learners.heads_at_test import TEST_HEADS, HeadAtTest
from leo_bench.learners.leo import Leo
from leo_bench.learners.protonet import ProtoNet
from leo_bench.models.prototypes import nearest_mean_logits, prototype_head
from leo_bench.running.checkpoint import trained_learner

METHODS: dict[str, TestSettings] = {
    "nearest_neighbour": at_test(head="nearest_neighbour"),
    "logistic_regression": at_test(head="logistic_regression", head_c=1.0),
    "descended_prototypes": at_test(head="descended_prototypes", inner_steps=4, inner_lr=0.1),
}
"""A test of each head."""
LEARNERS: dict[str, dict[str, Any]] = {
    "protonet": {"learner": "protonet"},
    "nearest neighbour": {"learner": "nearest_neighbour"},
    "pixels": {"learner": "pixels"},
    "leo": {"decode": "class"},
    "leo on features of length 1": {"decode": "class", "encoder": "shared", "feature_norm": "l2"},
    "leo, a rate per step": {"decode": "class", "inner_lr_mode": "per_step", "inner_examples": "shifted"},
}
every_head = pytest.mark.parametrize("head", TEST_HEADS)
every_learner = pytest.mark.parametrize("changes", LEARNERS.values(), ids=LEARNERS)


def with_head(settings: Settings, head: str, learner: Learner | None = None) -> HeadAtTest:
    weights = (learner or stirred(settings)).state_dict()
    found = trained_learner(settings, weights, METHODS[head])
    assert isinstance(found, HeadAtTest)
    return found


def head_alone(head: str, **changes: Any) -> HeadAtTest:
    """A head that is given feature vectors, so that its learner does not matter."""
    settings = tiny(learner="pixels", test_head=head, **changes)
    return TEST_HEADS[head](stirred(settings), settings)


def random_features(n_way: int = 4, k_shot: int = 3, length: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    """Support features, labels in another order in each episode, and query features: 3 episodes, float64."""
    generator = torch.Generator().manual_seed(5)
    support, query = (torch.randn(3, n_way * n, length, generator=generator).double() for n in (k_shot, 2))
    labels = torch.arange(n_way).repeat(k_shot)
    orders = [torch.randperm(len(labels), generator=generator) for _ in range(3)]
    return support, torch.stack([labels[order] for order in orders]), query


def test_the_setting_names_the_registered_heads() -> None:
    assert set(get_args(Settings.model_fields["test_head"].annotation)) == {"own", *TEST_HEADS}
    assert set(METHODS) == set(TEST_HEADS)


def features_of(learner: Learner, images: Tensor) -> Tensor:
    """The feature vectors of images [M, 1, H, W], from the learner's parts."""
    if isinstance(learner, Leo):
        return learner.feature_norm(learner.classifier.extract_features(images))
    return learner.backbone(images) if isinstance(learner, ProtoNet) else images.flatten(1)


@every_head
@every_learner
def test_a_head_answers_on_the_features_of_the_trained_learner(head: str, changes: dict[str, Any]) -> None:
    settings = tiny(**changes)
    learner = stirred(settings).eval()
    found = with_head(settings, head, learner)
    support_x, support_y, query_x, _ = random_batch()
    with torch.no_grad():
        support, query = (features_of(learner, x.flatten(0, 1)).unflatten(0, x.shape[:2]) for x in (support_x, query_x))
        expected = found.head_logits(support, support_y, query, N_WAY)
        logits = found.episode_logits(support_x, support_y, query_x, N_WAY)
    assert found.batch_norm == learner.batch_norm
    assert len(logits) == len(expected) == len(found.scored_steps)
    for one, other in zip(logits, expected, strict=True):
        assert one.shape == (2, N_WAY * N_QUERY, N_WAY)
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)


@every_head
@pytest.mark.parametrize("changes", [LEARNERS["protonet"], LEARNERS["leo"]], ids=["protonet", "leo"])
def test_a_head_answers_otherwise_than_the_learner_and_leaves_its_weights(head: str, changes: dict[str, Any]) -> None:
    settings = tiny(**changes)
    learner = stirred(settings)
    before, batch = copy_of_state(learner), random_batch()
    found = with_head(settings, head, learner)
    with torch.no_grad():
        logits, own = (one.episode_logits(*batch[:3], N_WAY)[-1] for one in (found, learner.eval()))
    assert not torch.allclose(logits.log_softmax(-1), own.log_softmax(-1), rtol=0, atol=1e-5)
    for name, tensor in found.trained.state_dict().items():
        assert torch.equal(tensor, before[name]), name


@every_head
def test_neither_the_order_of_the_support_set_nor_other_queries_matter(head: str) -> None:
    found = with_head(tiny(learner="protonet"), head)
    support, support_y, query = random_features()
    order = torch.randperm(support.shape[1], generator=torch.Generator().manual_seed(1))
    first = found.head_logits(support, support_y, query, 4)[-1]
    again = found.head_logits(support[:, order], support_y[:, order], query[:, :2], 4)[-1]
    torch.testing.assert_close(again, first[:, :2], rtol=1e-3, atol=1e-3)


@every_head
def test_classes_under_other_numbers_have_the_same_logits_under_those(head: str) -> None:
    found = with_head(tiny(learner="protonet"), head)
    support, support_y, query = random_features()
    number = torch.tensor([2, 0, 3, 1])
    first = found.head_logits(support, support_y, query, 4)[-1]
    renamed = found.head_logits(support, number[support_y], query, 4)[-1]
    torch.testing.assert_close(renamed[..., number], first, rtol=1e-3, atol=1e-3)


def test_the_nearest_neighbour_is_that_of_a_slow_loop() -> None:
    support, support_y, query = random_features()
    logits = head_alone("nearest_neighbour").head_logits(support, support_y, query, 4)[-1]
    found, expected = logits.argmax(-1).tolist(), []
    for episode in range(3):
        expected.append([])
        for point in query[episode]:
            distances = [float(((point - image) ** 2).sum()) for image in support[episode]]
            expected[-1].append(int(support_y[episode, int(np.argmin(distances))]))
    assert found == expected


@pytest.mark.parametrize("c", [0.1, 1.0, 30.0])
def test_a_logistic_regression_is_that_of_scikit_learn_on_one_episode(c: float) -> None:
    support, support_y, query = random_features()
    (logits,) = head_alone("logistic_regression", test_head_c=c).head_logits(support, support_y, query, 4)
    for episode in range(3):
        solver = LogisticRegression(C=c, tol=1e-9, max_iter=5000)
        fitted = solver.fit(support[episode].numpy(), support_y[episode].numpy())
        expected = torch.from_numpy(fitted.predict_log_proba(query[episode].numpy()))
        torch.testing.assert_close(logits[episode].log_softmax(-1), expected, rtol=1e-4, atol=1e-4)


def test_a_logistic_regression_on_fewer_images_than_features_is_that_of_scikit_learn() -> None:
    support, support_y, query = random_features(n_way=3, k_shot=2, length=40)
    (logits,) = head_alone("logistic_regression").head_logits(support, support_y, query, 3)
    for episode in range(3):
        fitted = LogisticRegression(tol=1e-9, max_iter=5000).fit(support[episode].numpy(), support_y[episode].numpy())
        expected = torch.from_numpy(fitted.predict_log_proba(query[episode].numpy()))
        torch.testing.assert_close(logits[episode].log_softmax(-1), expected, rtol=1e-4, atol=1e-4)


def test_at_the_solution_of_a_logistic_regression_the_penalised_loss_has_no_gradient() -> None:
    # C * (sum of cross-entropies) + |W|^2 / 2 with the logits of a linear layer; the bias has no penalty. The layer is
    # read off the logits of the origin and of the unit vectors.
    support, support_y, _ = random_features()
    probes = torch.cat([torch.zeros(1, 6), torch.eye(6)]).double().expand(3, 7, 6)
    head = head_alone("logistic_regression", test_head_c=2.0)
    (logits,) = head.head_logits(support, support_y, probes, 4)
    for episode in range(3):
        bias = logits[episode, 0].clone().requires_grad_()
        weight = (logits[episode, 1:] - logits[episode, 0]).clone().requires_grad_()
        loss = 2.0 * F.cross_entropy(support[episode] @ weight + bias, support_y[episode], reduction="sum")
        (loss + weight.square().sum() / 2).backward()
        assert weight.grad is not None and bias.grad is not None
        assert weight.grad.abs().max() < 1e-3
        assert bias.grad.abs().max() < 1e-3
        assert weight.abs().max() > 0.1


def test_of_two_classes_the_logits_are_plus_and_minus_half_the_binary_score() -> None:
    support, support_y, query = random_features(n_way=2)
    (logits,) = head_alone("logistic_regression").head_logits(support, support_y, query, 2)
    fitted = LogisticRegression(tol=1e-9, max_iter=5000).fit(support[1].numpy(), support_y[1].numpy())
    score = torch.from_numpy(fitted.decision_function(query[1].numpy()))
    torch.testing.assert_close(logits[1], torch.stack([-score / 2, score / 2], dim=1), rtol=1e-4, atol=1e-4)


def test_a_logistic_regression_that_does_not_converge_is_an_error_that_names_the_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heads_at_test, "MOST_STEPS", 1)
    head = head_alone("logistic_regression", test_head_c=30.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(LeoBenchError, match=r"did not converge.*lower test_head_c, which is 30") as caught:
            head.head_logits(*random_features(), 4)
    assert "\n" not in str(caught.value)


def test_the_prototype_layer_by_hand() -> None:
    # Class 0: mean of (0, 0) and (2, 0) is (1, 0); class 1: mean of (0, 4) and (0, 6) is (0, 5).
    support = torch.tensor([[[0.0, 0.0], [0.0, 4.0], [2.0, 0.0], [0.0, 6.0]]])
    weight, bias = prototype_head(support, torch.tensor([[0, 1, 0, 1]]), 2)
    assert weight.tolist() == [[[2, 0], [0, 10]]]
    assert bias.tolist() == [[-1, -25]]


def test_a_step_from_the_prototypes_by_hand() -> None:
    # On a line, class 0 has images at 0 and 0, class 1 at 0 and 2. The means 0 and 1 give w = (0, 2) and b = (0, -1),
    # so class 1 leads by d(x) = 2x - 1: by -1 at 0 and by 3 at 2. With s = sigmoid(-1) and t = sigmoid(-3), the
    # derivative of the cross-entropy by the second logit is s, s, s - 1 and -t for the four images, and minus that by
    # the first. The mean over images gives db = (3s - 1 - t) / 4 and dw = 2 * -t / 4 for class 1. At rate 2 class 1
    # then has w = 2 + t and b = -1 - (3s - 1 - t) / 2, and class 0 w = -t and b = (3s - 1 - t) / 2.
    s, t = 0.2689414213699951, 0.04742587317756678
    support, support_y = torch.tensor([[[0.0], [0.0], [0.0], [2.0]]]).double(), torch.tensor([[0, 1, 0, 1]])
    query = torch.tensor([[[0.0], [1.0]]]).double()
    head = head_alone("descended_prototypes", test_inner_steps=1, test_inner_lr=2.0)
    start, moved = head.head_logits(support, support_y, query, 2)
    assert start.tolist() == [[[0, -1], [0, 1]]]
    b = (3 * s - 1 - t) / 2
    expected = torch.tensor([[[b, -1 - b], [b - t, 1 + t - b]]], dtype=torch.float64)
    torch.testing.assert_close(moved, expected, rtol=1e-12, atol=1e-12)


def test_descending_is_that_of_an_autograd_loop_over_episodes() -> None:
    support, support_y, query = random_features()
    head = head_alone("descended_prototypes", test_inner_steps=60, test_inner_lr=0.3)
    logits = dict(zip(head.scored_steps, head.head_logits(support, support_y, query, 4), strict=True))
    assert list(logits) == [0, 1, 5, 10, 20, 50, 60]
    for episode in range(3):
        layer = nn.Linear(6, 4).double()
        means = torch.stack([support[episode][support_y[episode] == label].mean(0) for label in range(4)])
        with torch.no_grad():
            layer.weight.copy_(2 * means)
            layer.bias.copy_(-(means**2).sum(1))
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.3)
        for step in range(61):
            if step in logits:
                torch.testing.assert_close(logits[step][episode], layer(query[episode]), rtol=1e-10, atol=1e-10)
            optimizer.zero_grad()
            F.cross_entropy(layer(support[episode]), support_y[episode]).backward()
            optimizer.step()


def test_before_any_step_the_answers_are_those_of_the_prototypical_network() -> None:
    support, support_y, query = random_features()
    (logits,) = head_alone("descended_prototypes", test_inner_steps=0, test_inner_lr=1.0).head_logits(
        support, support_y, query, 4
    )
    apart = logits - nearest_mean_logits(support, support_y, query, 4)
    torch.testing.assert_close(apart, (query**2).sum(-1, keepdim=True).expand_as(apart), rtol=1e-12, atol=1e-12)
    settings, batch = tiny(learner="protonet"), random_batch()
    learner = stirred(settings).eval()
    with torch.no_grad():
        own = learner.episode_logits(*batch[:3], N_WAY)[0]
        start = with_head(settings, "descended_prototypes", learner).episode_logits(*batch[:3], N_WAY)[0]
    torch.testing.assert_close(start.log_softmax(-1), own.log_softmax(-1), rtol=1e-3, atol=1e-3)
    assert torch.equal(start.argmax(-1), own.argmax(-1))


def test_steps_and_rate_at_test_are_those_of_the_head() -> None:
    settings, batch = tiny(decode="class", inner_steps=2), random_batch()
    weights = stirred(settings).state_dict()

    def last(steps: int, rate: float) -> Tensor:
        asked = at_test(head="descended_prototypes", inner_steps=steps, inner_lr=rate)
        found = trained_learner(settings, weights, asked)
        with torch.no_grad():
            return found.episode_logits(*batch[:3], N_WAY)[-1]

    assert not torch.equal(last(3, 0.1), last(4, 0.1))
    assert not torch.equal(last(3, 0.1), last(3, 0.2))
    assert torch.equal(last(0, 0.1), last(0, 0.2))
