"""Answering the queries of one episode that comes as images, as a test does."""

from collections.abc import Sequence

import torch
from torch import Tensor

from leo_bench.data.support_copies import shifted
from leo_bench.learners.base import Learner


def answer_queries(
    learner: Learner,
    support_x: Tensor,
    support_y: Tensor,
    query_x: Tensor,
    n_way: int,
    copies: Sequence[tuple[int, int]] = (),
) -> list[Tensor]:
    """Return the logits [Q, N] of Q queries before adaptation and after each scored step of the inner loop.

    support_x: float32 [M, 1, H, W]; support_y: int64 [M], each class 0 to n_way - 1 at least once; query_x: float32
    [Q, 1, H, W]. copies: shifts of the copies that enlarge the support set, in the steps of `shifted`. Puts the learner
    in eval mode.
    """
    learner.eval()
    with torch.no_grad():
        images, labels = with_copies(support_x, support_y, copies)
        support = tuple(table[None] for table in learner.image_features(images))
        query = tuple(table[None] for table in learner.query_features(query_x))
        return [logits[0] for logits in learner.logits_from_features(support, labels[None], query, n_way)]


def with_copies(images: Tensor, labels: Tensor, copies: Sequence[tuple[int, int]]) -> tuple[Tensor, Tensor]:
    """Return images [M, 1, H, W] and labels [M], followed by the copies of all images with each shift."""
    versions = [images, *(shifted(images, *shift) for shift in copies)]
    return torch.cat(versions), labels.repeat(len(versions))
