"""The learned scale of a prototypical network's logits."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tiny_leo import N_WAY, random_batch, stirred, tiny
from torch import Tensor

from leo_bench.learners.base import Learner
from leo_bench.learners.factory import build
from leo_bench.models.logit_scale import LearnedScale

LEARNERS = ["protonet", "nearest_neighbour"]


def with_scale(factor: float, **changes: Any) -> Learner:
    """A learner with a learned scale at this factor, and all else as without one."""
    learner = build(tiny(logit_scale="learned", **changes))
    with torch.no_grad():
        learner.scale.log_scale.fill_(math.log(factor))
    return learner


def answers(learner: Learner) -> list[Tensor]:
    """Logits in training, of images at test, and from features at test."""
    support_x, support_y, query_x, _ = random_batch(1)
    (training,) = learner.train().episode_logits(support_x, support_y, query_x, N_WAY)
    with torch.no_grad():
        (images,) = learner.eval().episode_logits(support_x, support_y, query_x, N_WAY)
        support, query = (learner.image_features(images_of[0])[0][None] for images_of in (support_x, query_x))
        (features,) = learner.logits_from_features((support,), support_y, (query,), N_WAY)
    return [training.detach(), images, features]


def test_the_scale_starts_at_one_and_stays_positive() -> None:
    scale, logits = LearnedScale(), torch.tensor([-4.0, -10.0])
    assert torch.equal(scale(logits), logits)
    assert sum(parameter.numel() for parameter in scale.parameters()) == 1
    with torch.no_grad():
        scale.log_scale.fill_(-5)
    assert (scale(logits) < 0).all()


@pytest.mark.parametrize("learner", LEARNERS)
def test_without_a_learned_scale_nothing_is_added_and_at_its_start_it_changes_no_bit(learner: str) -> None:
    plain, scaled = build(tiny(learner=learner)), build(tiny(learner=learner, logit_scale="learned"))
    assert all(name.startswith("backbone.") for name in plain.state_dict())
    assert set(scaled.state_dict()) - set(plain.state_dict()) == {"scale.log_scale"}
    for one, other in zip(answers(plain), answers(scaled), strict=True):
        assert torch.equal(one, other)
    batch = random_batch()
    assert torch.equal(plain.train().loss(*batch, N_WAY)[0], scaled.train().loss(*batch, N_WAY)[0])


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_scale_multiplies_the_logits_in_training_and_at_test(learner: str) -> None:
    for plain, scaled in zip(
        answers(build(tiny(learner=learner))), answers(with_scale(3, learner=learner)), strict=True
    ):
        torch.testing.assert_close(scaled, 3 * plain)


@pytest.mark.parametrize("train_support", ["first", "each"])
def test_the_loss_and_its_gradient_are_those_of_scaled_logits(train_support: str) -> None:
    # The cross-entropy of exp(s) l has the derivative sum over classes of (p_n - [n = label]) exp(s) l_n in s.
    changes = {"learner": "protonet", "train_support": train_support}
    learner = with_scale(0.25, **changes).train()
    loss, _ = learner.loss(*random_batch(), N_WAY)
    loss.backward()
    plain, seen = build(tiny(**changes)).train(), []
    plain.query_loss = lambda logits, labels: (
        seen.append((logits.detach(), labels)) or F.cross_entropy(logits.flatten(0, 1), labels.flatten())
    )
    plain.loss(*random_batch(), N_WAY)
    ((logits, labels),) = seen
    scaled = 0.25 * logits.flatten(0, 1)
    wrong = scaled.softmax(-1) - F.one_hot(labels.flatten(), N_WAY)
    torch.testing.assert_close(loss, F.cross_entropy(scaled, labels.flatten()))
    torch.testing.assert_close(learner.scale.log_scale.grad, (wrong * scaled).sum(-1).mean())


def test_training_moves_the_scale() -> None:
    learner = stirred(tiny(learner="protonet", logit_scale="learned")).train()
    before = learner.scale.log_scale.item()
    optimizer = torch.optim.Adam(learner.parameters(), lr=0.01)
    learner.loss(*random_batch(), N_WAY)[0].backward()
    optimizer.step()
    assert learner.scale.log_scale.item() != before
