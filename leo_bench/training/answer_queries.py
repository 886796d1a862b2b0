"""Answering the queries of one episode that comes as images, as a test does."""

from collections.abc import Sequence

import torch
from torch import Tensor

from leo_bench.data.support_copies import shifted
from leo_bench.learners.base import Answers, Learner

Shifts = Sequence[tuple[int, int]]


def answer_queries(
    learner: Learner,
    support_x: Tensor,
    support_y: Tensor,
    query_x: Tensor,
    n_way: int,
    copies: Shifts = (),
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


def with_copies(images: Tensor, labels: Tensor, copies: Shifts) -> tuple[Tensor, Tensor]:
    """Return images [M, 1, H, W] and labels [M], followed by the copies of all images with each shift."""
    versions = [images, *(shifted(images, *shift) for shift in copies)]
    return torch.cat(versions), labels.repeat(len(versions))


def with_copies_by_episode(support_x: Tensor, support_y: Tensor, copies: Shifts) -> tuple[Tensor, Tensor]:
    """Return support sets [E, M, 1, H, W] and labels [E, M], each set followed by the copies of all its images."""
    images = support_x.flatten(0, 1)
    moved = [shifted(images, *shift).unflatten(0, support_x.shape[:2]) for shift in copies]
    return torch.cat([support_x, *moved], dim=1), support_y.repeat(1, 1 + len(copies))


class AnswersWithCopies(Learner):
    """A trained learner whose episode_logits have the copies of support images that its tests have (eval mode).

    The methods on features are those of the learner: a test gives them the features of the copies.
    """

    def __init__(self, trained: Learner, copies: Shifts) -> None:
        """Store the learner and the shifts of the copies, in the steps of `shifted`."""
        super().__init__()
        self.trained, self.copies = trained, copies
        self.batch_norm = trained.batch_norm

    @property
    def scored_steps(self) -> list[int]:
        return self.trained.scored_steps

    def n_generated(self, n_way: int) -> int:
        return self.trained.n_generated(n_way)

    def episode_logits(self, support_x: Tensor, support_y: Tensor, query_x: Tensor, n_way: int) -> list[Tensor]:
        support_x, support_y = with_copies_by_episode(support_x, support_y, () if self.training else self.copies)
        return self.trained.episode_logits(support_x, support_y, query_x, n_way)

    def image_features(self, images: Tensor) -> tuple[Tensor, ...]:
        return self.trained.image_features(images)

    def query_features(self, images: Tensor) -> tuple[Tensor, ...]:
        return self.trained.query_features(images)

    def logits_from_features(
        self, support: tuple[Tensor, ...], support_y: Tensor, query: tuple[Tensor, ...], n_way: int
    ) -> list[Tensor]:
        return self.trained.logits_from_features(support, support_y, query, n_way)

    def answers_from_features(
        self, support: tuple[Tensor, ...], support_y: Tensor, query: tuple[Tensor, ...], n_way: int
    ) -> Answers:
        return self.trained.answers_from_features(support, support_y, query, n_way)
