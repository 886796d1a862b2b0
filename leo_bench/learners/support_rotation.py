"""Support rotation: every image of a training episode is a support image once (`train_support=each`).

Letters: E episodes, N classes, K shots, Q queries per class; R = (K + Q) / K support sets of one episode.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class SupportRotation(NamedTuple):
    """R * E episodes made from E: first every episode with its first support set, then with its second, and so on.

    Classes are in order within each episode.
    """

    support: tuple[Tensor, ...]
    """Features of the support sets, [R * E, N * K, ...] each."""
    support_y: Tensor
    """int64 [R * E, N * K]"""
    query: tuple[Tensor, ...]
    """Features of the queries, [R * E, N * Q, ...] each."""
    query_y: Tensor
    """int64 [R * E, N * Q]"""


def rotate_support(features: Sequence[Tensor], labels: Tensor, n_way: int, k_shot: int) -> SupportRotation:
    """Divide the images of each episode into support and query set in R ways, so that each is a support image once.

    features: one or more features of all images, [E, N * (K + Q), ...] each. labels: int64 [E, N * (K + Q)]. The
    caller sees to it that each class has K + Q images and that K + Q is a multiple of K. The first support set has the
    first K images of each class.

    Laenen and Bertinetto (2021), "On Episodes, Prototypical Networks, and Few-Shot Learning", use all pairs of a batch
    in a similar way. Here episodes are kept, so that there is a support set to adapt to.
    """
    order = labels.argsort(dim=1, stable=True)
    episode = torch.arange(len(labels), device=labels.device)[:, None]
    by_class = [rows[episode, order].unflatten(1, (n_way, -1)) for rows in features]
    starts = range(0, by_class[0].shape[2], k_shot)
    rolled = [torch.cat([rows.roll(-start, dims=2) for start in starts]) for rows in by_class]
    support = tuple(rows[:, :, :k_shot].flatten(1, 2) for rows in rolled)
    query = tuple(rows[:, :, k_shot:].flatten(1, 2) for rows in rolled)
    classes = torch.arange(n_way, device=labels.device)

    def labels_of(rows: Tensor) -> Tensor:
        return classes.repeat_interleave(rows.shape[1] // n_way).expand(len(rows), -1)

    return SupportRotation(support, labels_of(support[0]), query, labels_of(query[0]))
