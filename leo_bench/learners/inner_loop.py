"""The inner loop: gradient descent on one point per episode.

Pure: takes and returns tensors, and changes no parameter.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

EVERY_STEP_UP_TO = 10
"""Longest inner loop of which every step is scored."""
SCORED_STEPS = (0, 1, 5, 10, 20, 50, 100, 200, 500)
"""Steps of a longer inner loop that are scored, besides its last: each then costs one pass over the queries."""


class LoopStatistics(NamedTuple):
    """Losses and distances of an inner loop on class codes, float [E] each: one value for each episode."""

    loss_before: Tensor
    """Mean loss of the inner loop's examples, by the codes before the first step."""
    loss_after: Tensor
    """The same by the codes after the last step."""
    loss_finetuned: Tensor | None
    """Mean loss of the support set by the weights after the last fine-tuning step; None without fine-tuning."""
    code_move: Tensor
    """Distance of a class code after the last step from where it started, mean over the classes."""
    class_distance: Tensor
    """Distance between two class codes before the first step, mean over the pairs of classes."""


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


def loop_statistics(points: Sequence[Tensor], losses: Sequence[Tensor]) -> LoopStatistics:
    """Return the statistics of a loop on class codes.

    points: codes [E, N, D] before the first step and after each. losses: losses [E] by the first codes, by the last
    codes and, with fine-tuning, by the last weights.
    """
    first, last = points[0], points[-1]
    n_way = first.shape[1]
    # The default of cdist is imprecise for close codes: it goes by squares.
    pairs = torch.cdist(first, first, compute_mode="donot_use_mm_for_euclid_dist")
    return LoopStatistics(
        losses[0],
        losses[1],
        losses[2] if len(losses) > 2 else None,
        (last - first).norm(dim=-1).mean(-1),
        pairs.sum((1, 2)) / (n_way * (n_way - 1)),
    )


def mean_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean cross-entropy of each episode, [E]. logits: [E, M, N]; labels: int64 [E, M]."""
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(labels.shape).mean(1)
