"""Every image of a training episode takes its turn in the support set (`train_support=each`)."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Turns(NamedTuple):
    """T * E episodes made from E, a turn after another; classes in order within each."""

    support: tuple[Tensor, ...]
    """Of each table the rows of the support sets, [T * E, N * K, ...]."""
    support_y: Tensor
    query: tuple[Tensor, ...]
    """Of each table the rows of the queries, [T * E, N * Q, ...]."""
    query_y: Tensor


def in_turn(tables: Sequence[Tensor], labels: Tensor, n_way: int, k_shot: int) -> Turns:
    """All splits of episodes into k_shot support images of a class and the others as queries, in which each image is in
    the support set once.

    tables: rows of images, [E, N * (K + Q), ...] each; labels: int64 [E, N * (K + Q)], every class equally often, K + Q
    a multiple of K; who calls sees to that. The first turn's support set is the first K images of each class.

    Laenen and Bertinetto (2021), "On Episodes, Prototypical Networks, and Few-Shot Learning", use all pairs of a batch
    likewise; here the episode stays, so that there is a support set to adapt to.
    """
    order = labels.argsort(dim=1, stable=True)
    episode = torch.arange(len(labels), device=labels.device)[:, None]
    by_class = [table[episode, order].unflatten(1, (n_way, -1)) for table in tables]
    turns = range(0, by_class[0].shape[2], k_shot)
    rolled = [torch.cat([rows.roll(-first, dims=2) for first in turns]) for rows in by_class]
    support = tuple(rows[:, :, :k_shot].flatten(1, 2) for rows in rolled)
    query = tuple(rows[:, :, k_shot:].flatten(1, 2) for rows in rolled)
    classes = torch.arange(n_way, device=labels.device)

    def labels_of(rows: Tensor) -> Tensor:
        return classes.repeat_interleave(rows.shape[1] // n_way).expand(len(rows), -1)

    return Turns(support, labels_of(support[0]), query, labels_of(query[0]))
