"""LEO small enough to follow on paper: two classes, features and codes of one number, head weight = slope * code.

Support: feature 1 is of class 0, feature -1 of class 1; both codes start at 0, so that both logits are 0 and both
probabilities 1/2. The mean support loss has gradient -1/2 in the head weight w0 (the mean over two images of
feature * (probability - label) is (1 * (1/2 - 1) - 1 * (1/2 - 0)) / 2) and +1/2 in w1. With slope 2 the codes'
gradients are -1 and +1.
"""

import math

import pytest
import torch
from tiny_leo import tiny
from torch import Tensor, nn

from leo_bench.learners.factory import build
from leo_bench.learners.leo import Leo

LR = 0.25


class Slope(nn.Module):
    """A decoder of one number: weight = slope * code, no bias."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(2.0))

    def head(self, codes: Tensor, prototypes: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.slope * codes, torch.zeros_like(codes[..., 0])


def scalar_leo(**changes: object) -> Leo:
    leo = build(tiny(n_way=2, latent_dim=1, decode="class", relation="none", inner_lr=LR, **changes))
    assert isinstance(leo, Leo)
    leo.decoder = Slope()
    return leo


def run(leo: Leo, k_shot: int = 1, query: float = 1.0) -> list[Tensor]:
    """Logits [1, 1, 2] of one query feature."""
    support = torch.tensor([[[1.0], [-1.0]]]).repeat(1, k_shot, 1)
    labels = torch.tensor([[0, 1]]).repeat(1, k_shot)
    codes = torch.zeros(1, 2 * k_shot, 1, requires_grad=leo.training)
    no_copies = torch.zeros(1, 2 * k_shot, 0, 1)
    return leo.logits_from_features((support, codes, no_copies), labels, (torch.tensor([[[query]]]),), 2)


def test_one_step_by_hand() -> None:
    # The codes go to +1/4 and -1/4, the head to +1/2 and -1/2.
    (logits,) = run(scalar_leo(inner_steps=1).train())
    assert logits.flatten().tolist() == [0.5, -0.5]


def test_two_steps_by_hand() -> None:
    # Now both images have logits 1/2 and -1/2 for right and wrong, so the wrong class has probability 1 / (1 + e), and
    # the codes' gradient is that times slope: they go on by 1/4 * 2 / (1 + e).
    (logits,) = run(scalar_leo(inner_steps=2).train())
    code = 0.25 + 0.25 * 2 / (1 + math.e)
    assert logits.flatten().tolist() == pytest.approx([2 * code, -2 * code])


def test_at_test_there_are_logits_before_and_after_every_step() -> None:
    leo = scalar_leo(inner_steps=2).eval()
    before, middle, after = (logits.flatten().tolist() for logits in run(leo, query=3.0))
    code = 0.25 + 0.25 * 2 / (1 + math.e)
    assert before == [0, 0]
    assert middle == [1.5, -1.5]
    assert after == pytest.approx([6 * code, -6 * code])
    assert leo.scored_steps == [0, 1, 2]


def test_losses_and_distances_of_one_step_by_hand() -> None:
    # Two episodes. In the first, codes start at 0: both probabilities are 1/2, so the loss is log 2; the codes go to
    # +1/4 and -1/4, the logits to +1/2 and -1/2, and the loss is log(1 + 1/e). In the second, codes start 1 apart, at
    # +1/2 and -1/2: logits +1 and -1, and the wrong class has probability p = 1 / (1 + e^2). A code's gradient is
    # 2 p, so it goes p / 2 further, and the logits p.
    leo = scalar_leo(inner_steps=1).eval()
    features = torch.tensor([[[1.0], [-1.0]]]).repeat(2, 1, 1)
    codes = torch.tensor([[[0.0], [0.0]], [[0.5], [-0.5]]])
    support = (features, codes, torch.zeros(2, 2, 0, 1))
    with torch.no_grad():
        logits, loop = leo.answers_from_features(support, torch.tensor([[0, 1]] * 2), (torch.ones(2, 1, 1),), 2)
    p = 1 / (1 + math.e**2)
    assert [step[:, 0, 0].tolist() for step in logits] == [pytest.approx(values) for values in ([0, 1], [0.5, 1 + p])]
    assert loop is not None
    assert loop.loss_before.tolist() == pytest.approx([math.log(2), math.log(1 + math.exp(-2))])
    assert loop.loss_after.tolist() == pytest.approx([math.log(1 + math.exp(-1)), math.log(1 + math.exp(-2 - 2 * p))])
    assert loop.loss_finetuned is None
    assert loop.code_move.tolist() == pytest.approx([0.25, p / 2])
    assert loop.class_distance.tolist() == [0, 1]


def test_without_steps_there_is_nothing_to_say_of_a_loop() -> None:
    leo = scalar_leo(inner_steps=0).eval()
    support = (torch.tensor([[[1.0], [-1.0]]]), torch.zeros(1, 2, 1), torch.zeros(1, 2, 0, 1))
    with torch.no_grad():
        logits, loop = leo.answers_from_features(support, torch.tensor([[0, 1]]), (torch.ones(1, 1, 1),), 2)
    assert len(logits) == 1
    assert loop is None


@pytest.mark.parametrize(("second_order", "expected"), [(True, 0.5), (False, 0.25)])
def test_the_outer_gradient_by_hand(second_order: bool, expected: float) -> None:
    # w0 = slope * code and code = lr * slope / 2. Second order: w0 = lr slope^2 / 2, so dw0/dslope = lr slope = 1/2.
    # First order takes the step as a constant: dw0/dslope = code = 1/4.
    leo = scalar_leo(inner_steps=1, second_order=second_order).train()
    (logits,) = run(leo)
    assert logits[0, 0, 0].item() == 0.5
    slope = leo.decoder.slope
    assert torch.autograd.grad(logits[0, 0, 0], slope)[0].item() == expected


def test_deviation_the_inner_loss_is_a_mean_over_the_support_set() -> None:
    # The paper sums. With the mean, showing every support image three times changes nothing; a sum would triple it.
    leo = scalar_leo(inner_steps=1).train()
    torch.testing.assert_close(run(leo, k_shot=3)[0], run(leo, k_shot=1)[0])


def test_each_episode_descends_its_own_loss() -> None:
    # A second episode with its labels swapped goes the other way; neither is diluted by the other.
    leo = scalar_leo(inner_steps=1).train()
    support = torch.tensor([[[1.0], [-1.0]]]).expand(2, 2, 1)
    labels = torch.tensor([[0, 1], [1, 0]])
    codes = torch.zeros(2, 2, 1, requires_grad=True)
    no_copies = torch.zeros(2, 2, 0, 1)
    (logits,) = leo.logits_from_features((support, codes, no_copies), labels, (torch.ones(2, 1, 1),), 2)
    assert logits[:, 0].tolist() == [[0.5, -0.5], [-0.5, 0.5]]


def test_the_codes_start_at_the_means_of_their_classes() -> None:
    leo = scalar_leo(inner_steps=0)
    codes = leo.class_codes(torch.tensor([[[1.0], [10.0], [20.0], [3.0]]]), torch.tensor([[0, 1, 1, 0]]), 2)
    assert codes.flatten().tolist() == [2.0, 15.0]
