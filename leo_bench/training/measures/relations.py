"""Effect of a relation network on class codes.

Pure functions. Letters: E episodes, N classes, D length of a code. A result [E] has one number for each episode, and
its mean is the measure. Partners, int64 [E]: for each episode another one, in which its class 0 does not occur.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

Refine = Callable[[Tensor], Tensor]
"""Class codes [E, N, D] of episodes -> refined class codes, [E, N, D]."""


class Gain(NamedTuple):
    """Displacements of class codes after the relation network over that of the changed code before it, [E] each."""

    own: Tensor
    """Displacement of the class whose support image was changed."""
    others: Tensor
    """Displacement of the other classes, mean over them."""
    whole: Tensor
    """Displacement of all codes of the episode, as one vector."""


def class_distances(codes: Tensor) -> Tensor:
    """Return the distance between two class codes, mean over the pairs of classes, [E]. codes: [E, N, D]."""
    n_way = codes.shape[1]
    distances = torch.cdist(codes, codes, compute_mode="donot_use_mm_for_euclid_dist")
    return distances.sum((1, 2)) / (n_way * (n_way - 1))


def same_class_shift(codes: Tensor, partners: Tensor, refine: Refine) -> Tensor:
    """Return the distance between the refined codes of one class in two episodes over that between classes, [E].

    Class 0 of each episode is put in the place of class 0 of its partner, with the code that it had: only its
    neighbours change. The unit is the mean distance between two classes of an episode after refining.
    """
    placed = torch.cat([codes[:, :1], codes[partners, 1:]], dim=1)
    refined = refine(codes)
    return (refine(placed)[:, 0] - refined[:, 0]).norm(dim=-1) / class_distances(refined).mean()


def displacement_gain(codes: Tensor, changed: Tensor, refine: Refine) -> Gain:
    """Return the displacements when the code of class 0 is replaced, after refining over before.

    changed: [E, D], the code in place of that of class 0. Lengths before and after are in units of the mean distance
    between two classes before and after, so a network that scales all codes by one number has the gain 1.
    """
    moved = torch.cat([changed[:, None], codes[:, 1:]], dim=1)
    before = (changed - codes[:, 0]).norm(dim=-1).mean() / class_distances(codes).mean()
    refined = refine(codes)
    after = (refine(moved) - refined).norm(dim=-1) / class_distances(refined).mean()
    return Gain(after[:, 0] / before, after[:, 1:].mean(1) / before, after.norm(dim=1) / before)


def class_similarity(prototypes: Tensor) -> Tensor:
    """Return the cosine between two classes' prototypes, mean over the pairs of classes, [E].

    prototypes: [E, N, F]. The mean of all prototypes is subtracted first, because feature vectors after a ReLU all
    point in about one direction.
    """
    n_way = prototypes.shape[1]
    centred = F.normalize(prototypes - prototypes.mean((0, 1)), dim=-1)
    cosines = centred @ centred.transpose(1, 2)
    return (cosines.sum((1, 2)) - cosines.diagonal(dim1=1, dim2=2).sum(1)) / (n_way * (n_way - 1))
