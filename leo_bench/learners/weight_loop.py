"""Inner loop on the weights of a network: gradient descent from one common start, separately for each episode.

Pure: takes and returns tensors, and changes no parameter. E episodes.
"""

from collections.abc import Callable, Collection, Mapping

import torch
from torch import Tensor

Weights = dict[str, Tensor]
"""Name -> weights of all episodes, [E, ...]."""


def own_weights(start: Mapping[str, Tensor], n_episodes: int) -> Weights:
    """Return a copy of the common start for each episode, [E, ...] each. It shares the memory of the start."""
    return {name: tensor.expand(n_episodes, *tensor.shape) for name, tensor in start.items()}


def descend_weights(
    loss_fn: Callable[[Weights], Tensor],
    start: Weights,
    step_sizes: Mapping[str, float | Tensor],
    n_steps: int,
    wanted: Collection[int],
    second_order: bool = True,
) -> list[Weights]:
    """Take n_steps gradient steps on loss_fn from start (Finn et al. 2017, Algorithm 1), and return the wanted points.

    loss_fn: weights -> scalar, a sum over episodes, so that the gradient of each episode's weights is that of its own
    loss. step_sizes: name -> a number, or a tensor that broadcasts to the weights. wanted: numbers of steps; 0 is the
    start. With second_order the points can be differentiated through the inner gradients. Without it the inner
    gradients are constants, and the derivative of each point by the start is 1. From a start that needs no gradient all
    points are constants.
    """
    constant = not any(tensor.requires_grad for tensor in start.values())
    weights = _constant(start) if constant else start
    points = [weights] if 0 in wanted else []
    for step in range(1, n_steps + 1):
        gradients = torch.autograd.grad(loss_fn(weights), list(weights.values()), create_graph=second_order)
        weights = {
            name: w - step_sizes[name] * gradient
            for (name, w), gradient in zip(weights.items(), gradients, strict=True)
        }
        if constant:
            weights = _constant(weights)
        if step in wanted:
            points.append(weights)
    return points


def _constant(weights: Weights) -> Weights:
    """Return the same weights, from which a new graph starts."""
    return {name: tensor.detach().requires_grad_() for name, tensor in weights.items()}
