"""What training and evaluation ask of a method."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from leo_bench.data.seeding import derive_seed


class Learner(nn.Module, ABC):
    """A few-shot method: a support set in, logits for queries out.

    Letters: E episodes, N classes, K shots, Q queries per class; support sets hold N * K images, query sets N * Q.
    """

    batch_norm: str
    """Statistics of batch norm at test time, for the record."""

    label_smoothing = 0.0
    """Of the queries' loss."""

    draws_noise = False
    """Whether training draws random numbers beyond its episodes."""

    @property
    def scored_steps(self) -> list[int]:
        """Inner steps after which logits are given; 0 is before adaptation."""
        return [0]

    def n_generated(self, n_way: int) -> int:
        """Numbers generated per episode."""
        return 0

    @abstractmethod
    def episode_logits(self, support_x: Tensor, support_y: Tensor, query_x: Tensor, n_way: int) -> list[Tensor]:
        """Logits [E, N * Q, N] at each of scored_steps; when training, at the last alone, batch statistics being one
        episode's.

        support_x: float32 [E, N * K, 1, H, W]; support_y: int64 [E, N * K], classes 0 to N - 1; query_x: [E, N * Q,
        1, H, W].
        """

    def loss(
        self, support_x: Tensor, support_y: Tensor, query_x: Tensor, query_y: Tensor, n_way: int
    ) -> tuple[Tensor, Tensor]:
        """What training minimises, a mean over the episodes given: the queries' mean cross-entropy; and the share of
        queries answered rightly. Arguments as of episode_logits; query_y: int64 [E, N * Q]."""
        logits = self.episode_logits(support_x, support_y, query_x, n_way)[-1]
        return self.query_loss(logits, query_y), share_right(logits, query_y)

    def query_loss(self, logits: Tensor, query_y: Tensor) -> Tensor:
        """Mean cross-entropy of logits [E, M, N] and labels [E, M]."""
        return F.cross_entropy(logits.flatten(0, 1), query_y.flatten(), label_smoothing=self.label_smoothing)

    def image_features(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return what does not depend on the episode, computed once for each image (eval mode).

        images: float32 [M, 1, H, W]. Returns tensors [M, ...]. By default the images themselves, which is right for
        every method; a method whose features are the same in every episode overrides this for speed, together with
        logits_from_features.
        """
        return (images,)

    def query_features(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the part of image_features that logits_from_features needs of a query."""
        return self.image_features(images)

    def logits_from_features(
        self, support: tuple[Tensor, ...], support_y: Tensor, query: tuple[Tensor, ...], n_way: int
    ) -> list[Tensor]:
        """Return the logits of episode_logits from rows of image_features: support tensors [E, N * K, ...], query
        tensors [E, N * Q, ...] (eval mode)."""
        return self.episode_logits(support[0], support_y, query[0], n_way)


def share_right(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean accuracy of logits [E, M, N] and labels [E, M]."""
    return (logits.argmax(-1) == labels).float().mean()


@contextmanager
def initialised(seed: int, part: str) -> Iterator[None]:
    """Initialise one part of a model from its own stream, so that changing a part leaves the others' start alike."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "init", part))
        yield
