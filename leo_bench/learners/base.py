"""Interface that training and evaluation use of a few-shot method."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from leo_bench.data.seeding import derive_seed
from leo_bench.learners.inner_loop import LoopStatistics


class Answers(NamedTuple):
    """Answers of a learner to the queries of episodes."""

    logits: list[Tensor]
    """[E, N * Q, N] at each of scored_steps."""
    loop: LoopStatistics | None = None
    """Statistics of the inner loop; None for a method that has none, or gives none."""


class Learner(nn.Module, ABC):
    """A few-shot method: from a support set and queries to the logits of the queries.

    A subclass must define `episode_logits` alone. image_features, query_features and logits_from_features may be
    overridden for speed.

    Letters: E episodes, N classes, K shots, Q queries per class; support sets hold N * K images, query sets N * Q.
    """

    batch_norm = "none"
    """Batch statistics used at test: `none`, `running` (those of training) or `support` (those of the support set)."""

    label_smoothing = 0.0
    """Label smoothing of the query loss in training."""

    draws_noise = False
    """True if training draws random numbers besides those of its episodes."""

    @property
    def scored_steps(self) -> list[int]:
        """Inner steps after which logits are returned; 0 is before adaptation."""
        return [0]

    def n_generated(self, n_way: int) -> int:
        """Return how many weights are generated for an episode of n_way classes."""
        return 0

    @abstractmethod
    def episode_logits(self, support_x: Tensor, support_y: Tensor, query_x: Tensor, n_way: int) -> list[Tensor]:
        """Return logits [E, N * Q, N] at each of scored_steps; in training mode, at the last step alone.

        In training mode batch statistics are those of one episode. support_x: float32 [E, N * K, 1, H, W]; support_y:
        int64 [E, N * K], classes 0 to N - 1; query_x: float32 [E, N * Q, 1, H, W].
        """

    def loss(
        self, support_x: Tensor, support_y: Tensor, query_x: Tensor, query_y: Tensor, n_way: int
    ) -> tuple[Tensor, Tensor]:
        """Return the loss that training minimises and the accuracy on the queries, both averaged over the episodes.

        The loss is the mean cross-entropy of the queries. Arguments as in episode_logits; query_y: int64 [E, N * Q].
        """
        logits = self.episode_logits(support_x, support_y, query_x, n_way)[-1]
        return self.query_loss(logits, query_y), mean_accuracy(logits, query_y)

    def query_loss(self, logits: Tensor, query_y: Tensor) -> Tensor:
        """Return the mean cross-entropy of logits [E, M, N] and labels [E, M], with label smoothing."""
        return F.cross_entropy(logits.flatten(0, 1), query_y.flatten(), label_smoothing=self.label_smoothing)

    def image_features(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return per-image features that do not depend on the episode (eval mode).

        images: float32 [M, 1, H, W]. Returns tensors [M, ...]. By default these are the images themselves, which is
        correct for every method. A method whose features are the same in every episode overrides this method for
        speed, together with logits_from_features.
        """
        return (images,)

    def query_features(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the features that logits_from_features needs of queries: the first of image_features, or all."""
        return self.image_features(images)

    def logits_from_features(
        self, support: tuple[Tensor, ...], support_y: Tensor, query: tuple[Tensor, ...], n_way: int
    ) -> list[Tensor]:
        """Return the logits of episode_logits, computed from per-image features (eval mode).

        support: image_features of the support sets, [E, N * K, ...] each; query: query_features or image_features of
        the queries, [E, N * Q, ...] each.
        """
        return self.episode_logits(support[0], support_y, query[0], n_way)

    def answers_from_features(
        self, support: tuple[Tensor, ...], support_y: Tensor, query: tuple[Tensor, ...], n_way: int
    ) -> Answers:
        """Return the logits of logits_from_features and the statistics of the inner loop, if there are any (eval mode).

        Arguments as in logits_from_features. A method with an inner loop on codes overrides this method to have the
        loop's losses and distances recorded.
        """
        return Answers(self.logits_from_features(support, support_y, query, n_way))


def mean_accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean accuracy of logits [E, M, N] against labels [E, M], a fraction."""
    return (logits.argmax(-1) == labels).float().mean()


@contextmanager
def initialised(seed: int, part: str) -> Iterator[None]:
    """Initialise one part of a model from a random stream of its own.

    A change of one part then leaves the initial weights of all other parts as they are. Within a part weights are drawn
    in order: a CNN whose convolutions have no bias starts elsewhere than one whose convolutions have one.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "init", part))
        yield
