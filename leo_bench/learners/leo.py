"""LEO, batched over episodes: codes of the classes, descent on the codes, weights decoded from them.

Rusu et al. (2019), "Meta-Learning with Latent Embedding Optimization", Algorithm 1, in the form of the source
document; docs/leo.md has the table of what differs. Letters as in base.py; D is latent_dim, F the length of the
features.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from leo_bench.config import Settings
from leo_bench.inner_loop import descend
from leo_bench.learners.base import Learner, initialised
from leo_bench.models.backbone import adapted_conv4, in_chunks
from leo_bench.models.classifier import LEOClassifier
from leo_bench.models.decoder import CnnGenerator, LEODecoder
from leo_bench.models.encoder import LEOEncoder, SharedEncoder
from leo_bench.models.relation import LEORelationNetwork, NoRelation


class Leo(Learner):
    """LEO with a shared CNN and a decoded head (`generated=head`)."""

    batch_norm = "running"
    conv_bias = True

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        size, precision, latent_dim = settings.image_size, settings.precision, settings.latent_dim
        with initialised(settings.seed, "classifier"):
            self.classifier = LEOClassifier(
                settings.n_way, size, precision, default_head=False, conv_bias=self.conv_bias
            )
        features = self.classifier.feature_dim
        self.encoder: LEOEncoder | SharedEncoder
        self.relation_net: LEORelationNetwork | NoRelation
        with initialised(settings.seed, "encoder"):
            separate = settings.encoder == "separate"
            self.encoder = LEOEncoder(latent_dim, size, precision) if separate else SharedEncoder(features, latent_dim)
        with initialised(settings.seed, "relation"):
            self.relation_net = LEORelationNetwork(latent_dim) if settings.relation == "pairwise" else NoRelation()
        with initialised(settings.seed, "decoder"):
            self.decoder = LEODecoder(latent_dim, settings.n_way, features, settings.decode)

    def fits(self, n_way: int) -> bool:
        return self.settings.decode == "class" or n_way == self.settings.n_way

    @property
    def scored_steps(self) -> list[int]:
        return list(range(self.settings.inner_steps + 1))

    def n_generated(self, n_way: int) -> int:
        return n_way * (self.classifier.feature_dim + 1)

    def class_codes(self, image_codes: Tensor, support_y: Tensor, n_way: int) -> Tensor:
        """Mean code of each class, refined by its relations. image_codes: [E, N * K, D]. Returns [E, N, D]."""
        member = F.one_hot(support_y, n_way).to(image_codes.dtype)  # [E, N * K, N]
        return self.relation_net.refine(member.transpose(1, 2) @ image_codes / member.sum(1)[..., None])

    def logits(self, codes: Tensor, features: Tensor) -> Tensor:
        """Class codes [E, N, D] and features [E, M, F] -> logits [E, M, N]."""
        weight, bias = self.decoder.head(codes)
        return features @ weight.transpose(1, 2) + bias[:, None]

    def adapt(self, codes: Tensor, support_y: Tensor, support_logits: Callable[[Tensor], Tensor]) -> list[Tensor]:
        """Codes [E, N, D] before, between and after the inner steps, each descending its own episode's mean support
        loss.

        support_logits: codes -> logits [E, N * K, N]. Without training the codes are all that is differentiated.
        """

        def support_loss(point: Tensor) -> Tensor:
            return (
                F.cross_entropy(support_logits(point).flatten(0, 1), support_y.flatten(), reduction="sum")
                / support_y.shape[1]
            )

        with torch.enable_grad():
            second_order = self.settings.second_order and self.training
            return descend(support_loss, codes, self.settings.inner_lr, self.settings.inner_steps, second_order)

    def episode_logits(self, support_x: Tensor, support_y: Tensor, query_x: Tensor, n_way: int) -> list[Tensor]:
        n_support = support_x.shape[1]
        features = self.classifier.backbone.by_episode(torch.cat([support_x, query_x], dim=1))
        support, query = features[:, :n_support], features[:, n_support:]
        return self.logits_from_tables((support, self.encoder.encode(support_x, support)), support_y, (query,), n_way)

    def tables(self, images: Tensor) -> tuple[Tensor, ...]:
        features = in_chunks(self.classifier.backbone, images)
        return features, self.encoder.encode(images[None], features[None])[0]

    def logits_from_tables(
        self, support: tuple[Tensor, ...], support_y: Tensor, query: tuple[Tensor, ...], n_way: int
    ) -> list[Tensor]:
        features, image_codes = support
        points = self.adapt(
            self.class_codes(image_codes, support_y, n_way), support_y, lambda point: self.logits(point, features)
        )
        return [self.logits(point, query[0]) for point in self.scored(points)]

    def scored(self, points: list[Tensor]) -> list[Tensor]:
        """The points whose logits are wanted: the last when training, else those of scored_steps."""
        return points[-1:] if self.training else [points[step] for step in self.scored_steps]


class FullLeo(Leo):
    """LEO whose pooled code also generates a change to every layer of the CNN (`generated=full`).

    Each episode has its own CNN, so batch statistics are those of its support set, in training and at test.
    """

    batch_norm = "support"
    conv_bias = False

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        with initialised(settings.seed, "generator"):
            self.generator = CnnGenerator(settings.latent_dim)

    @property
    def scored_steps(self) -> list[int]:
        return sorted({0, self.settings.inner_steps})  # a step's score costs a pass of the CNN over all queries

    def n_generated(self, n_way: int) -> int:
        return super().n_generated(n_way) + self.generator.n_generated

    def features(self, codes: Tensor | None, images: Tensor, n_support: int, twice: bool = False) -> Tensor:
        """Features [E, B, F] of images [E, B, 1, H, W] by each episode's CNN; by the meta-learned CNN itself without
        codes. twice: they can be differentiated twice."""
        n_episodes = images.shape[0]
        changes = None if codes is None else self.generator(codes.mean(1))
        weights = []
        for index, block in enumerate(self.classifier.backbone.blocks):
            base = (block.conv.weight, block.norm.weight, block.norm.bias)  # type: ignore[union-attr]
            own = [tensor.expand(n_episodes, *tensor.shape) for tensor in base]  # type: ignore[misc, operator]
            weights.append(own if changes is None else [a + b for a, b in zip(own, changes[index], strict=True)])
        kernels, scales, shifts = zip(*weights, strict=True)
        return adapted_conv4(images, kernels, scales, shifts, n_support, twice)

    def episode_logits(self, support_x: Tensor, support_y: Tensor, query_x: Tensor, n_way: int) -> list[Tensor]:
        support = (
            (support_x,)
            if self.settings.encoder == "shared"
            else (support_x, self.encoder.encode(support_x, support_x))
        )
        return self.logits_from_tables(support, support_y, (query_x,), n_way)

    def tables(self, images: Tensor) -> tuple[Tensor, ...]:
        if (
            self.settings.encoder == "shared"
        ):  # codes then depend on the episode, whose support set normalises the features
            return (images,)
        return images, self.encoder.encode(images[None], images[None])[0]

    def logits_from_tables(
        self, support: tuple[Tensor, ...], support_y: Tensor, query: tuple[Tensor, ...], n_way: int
    ) -> list[Tensor]:
        images, n_support = support[0], support_y.shape[1]
        if len(support) == 2:
            image_codes = support[1]
        else:
            image_codes = self.encoder.encode(images, self.features(None, images, n_support))
        codes = self.class_codes(image_codes, support_y, n_way)
        twice = self.training and self.settings.second_order  # the inner gradients are differentiated again
        points = self.adapt(
            codes, support_y, lambda point: self.logits(point, self.features(point, images, n_support, twice))
        )
        both = torch.cat([images, query[0]], dim=1)
        return [
            self.logits(point, self.features(point, both, n_support)[:, n_support:]) for point in self.scored(points)
        ]
