"""The inner loop: gradient descent on one point per episode. Pure: tensors in, tensors out, no parameter is touched."""

from collections.abc import Callable

import torch
from torch import Tensor


def descend(
    loss_fn: Callable[[Tensor], Tensor], start: Tensor, lr: float | Tensor, steps: int, second_order: bool = True
) -> list[Tensor]:
    """Follow loss_fn downhill from start (Rusu et al. 2019, Algorithm 1, the latent loop).

    loss_fn: point -> scalar; a sum over episodes, so that each episode's part of the point sees its own loss alone.
    start: any shape. Returns the steps + 1 points visited, start first. With second_order the points stay
    differentiable through the inner gradients; without it the gradients are constants, and a point depends on start
    with slope one.
    """
    if not start.requires_grad:
        start = start.detach().requires_grad_()
    points = [start]
    for _ in range(steps):
        (gradient,) = torch.autograd.grad(loss_fn(points[-1]), points[-1], create_graph=second_order)
        points.append(points[-1] - lr * gradient)
    return points
