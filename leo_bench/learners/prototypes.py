"""Nearest class mean, in raw pixels and in Conv-4 features: the reference lines beside LEO."""

import torch
import torch.nn.functional as F
from torch import Tensor

from leo_bench.config import Settings
from leo_bench.learners.base import Learner, initialised, share_right
from leo_bench.learners.parts import build_stem
from leo_bench.learners.turns import in_turn
from leo_bench.models.backbone import Conv4, in_chunks


def nearest_mean_logits(support: Tensor, support_y: Tensor, query: Tensor, n_way: int) -> Tensor:
    """Minus the squared distance of each query to each class's mean, [E, M, N] (Snell et al. 2017, Prototypical
    Networks).

    support: [E, N * K, F], support_y: int64 [E, N * K], query: [E, M, F].
    """
    member = F.one_hot(support_y, n_way).to(support.dtype)
    means = member.transpose(1, 2) @ support / member.sum(1)[..., None]
    return 2 * query @ means.transpose(1, 2) - query.square().sum(-1)[..., None] - means.square().sum(-1)[:, None]


class Pixels(Learner):
    """Class means of raw pixels: nothing is learned. At one shot this is the nearest neighbour."""

    batch_norm = "none"

    def __init__(self, settings: Settings) -> None:
        super().__init__()

    def episode_logits(self, support_x: Tensor, support_y: Tensor, query_x: Tensor, n_way: int) -> list[Tensor]:
        return [nearest_mean_logits(support_x.flatten(2), support_y, query_x.flatten(2), n_way)]

    def tables(self, images: Tensor) -> tuple[Tensor, ...]:
        return (images.flatten(1),)

    def logits_from_tables(
        self, support: tuple[Tensor, ...], support_y: Tensor, query: tuple[Tensor, ...], n_way: int
    ) -> list[Tensor]:
        return [nearest_mean_logits(support[0], support_y, query[0], n_way)]


class ProtoNet(Learner):
    """Class means of Conv-4 features (Snell et al. 2017); with no training episodes, of an untrained Conv-4."""

    batch_norm = "running"

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.label_smoothing = settings.label_smoothing
        self.train_support = settings.train_support
        with initialised(settings.seed, "classifier"):
            self.backbone = Conv4(
                settings.image_size, settings.precision, width=settings.width, stem=build_stem(settings)
            )

    def episode_logits(self, support_x: Tensor, support_y: Tensor, query_x: Tensor, n_way: int) -> list[Tensor]:
        features = self.backbone.by_episode(torch.cat([support_x, query_x], dim=1))
        n_support = support_x.shape[1]
        return [nearest_mean_logits(features[:, :n_support], support_y, features[:, n_support:], n_way)]

    def loss(
        self, support_x: Tensor, support_y: Tensor, query_x: Tensor, query_y: Tensor, n_way: int
    ) -> tuple[Tensor, Tensor]:
        """As of every learner; with train_support=each over all support sets that the images give in turn."""
        if self.train_support == "first":
            return super().loss(support_x, support_y, query_x, query_y, n_way)
        features = self.backbone.by_episode(torch.cat([support_x, query_x], dim=1))
        turns = in_turn((features,), torch.cat([support_y, query_y], dim=1), n_way, support_x.shape[1] // n_way)
        logits = nearest_mean_logits(turns.support[0], turns.support_y, turns.query[0], n_way)
        return self.query_loss(logits, turns.query_y), share_right(logits, turns.query_y)

    def tables(self, images: Tensor) -> tuple[Tensor, ...]:
        return (in_chunks(self.backbone, images),)

    def logits_from_tables(
        self, support: tuple[Tensor, ...], support_y: Tensor, query: tuple[Tensor, ...], n_way: int
    ) -> list[Tensor]:
        return [nearest_mean_logits(support[0], support_y, query[0], n_way)]
