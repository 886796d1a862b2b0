"""ANIL: MAML that adapts the head alone (Raghu et al. 2020, "Rapid Learning or Feature Reuse?")."""

import torch
from torch import Tensor, nn

from leo_bench.config import Settings
from leo_bench.learners.base import Learner, initialised
from leo_bench.learners.inner_loop import mean_losses, steps_to_score
from leo_bench.learners.maml import check_ways, linear
from leo_bench.learners.weight_loop import Weights, descend_weights, own_weights
from leo_bench.models.backbone import Conv4, in_chunks
from leo_bench.models.stem import Stem


class Anil(Learner):
    """A Conv-4 that all episodes share, and a linear head that takes gradient steps on each support set."""

    batch_norm = "running"

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.label_smoothing = settings.label_smoothing
        with initialised(settings.seed, "classifier"):
            self.backbone = Conv4(
                settings.image_size,
                settings.precision,
                width=settings.width,
                stem=Stem(settings.first_pool, settings.padding),
            )
        with initialised(settings.seed, "head"):
            self.fc = nn.Linear(self.backbone.feature_dim, settings.n_way)

    @property
    def scored_steps(self) -> list[int]:
        return steps_to_score(self.settings.inner_steps)

    def n_generated(self, n_way: int) -> int:
        """Return how many weights each episode has of its own: those of the head."""
        return sum(parameter.numel() for parameter in self.fc.parameters())

    def episode_logits(self, support_x: Tensor, support_y: Tensor, query_x: Tensor, n_way: int) -> list[Tensor]:
        features = self.backbone.by_episode(torch.cat([support_x, query_x], dim=1))
        n_support = support_x.shape[1]
        return self.logits_from_features((features[:, :n_support],), support_y, (features[:, n_support:],), n_way)

    def image_features(self, images: Tensor) -> tuple[Tensor, ...]:
        return (in_chunks(self.backbone, images),)

    def logits_from_features(
        self, support: tuple[Tensor, ...], support_y: Tensor, query: tuple[Tensor, ...], n_way: int
    ) -> list[Tensor]:
        check_ways(n_way, self.settings)
        settings, training = self.settings, self.training

        def loss(head: Weights) -> Tensor:
            return mean_losses(linear(head, support[0]), support_y).sum()

        with torch.enable_grad():
            start = own_weights({"weight": self.fc.weight, "bias": self.fc.bias}, len(support_y))
            if not training:
                start = {name: tensor.detach() for name, tensor in start.items()}
            heads = descend_weights(
                loss,
                start,
                dict.fromkeys(start, settings.inner_lr),
                settings.inner_steps,
                [settings.inner_steps] if training else self.scored_steps,
                settings.second_order and training,
            )
        return [linear(head, query[0]) for head in heads]
