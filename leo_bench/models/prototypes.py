"""Logits from distances to a support set: to each class's mean, or to its nearest image.

Letters: E episodes, N classes, K shots, M queries, F length of the features.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


def class_means(features: Tensor, labels: Tensor, n_way: int) -> Tensor:
    """Return the prototype of each class, its mean feature vector, [E, N, F].

    features: [E, N * K, F]; labels: int64 [E, N * K].
    """
    member = F.one_hot(labels, n_way).to(features.dtype)  # [E, N * K, N]
    return member.transpose(1, 2) @ features / member.sum(1)[..., None]


def no_prototypes(features: Tensor, labels: Tensor, n_way: int) -> None:
    """Return None: the head is decoded alone."""


HEAD_STARTS: dict[str, Callable[[Tensor, Tensor, int], Tensor | None]] = {
    "decoded": no_prototypes,
    "prototype": class_means,
}
"""Setting head_start -> function that makes what the decoder is given besides the codes."""


def nearest_mean_logits(support: Tensor, support_y: Tensor, query: Tensor, n_way: int) -> Tensor:
    """Return minus the squared distance of each query to the mean of each class, [E, M, N] (Snell et al. 2017,
    equation 2).

    support: [E, N * K, F], support_y: int64 [E, N * K], query: [E, M, F].
    """
    means = class_means(support, support_y, n_way)
    return 2 * query @ means.transpose(1, 2) - query.square().sum(-1)[..., None] - means.square().sum(-1)[:, None]


def prototype_head(support: Tensor, support_y: Tensor, n_way: int) -> tuple[Tensor, Tensor]:
    """Return the linear layer that answers as nearest_mean_logits does: weights 2c [E, N, F] and biases -|c|^2 [E, N]
    of the class means c (Snell et al. 2017, section 2.4).

    Its logits differ from those of nearest_mean_logits by the squared length of the query, the same for all classes.
    support: [E, N * K, F], support_y: int64 [E, N * K].
    """
    means = class_means(support, support_y, n_way)
    return 2 * means, -means.square().sum(-1)


def nearest_neighbour_logits(support: Tensor, support_y: Tensor, query: Tensor, n_way: int) -> Tensor:
    """Return minus the squared distance of each query to the nearest support image of each class, [E, M, N].

    support: float [E, N * K, F]; support_y: int64 [E, N * K]; query: [E, M, F].
    """
    cross = query @ support.transpose(1, 2)  # [E, M, N * K]
    distances = query.square().sum(-1)[..., None] - 2 * cross + support.square().sum(-1)[:, None]
    classes = torch.arange(n_way, device=support_y.device)
    member = support_y[:, None, None, :] == classes[:, None]  # [E, 1, N, N * K]
    return -distances[:, :, None].masked_fill(~member, torch.inf).amin(-1)
