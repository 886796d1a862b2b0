"""The inner loop on weights, on a linear model that can be followed by hand.

The model answers w x + b. The support set is x = 1 with target 2, so half its squared error has the derivative
r = w + b - 2 by w and by b. At rate 1/4 both move by -r / 4, and r becomes r / 2: from w = b = 0 the residuals are
-2, -1, -1/2, and w = b = 0, 1/2, 3/4. The query is x = 2 with target 0: after two steps the answer is 9/4, and half its
squared error has the derivatives 2 * 9/4 = 9/2 by w2 and 9/4 by b2.
"""

import pytest
import torch
from torch import Tensor

from leo_bench.learners.weight_loop import Weights, descend_weights, own_weights

RATES: dict[str, float | Tensor] = {"w": 0.25, "b": 0.25}


def support_loss(weights: Weights) -> Tensor:
    return ((weights["w"] + weights["b"] - 2) ** 2 / 2).sum()


def query_loss(weights: Weights) -> Tensor:
    return ((2 * weights["w"] + weights["b"]) ** 2 / 2).sum()


def start(n_episodes: int = 1) -> tuple[Weights, Weights]:
    """The common start and its copies."""
    common = {"w": torch.tensor(0.0, requires_grad=True), "b": torch.tensor(0.0, requires_grad=True)}
    return common, own_weights(common, n_episodes)


def test_the_points_of_two_steps() -> None:
    points = descend_weights(support_loss, start()[1], RATES, 2, [0, 1, 2])
    assert [(point["w"].item(), point["b"].item()) for point in points] == [(0, 0), (0.5, 0.5), (0.75, 0.75)]


def test_only_wanted_points_are_returned() -> None:
    (point,) = descend_weights(support_loss, start()[1], RATES, 2, [2])
    assert point["w"].item() == 0.75
    assert len(descend_weights(support_loss, start()[1], RATES, 2, [0, 2])) == 2
    (point,) = descend_weights(support_loss, start()[1], RATES, 0, [0])
    assert point["w"].item() == 0


@pytest.mark.parametrize(
    ("second_order", "expected"),
    [
        # w2 = w0 - r0 / 4 - r1 / 4 = w0 - 3/8 (w0 + b0 - 2): dw2/dw0 = 5/8, dw2/db0 = -3/8, and likewise b2. So the
        # derivatives are 9/2 * 5/8 - 9/4 * 3/8 = 63/32 by w0 and 9/4 * 5/8 - 9/2 * 3/8 = -9/32 by b0.
        (True, (63 / 32, -9 / 32)),
        # With constant inner gradients w2 moves as w0 does.
        (False, (9 / 2, 9 / 4)),
    ],
)
def test_the_gradient_by_the_start(second_order: bool, expected: tuple[float, float]) -> None:
    common, own = start()
    (end,) = descend_weights(support_loss, own, RATES, 2, [2], second_order)
    loss = query_loss(end)
    assert loss.item() == 81 / 32
    gradients = torch.autograd.grad(loss, [common["w"], common["b"]])
    assert tuple(gradient.item() for gradient in gradients) == expected


@pytest.mark.parametrize(
    ("second_order", "expected"),
    [
        # With rates a and c, r1 = r0 (1 - a - c) and w2 = w0 - a (r0 + r1): dw2/da = -r0 - r1 + a r0 = 5/2 and
        # db2/da = c r0 = -1/2; by c the other way round. 9/2 * 5/2 - 9/4 * 1/2 = 81/8, 9/4 * 5/2 - 9/2 * 1/2 = 27/8.
        (True, (81 / 8, 27 / 8)),
        # dw2/da = -r0 - r1 = 3, db2/da = 0: 9/2 * 3 and 9/4 * 3.
        (False, (27 / 2, 27 / 4)),
    ],
)
def test_the_gradient_by_the_step_sizes(second_order: bool, expected: tuple[float, float]) -> None:
    rates = {name: torch.tensor(0.25, requires_grad=True) for name in ("w", "b")}
    (end,) = descend_weights(support_loss, start()[1], rates, 2, [2], second_order)
    gradients = torch.autograd.grad(query_loss(end), [rates["w"], rates["b"]])
    assert tuple(gradient.item() for gradient in gradients) == expected


def test_each_weight_has_its_own_rate() -> None:
    (point,) = descend_weights(support_loss, start()[1], {"w": 0.25, "b": 0.5}, 1, [1])
    assert (point["w"].item(), point["b"].item()) == (0.5, 1.0)


def test_each_episode_descends_its_own_loss_and_the_start_gets_the_sum_of_the_gradients() -> None:
    # The second episode's target is 4, so it goes twice as far, and so do its query gradients.
    targets = torch.tensor([2.0, 4.0])
    common, own = start(2)
    (end,) = descend_weights(lambda p: ((p["w"] + p["b"] - targets) ** 2 / 2).sum(), own, RATES, 2, [2])
    assert end["w"].tolist() == end["b"].tolist() == [0.75, 1.5]
    (gradient,) = torch.autograd.grad(query_loss(end), [common["w"]])
    assert gradient.item() == 3 * 63 / 32


def test_a_constant_start_is_left_as_it_is_and_gives_constant_points() -> None:
    constant = {name: torch.zeros(1) for name in ("w", "b")}
    points = descend_weights(support_loss, constant, RATES, 2, [0, 1, 2], second_order=False)
    assert [point["w"].item() for point in points] == [0, 0.5, 0.75]
    assert all(tensor.is_leaf for point in points for tensor in point.values())
    assert not constant["w"].requires_grad
    assert constant["w"].item() == 0


@pytest.mark.parametrize("second_order", [True, False])
def test_nothing_is_left_in_grad(second_order: bool) -> None:
    common, own = start()
    descend_weights(support_loss, own, RATES, 2, [2], second_order)
    assert common["w"].grad is None
    assert common["b"].grad is None
