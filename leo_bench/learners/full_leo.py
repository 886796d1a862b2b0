"""LEO that also generates a change to every layer of the CNN.

Letters as in leo.py; B images of an episode, support set first.
"""

import torch
from torch import Tensor, nn

from leo_bench.config import Settings
from leo_bench.learners.base import initialised
from leo_bench.learners.inner_loop import mean_losses
from leo_bench.learners.leo import Leo, Solution, head_logits
from leo_bench.models.backbone import adapted_conv4
from leo_bench.models.decoder import Head
from leo_bench.models.generator import CnnGenerator


class FullLeo(Leo):
    """LEO whose mean class code also generates a change to every CNN layer (`generated=full`).

    Each episode has its own CNN, so batch statistics are those of its support set, in training and at test.
    """

    batch_norm = "support"
    conv_bias = False

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        with initialised(settings.seed, "generator"):
            self.generator = CnnGenerator(settings.latent_dim, width=settings.width)

    @property
    def scored_steps(self) -> list[int]:
        inner_steps = self.settings.inner_steps  # scoring a step costs a pass of the CNN over all queries
        return sorted({0, inner_steps, inner_steps + self.settings.finetune_steps})

    def n_generated(self, n_way: int) -> int:
        return super().n_generated(n_way) + self.generator.n_generated

    def generating_parts(self) -> list[nn.Module]:
        return [*super().generating_parts(), self.generator]

    def features(self, codes: Tensor | None, images: Tensor, n_support: int, twice: bool = False) -> Tensor:
        """Return features [E, B, F] of images [E, B, 1, H, W].

        codes: class codes [E, N, D], which generate each episode's CNN; None: the meta-learned CNN as it is. twice:
        the features can be differentiated twice.
        """
        n_episodes = images.shape[0]
        changes = None if codes is None else self.generator(codes.mean(1))
        weights = []
        for index, block in enumerate(self.classifier.backbone.blocks):
            base = (block.conv.weight, block.norm.weight, block.norm.bias)  # type: ignore[union-attr]
            own = [tensor.expand(n_episodes, *tensor.shape) for tensor in base]  # type: ignore[misc, operator]
            weights.append(own if changes is None else [a + b for a, b in zip(own, changes[index], strict=True)])
        kernels, scales, shifts = zip(*weights, strict=True)
        return self.feature_norm(
            adapted_conv4(self.classifier.backbone.stem(images), kernels, scales, shifts, n_support, twice)
        )

    def episode_solution(self, support_x: Tensor, support_y: Tensor, query_x: Tensor, n_way: int) -> Solution:
        """Adapt to episodes given as images, arguments as in episode_logits."""
        if self.settings.encoder == "shared":
            return self.solve((support_x,), support_y, (query_x,), n_way)
        return self.solve((support_x, self.encoder.encode(support_x, support_x)), support_y, (query_x,), n_way)

    def image_features(self, images: Tensor) -> tuple[Tensor, ...]:
        if self.settings.encoder == "shared":
            return (images,)  # codes depend on the episode: its support set normalises the features
        return images, self.encoder.encode(images[None], images[None])[0]

    def query_features(self, images: Tensor) -> tuple[Tensor, ...]:
        return (images,)

    def solve(self, support: tuple[Tensor, ...], support_y: Tensor, query: tuple[Tensor, ...], n_way: int) -> Solution:
        """Adapt as Leo does. Features are images, and image codes if the encoder has a CNN of its own."""
        images, n_support = support[0], support_y.shape[1]
        if len(support) == 2:
            image_codes = support[1]
        else:
            image_codes = self.encoder.encode(images, self.dropout(self.features(None, images, n_support)))
        start, posterior = self.latent(self.class_codes(image_codes, support_y, n_way))
        twice = self._second_order
        points = self.adapt(
            start, support_y, lambda point: self.logits(point, self.features(point, images, n_support, twice))
        )
        both = torch.cat([images, query[0]], dim=1)
        logits, scored = [], []
        for point in points[-1:] if self.training else [points[step] for step in self._scored_points]:
            features, heads = self.features(point, both, n_support), [self.decoder.head(point)]
            if point is points[-1]:
                heads += self.finetune(heads[0], features[:, :n_support], support_y)[-1:]
            wanted = heads[-1:] if self.training else heads
            logits += [head_logits(head, self.dropout(features[:, n_support:])) for head in wanted]
            scored.append((heads, features[:, :n_support]))

        def loss(head: Head, features: Tensor) -> Tensor:
            return mean_losses(head_logits(head, features), support_y)

        def losses() -> list[Tensor]:
            by_codes = [loss(heads[0], features) for heads, features in (scored[0], scored[-1])]
            heads, features = scored[-1]
            return by_codes + [loss(head, features) for head in heads[1:]]

        return Solution(logits, points, posterior, losses)

    @property
    def _scored_points(self) -> list[int]:
        return sorted({0, self.settings.inner_steps})


def head_or_full(settings: Settings) -> Leo:
    """Return the LEO that settings.generated names: `head` or `full`."""
    return FullLeo(settings) if settings.generated == "full" else Leo(settings)
