"""Descent on scalars that can be followed by hand."""

import pytest
import torch
from torch import Tensor

from leo_bench.learners.inner_loop import descend, loop_statistics


def parabola(point: Tensor) -> Tensor:
    """(z - 3)^2 summed; its gradient is 2 (z - 3)."""
    return ((point - 3) ** 2).sum()


def test_points_are_visited_in_order_with_the_start_first() -> None:
    # lr 1/4: z <- z - (z - 3) / 2, so 1 -> 2 -> 2.5 -> 2.75.
    points = descend(parabola, torch.tensor(1.0), step_sizes=[0.25] * 3)
    assert [point.item() for point in points] == [1.0, 2.0, 2.5, 2.75]


def test_no_steps_leave_the_start() -> None:
    start = torch.tensor(1.0, requires_grad=True)
    assert descend(parabola, start, step_sizes=[]) == [start]


def test_second_order_differentiates_through_its_own_steps() -> None:
    # dz2/dz0 = (1 - 2 lr)^2 = 1/4.
    start = torch.tensor(1.0, requires_grad=True)
    end = descend(parabola, start, step_sizes=[0.25] * 2, second_order=True)[-1]
    assert torch.autograd.grad(end, start)[0].item() == 0.25


def test_first_order_takes_its_gradients_as_constants() -> None:
    start = torch.tensor(1.0, requires_grad=True)
    end = descend(parabola, start, step_sizes=[0.25] * 2, second_order=False)[-1]
    assert end.item() == 2.5
    assert torch.autograd.grad(end, start)[0].item() == 1.0


def test_second_order_follows_a_curvature_that_changes() -> None:
    # L = z^4 / 4: z <- z - lr z^3, from 1 at lr 1/2 to 1/2 and then to 1/2 - 1/16 = 7/16.
    # dz1/dz0 = 1 - 3 lr z0^2 = -1/2, dz2/dz1 = 1 - 3/2 * 1/4 = 5/8, together -5/16.
    start = torch.tensor(1.0, requires_grad=True)
    points = descend(lambda z: z**4 / 4, start, step_sizes=[0.5] * 2)
    assert [point.item() for point in points] == [1.0, 0.5, 0.4375]
    assert torch.autograd.grad(points[-1], start)[0].item() == -0.3125


@pytest.mark.parametrize(("second_order", "expected"), [(True, 4.0), (False, 6.0)])
def test_a_learned_rate_gets_a_gradient(second_order: bool, expected: float) -> None:
    # z_k = 3 - 2 (1 - 2 a)^k, so dz2/da = 8 (1 - 2 a) = 4 at a = 1/4.
    # With constant gradients z2 = z0 - a (g0 + g1), so dz2/da = -(g0 + g1) = 4 + 2.
    rate = torch.tensor(0.25, requires_grad=True)
    end = descend(parabola, torch.tensor(1.0), [rate] * 2, second_order=second_order)[-1]
    assert end.item() == 2.5
    assert torch.autograd.grad(end, rate)[0].item() == expected


def test_a_rate_may_differ_from_component_to_component() -> None:
    points = descend(parabola, torch.tensor([1.0, 1.0]), [torch.tensor([0.25, 0.5])])
    assert points[-1].tolist() == [2.0, 3.0]


@pytest.mark.parametrize("second_order", [True, False])
def test_what_the_loss_is_made_of_is_reached_in_second_order_alone(second_order: bool) -> None:
    # L = w z^2 / 2: z1 = z0 (1 - lr w), so dz1/dw = -lr z0 = -1/2.
    weight, start = torch.tensor(3.0, requires_grad=True), torch.tensor(2.0, requires_grad=True)
    end = descend(lambda z: weight * z**2 / 2, start, step_sizes=[0.25], second_order=second_order)[-1]
    assert end.item() == 0.5
    (gradient,) = torch.autograd.grad(end, [weight], allow_unused=True)
    assert (gradient.item() if second_order else gradient) == (-0.5 if second_order else None)


@pytest.mark.parametrize("second_order", [True, False])
def test_nothing_is_left_in_grad(second_order: bool) -> None:
    weight, start = torch.tensor(3.0, requires_grad=True), torch.tensor(2.0, requires_grad=True)
    descend(lambda z: weight * z**2 / 2, start, step_sizes=[0.25] * 3, second_order=second_order)
    assert weight.grad is None
    assert start.grad is None


def test_a_constant_start_is_left_as_it_is() -> None:
    start = torch.tensor([1.0, 2.0])
    points = descend(parabola, start, step_sizes=[0.25] * 2)
    assert not start.requires_grad
    assert start.tolist() == points[0].tolist() == [1.0, 2.0]


def test_episodes_in_one_sum_descend_on_their_own() -> None:
    def loss(point: Tensor, target: Tensor) -> Tensor:
        return ((point - target) ** 4).sum()

    starts, targets = torch.tensor([[1.0], [5.0]]), torch.tensor([[0.5], [4.5]])
    together = descend(lambda point: loss(point, targets), starts, step_sizes=[0.1] * 3)[-1]
    for episode in range(2):
        target = targets[episode]
        alone = descend(lambda point, target=target: loss(point, target), starts[episode], step_sizes=[0.1] * 3)[-1]
        assert torch.equal(together[episode], alone)


def test_each_step_has_its_own_rate() -> None:
    # L(z) = (z - 3)^2 halves its way by 1/4, goes all of it by 1/2, and stays at 3.
    points = descend(parabola, torch.tensor(1.0), step_sizes=[0.25, 0.5, 7.0])
    assert [point.item() for point in points] == [1.0, 2.0, 3.0, 3.0]


def test_a_loss_may_speak_of_the_start_without_moving_it() -> None:
    # L(z) = (z - start)^2 + z: at the start only z moves, so the gradient is 1, then 1 + 2 (z - start) = 1 - 1/2.
    start = torch.tensor(2.0, requires_grad=True)
    points = descend(lambda z: (z - start) ** 2 + z, start, step_sizes=[0.25, 0.25])
    assert [point.item() for point in points] == [2.0, 1.75, 1.625]
    assert torch.autograd.grad(points[-1], start)[0].item() == 1.0  # wherever it starts, it moves by as much


def test_the_distance_of_classes_is_a_mean_over_pairs_and_the_move_one_over_classes() -> None:
    # A right triangle with sides 3, 4 and 5; one class goes 6 away and the others stay.
    start = torch.tensor([[[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]]])
    end = start + torch.tensor([[[0.0, 0.0], [6.0, 0.0], [0.0, 0.0]]])
    found = loop_statistics([start, start + 100, end], [torch.tensor([0.7]), torch.tensor([0.2])])
    assert found.class_distance.tolist() == [4]
    assert found.code_move.tolist() == [2]
    assert (found.loss_before.tolist(), found.loss_after.tolist()) == ([pytest.approx(0.7)], [pytest.approx(0.2)])
    assert found.loss_finetuned is None


def test_codes_that_are_very_close_keep_their_distance() -> None:
    start = torch.full((1, 40, 8), 1000.0)
    start[0, 0, 0] += 0.5  # of 40 classes one is half away from the others
    found = loop_statistics([start, start], [torch.zeros(1)] * 2)
    assert found.class_distance.item() == pytest.approx(0.5 * 39 / (40 * 39 / 2))
    assert found.code_move.item() == 0


def test_a_start_inside_the_loss_stays_where_it_is() -> None:
    # L(z) = z * start: dL/dz = start = 2, so one step of rate 1/4 goes from 2 to 1.5. A loop whose start moved with
    # the point would descend on z^2, whose gradient at 2 is 4, and go to 1.
    start = torch.tensor(2.0, requires_grad=True)
    points = descend(lambda z: z * start, start, step_sizes=[0.25])
    assert [point.item() for point in points] == [2.0, 1.5]
    # z1 = start - start / 4, of which second order knows both parts
    assert torch.autograd.grad(points[-1], start)[0].item() == 0.75
