"""Prototypical network: nearest class mean of Conv-4 features (Snell et al. 2017)."""

import torch
from torch import Tensor

from leo_bench.config import Settings
from leo_bench.learners.base import Learner, initialised, mean_accuracy
from leo_bench.learners.support_rotation import rotate_support
from leo_bench.models.backbone import Conv4, in_chunks
from leo_bench.models.logit_scale import LOGIT_SCALES
from leo_bench.models.prototypes import nearest_mean_logits
from leo_bench.models.stem import Stem


class ProtoNet(Learner):
    """Class means of Conv-4 features (Snell et al. 2017). With n_train_episodes 0 the Conv-4 is untrained."""

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
        self.scale = LOGIT_SCALES[settings.logit_scale]()

    def episode_logits(self, support_x: Tensor, support_y: Tensor, query_x: Tensor, n_way: int) -> list[Tensor]:
        features = self.backbone.by_episode(torch.cat([support_x, query_x], dim=1))
        n_support = support_x.shape[1]
        support, query = features[:, :n_support], features[:, n_support:]
        return [self.scale(self.feature_logits(support, support_y, query, n_way))]

    def feature_logits(self, support: Tensor, support_y: Tensor, query: Tensor, n_way: int) -> Tensor:
        """Return unscaled logits [E, N * Q, N] of queries from features: support [E, N * K, F], query [E, N * Q, F]."""
        return nearest_mean_logits(support, support_y, query, n_way)

    def loss(
        self, support_x: Tensor, support_y: Tensor, query_x: Tensor, query_y: Tensor, n_way: int
    ) -> tuple[Tensor, Tensor]:
        """Return loss and accuracy of the nearest class mean; with train_support=each, over all support rotations."""
        n_support = support_x.shape[1]
        features = self.backbone.by_episode(torch.cat([support_x, query_x], dim=1))
        support, query = features[:, :n_support], features[:, n_support:]
        if self.train_support == "each":
            labels = torch.cat([support_y, query_y], dim=1)
            (support,), support_y, (query,), query_y = rotate_support((features,), labels, n_way, n_support // n_way)
        logits = self.scale(nearest_mean_logits(support, support_y, query, n_way))
        return self.query_loss(logits, query_y), mean_accuracy(logits, query_y)

    def image_features(self, images: Tensor) -> tuple[Tensor, ...]:
        return (in_chunks(self.backbone, images),)

    def logits_from_features(
        self, support: tuple[Tensor, ...], support_y: Tensor, query: tuple[Tensor, ...], n_way: int
    ) -> list[Tensor]:
        return [self.scale(self.feature_logits(support[0], support_y, query[0], n_way))]
