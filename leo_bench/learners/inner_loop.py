"""The inner loop: gradient descent on one point per episode. Pure: tensors in, tensors out, no parameter is touched."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def descend(
    loss_fn: Callable[[Tensor], Tensor], start: Tensor, rates: Sequence[float | Tensor], second_order: bool = True
) -> list[Tensor]:
    """Follow loss_fn downhill from start (Rusu et al. 2019, Algorithm 1, the latent loop).

    loss_fn: point -> scalar; a sum over episodes, so that each episode's part of the point sees its own loss alone.
    start: any shape; rates: the step sizes, one for each step, numbers or tensors that broadcast to start. Returns the
    len(rates) + 1 points visited, start first. With second_order the points stay differentiable through the inner
    gradients; without it the gradients are constants, and a point depends on start with slope one.
    """
    # A tensor of its own, so that the loss may speak of start too without moving with the point.
    points = [start.clone() if start.requires_grad else start.detach().requires_grad_()]
    for rate in rates:
        (gradient,) = torch.autograd.grad(loss_fn(points[-1]), points[-1], create_graph=second_order)
        points.append(points[-1] - rate * gradient)
    return points
