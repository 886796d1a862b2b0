"""Directions in the latent space: how many carry the adaptation, and what a step along one does.

Pure functions. Letters: E episodes, N classes, D length of a code, F length of the features, R directions, M images. A
row of a head is its weights and its bias, F + 1 numbers.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

ENERGY = 0.9
"""Share of the energy that `directions_needed` asks for."""

HeadOf = Callable[[Tensor], Tensor]
"""Class codes [E, N, D] -> rows of the heads, [E, N, F + 1]."""


def energies(matrix: Tensor) -> Tensor:
    """Return the squared singular values of a matrix, largest first."""
    small = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    return torch.linalg.eigvalsh(small).flip(0).clamp_min(0)


def directions_needed(energy: Tensor) -> int:
    """Return the least number of directions that have ENERGY of the whole. energy: largest first."""
    return int((energy.cumsum(0) < ENERGY * energy.sum()).sum()) + 1


def largest_share(energy: Tensor) -> float:
    """Return the share of the largest direction. energy: largest first."""
    return (energy[0] / energy.sum()).item()


def top_directions(changes: Tensor, n: int) -> Tensor:
    """Return the n directions with the most energy of the changes, orthonormal rows [n, D]. changes: [M, D].

    The sign of each is such that its number of largest magnitude is positive.
    """
    found = torch.linalg.eigh(changes.T @ changes).eigenvectors.flip(1).T[:n]
    largest = found.gather(1, found.abs().argmax(1, keepdim=True))
    return found * largest.sign()


def subspace_overlap(first: Tensor, second: Tensor) -> float:
    """Return the share of one subspace that lies in another: 1 if they are equal, 0 if they are orthogonal.

    first, second: orthonormal rows [R, D]. The share is the mean squared cosine of the principal angles. Two random
    subspaces have R / D.
    """
    return ((first @ second.T).square().sum() / len(first)).item()


def decoder_jacobian(head: HeadOf, codes: Tensor) -> Tensor:
    """Return the derivative of an episode's head by the code of its class 0, [N * L, D].

    head: class codes -> numbers of the head, [E, N, L]; codes: [N, D].

    Each copy of the episode has one column. It is the derivative, along one number of the code, of a backward pass by
    what goes into that pass: two backward passes give what a forward-mode derivative would.
    """
    size = codes.shape[1]
    with torch.enable_grad():
        copies = codes.detach().expand(size, *codes.shape).clone().requires_grad_()
        rows = head(copies)
        weights = torch.zeros_like(rows, requires_grad=True)
        (backward,) = torch.autograd.grad(rows, copies, weights, create_graph=True)
        along = torch.zeros_like(copies)
        along[:, 0] = torch.eye(size, dtype=codes.dtype)
        (columns,) = torch.autograd.grad(backward, weights, along)
    return columns.flatten(1).T


def step_effects(head: HeadOf, codes: Tensor, directions: Tensor, length: float) -> Tensor:
    """Return the change of the heads by one step of class 0 along each direction, [R, E, N, F + 1].

    codes: [E, N, D]; directions: unit rows [R, D]; length: that of the step.
    """
    before = head(codes)
    effects = []
    for direction in directions:
        stepped = torch.cat([codes[:, :1] + length * direction, codes[:, 1:]], dim=1)
        effects.append(head(stepped) - before)
    return torch.stack(effects)


def responses(effects: Tensor, features: Tensor) -> Tensor:
    """Return the change of the logits of images by a change of rows, [..., M].

    effects: [..., F + 1]; features: [M, F].
    """
    return effects[..., :-1] @ features.T + effects[..., -1:]


def effect_similarity(effects: Tensor, features: Tensor, partners: Tensor) -> Tensor:
    """Return the cosine between what a step does to the logits of the same images in two episodes, [E].

    It is the mean over the directions. effects: those of step_effects; features: [M, F]; partners: int64 [E]. The mean
    over the images is subtracted from the change of each class's logit: it changes no image more than another.
    """
    changes = responses(effects, features)  # [R, E, N, M]
    centred = (changes - changes.mean(-1, keepdim=True)).flatten(2)
    return F.cosine_similarity(centred, centred[:, partners], dim=-1).mean(0)


def between_share(values: Tensor, groups: Tensor) -> Tensor:
    """Return the share of the variance of values that lies between groups, [R] (eta squared).

    values: [R, M]; groups: int64 [M], numbers from 0.
    """
    n_groups = int(groups.max()) + 1
    counts = torch.bincount(groups, minlength=n_groups)
    means = torch.zeros(len(values), n_groups, dtype=values.dtype).index_add(1, groups, values) / counts.clamp_min(1)
    centred = values - values.mean(1, keepdim=True)
    within = values - means[:, groups]
    return 1 - within.square().sum(1) / centred.square().sum(1)
