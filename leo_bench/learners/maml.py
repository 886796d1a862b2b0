"""MAML: all weights of a CNN are adapted to each episode (Finn et al. 2017, "Model-Agnostic Meta-Learning").

Letters as in base.py.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from leo_bench.config import Settings
from leo_bench.errors import LeoBenchError
from leo_bench.learners.base import Learner, initialised
from leo_bench.learners.inner_loop import mean_losses
from leo_bench.learners.weight_loop import Weights, descend_weights, own_weights
from leo_bench.models.backbone import BLOCKS, adapted_conv4
from leo_bench.models.classifier import LEOClassifier
from leo_bench.models.patch_block import conv4_on
from leo_bench.models.stem import Stem


class Maml(Learner):
    """A Conv-4 with a linear head whose weights take gradient steps on each support set.

    Each episode has its own CNN. Its batch statistics are those of the support set, in training and at test. With the
    setting transductive, those of all queries of the episode normalise the queries.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.label_smoothing = settings.label_smoothing
        self.batch_norm = "transductive" if settings.transductive else "support"
        with initialised(settings.seed, "classifier"):
            self.classifier = LEOClassifier(
                settings.n_way,
                settings.image_size,
                conv_bias=False,
                width=settings.width,
                stem=Stem(settings.first_pool, settings.padding),
            )

    @property
    def scored_steps(self) -> list[int]:
        inner_steps = self.settings.inner_steps  # scoring a step costs a pass of the CNN over all queries
        return sorted({0, min(1, inner_steps), inner_steps})

    def n_generated(self, n_way: int) -> int:
        """Return how many weights each episode has of its own: all of the CNN and its head."""
        return sum(tensor.numel() for tensor in self.start().values())

    def start(self) -> dict[str, Tensor]:
        """Return the weights before adaptation: `kernel`, `scale` and `shift` of each block, `weight` and `bias`."""
        found = {"weight": self.classifier.fc.weight, "bias": self.classifier.fc.bias}
        for index, block in enumerate(self.classifier.backbone.blocks):
            names = (f"kernel{index}", f"scale{index}", f"shift{index}")
            parts = (block.conv.weight, block.norm.weight, block.norm.bias)  # type: ignore[union-attr]
            found |= dict(zip(names, parts, strict=True))  # type: ignore[arg-type]
        return found

    def step_sizes(self) -> Mapping[str, float | Tensor]:
        """Return the inner step size of each weight in start."""
        return dict.fromkeys(self.start(), self.settings.inner_lr)

    def logits(self, weights: Weights, images: Tensor, n_statistics: int) -> Tensor:
        """Return logits [E, B, N] of images [E, B, 1, H, W], normalised by the first n_statistics of each episode."""
        images = self.classifier.backbone.stem(images)
        return linear(weights, adapted_conv4(images, *_cnn(weights), n_statistics, twice=False))

    def logits_on(self, images: Tensor, twice: bool) -> Callable[[Weights], Tensor]:
        """Return the function from weights to logits of the same images, normalised by all images of each episode.

        twice: the result can be differentiated twice.
        """
        features = conv4_on(self.classifier.backbone.stem(images), twice)
        return lambda weights: linear(weights, features(*_cnn(weights)))

    def adapt(self, support_x: Tensor, support_y: Tensor) -> list[Weights]:
        """Return the weights at each of scored_steps; in training mode, after the last step alone."""
        settings, training = self.settings, self.training
        second_order = settings.second_order and training
        logits = self.logits_on(support_x, second_order)

        def loss(weights: Weights) -> Tensor:
            return mean_losses(logits(weights), support_y).sum()

        with torch.enable_grad():
            start, step_sizes = own_weights(self.start(), len(support_x)), self.step_sizes()
            if not training:
                start = {name: tensor.detach() for name, tensor in start.items()}
            wanted = [settings.inner_steps] if training else self.scored_steps
            return descend_weights(loss, start, step_sizes, settings.inner_steps, wanted, second_order)

    def query_logits(self, weights: Weights, support_x: Tensor, query_x: Tensor) -> Tensor:
        """Return logits [E, N * Q, N] of the queries by each episode's own weights."""
        if self.settings.transductive:
            return self.logits(weights, query_x, query_x.shape[1])
        n_support = support_x.shape[1]
        return self.logits(weights, torch.cat([support_x, query_x], dim=1), n_support)[:, n_support:]

    def episode_logits(self, support_x: Tensor, support_y: Tensor, query_x: Tensor, n_way: int) -> list[Tensor]:
        check_ways(n_way, self.settings)
        return [self.query_logits(weights, support_x, query_x) for weights in self.adapt(support_x, support_y)]


def linear(weights: Weights, features: Tensor) -> Tensor:
    """Return logits [E, M, N] of features [E, M, F] by the head in weights."""
    return features @ weights["weight"].transpose(1, 2) + weights["bias"][:, None]


def _cnn(weights: Weights) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Return kernels, scales and shifts of the blocks."""
    kernels, scales, shifts = (
        [weights[f"{part}{index}"] for index in range(BLOCKS)] for part in ("kernel", "scale", "shift")
    )
    return kernels, scales, shifts


def check_ways(n_way: int, settings: Settings) -> None:
    """Raise LeoBenchError if a head that starts from learned rows for each class has another number of classes."""
    if n_way != settings.n_way:
        raise LeoBenchError(
            f"learner={settings.learner} has a head built for {settings.n_way} classes, and the episode has {n_way}; "
            "train it at that n_way"
        )
