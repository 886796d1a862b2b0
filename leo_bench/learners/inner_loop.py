"""The inner loop: gradient descent on one point per episode.

Pure: takes and returns tensors, and changes no parameter.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

EVERY_STEP_UP_TO = 10
"""Longest inner loop of which every step is scored."""
SCORED_STEPS = (0, 1, 5, 10, 20, 50, 100, 200, 500)
"""Steps of a longer inner loop that are scored, besides its last: each then costs one pass over the queries."""


def descend(
    loss_fn: Callable[[Tensor], Tensor], start: Tensor, step_sizes: Sequence[float | Tensor], second_order: bool = True
) -> list[Tensor]:
    """Take gradient steps on loss_fn from start (Rusu et al. 2019, Algorithm 1, the latent loop).

    loss_fn: point -> scalar, a sum over episodes, so that each episode's part of the point has its own gradient.
    start: any shape. step_sizes: one for each step, numbers or tensors that broadcast to start. Returns all
    len(step_sizes) + 1 points, start first. With second_order the points can be differentiated through the inner
    gradients. Without it the inner gradients are constants, and the derivative of each point by start is 1.
    """
    # A new tensor: loss_fn may also contain start, which must not change with the point.
    points = [start.clone() if start.requires_grad else start.detach().requires_grad_()]
    for step_size in step_sizes:
        (gradient,) = torch.autograd.grad(loss_fn(points[-1]), points[-1], create_graph=second_order)
        points.append(points[-1] - step_size * gradient)
    return points


def steps_to_score(n_steps: int) -> list[int]:
    """Return the steps of a loop after which queries are classified, 0 (before the first step) and n_steps among them.

    Up to EVERY_STEP_UP_TO steps these are all; of a longer loop, those of SCORED_STEPS and the last.
    """
    if n_steps <= EVERY_STEP_UP_TO:
        return list(range(n_steps + 1))
    return [*(step for step in SCORED_STEPS if step < n_steps), n_steps]
