"""Prototypical network: nearest class mean in Conv-4 features (Snell et al. 2017)."""

import torch
from torch import Tensor

from leo_bench.config import Settings
from leo_bench.learners.base import Learner, initialised, share_right
from leo_bench.learners.support_rotation import in_turn
from leo_bench.models.backbone import Conv4, in_chunks
from leo_bench.models.prototypes import nearest_mean_logits
from leo_bench.models.stem import Stem


class ProtoNet(Learner):
    """Class means of Conv-4 features (Snell et al. 2017); with no training episodes, of an untrained Conv-4."""

    batch_norm = "running"

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.label_smoothing = settings.label_smoothing
        self.train_support = settings.train_support
        with initialised(settings.seed, "classifier"):
            self.backbone = Conv4(
                settings.image_size,
                settings.precision,
                width=settings.width,
                stem=Stem(settings.first_pool, settings.padding),
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

    def image_features(self, images: Tensor) -> tuple[Tensor, ...]:
        return (in_chunks(self.backbone, images),)

    def logits_from_features(
        self, support: tuple[Tensor, ...], support_y: Tensor, query: tuple[Tensor, ...], n_way: int
    ) -> list[Tensor]:
        return [nearest_mean_logits(support[0], support_y, query[0], n_way)]
