"""LEO, batched over episodes: encode class codes, adapt them by gradient steps, decode head weights from them.

Rusu et al. (2019), "Meta-Learning with Latent Embedding Optimization", Algorithm 1, in the form of the source
document. docs/leo.md lists the differences. Letters as in base.py; D is latent_dim, F the length of the features.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from leo_bench.config import Settings
from leo_bench.data.seeding import derive_seed
from leo_bench.learners.base import Answers, Learner, initialised, mean_accuracy
from leo_bench.learners.inner_loop import descend, loop_statistics, mean_losses, steps_to_score
from leo_bench.learners.leo_parts import (
    build_decoder,
    build_encoder,
    build_latent,
    build_relation,
    build_stem,
    tie_starts,
)
from leo_bench.learners.support_rotation import rotate_support
from leo_bench.models.backbone import in_chunks
from leo_bench.models.classifier import LEOClassifier
from leo_bench.models.decoder import FlatDecoder, Head, LinearDecoder
from leo_bench.models.feature_norm import FEATURE_NORMS
from leo_bench.models.inner_objective import INNER_EXAMPLES, Start, Support
from leo_bench.models.latent import Posterior, encoder_penalty, kl_from_standard_normal
from leo_bench.models.noise import FeatureDropout, Noise
from leo_bench.models.prototypes import HEAD_STARTS, class_means
from leo_bench.models.step_sizes import STEP_SIZES, LearnedStepSize


class Solution(NamedTuple):
    """Result of adapting to episodes."""

    logits: list[Tensor]
    """[E, N * Q, N] at each of scored_steps; in training mode, at the last step alone."""
    points: list[Tensor]
    """Class codes [E, N, D] before the first inner step and after each."""
    posterior: Posterior | None
    """Distribution of the initial class codes if they are drawn, else None."""
    losses: Callable[[], list[Tensor]]
    """Computes the losses that loop_statistics reads: each the mean over the examples, also where the loop descends
    their sum."""


class Leo(Learner):
    """LEO with a shared CNN and a decoded head (`generated=head`)."""

    batch_norm = "running"
    conv_bias = True

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.label_smoothing = settings.label_smoothing
        noise = Noise(derive_seed(settings.seed, "noise"))
        self.draws_noise = settings.feature_dropout > 0 or "gaussian" in (settings.latent, settings.decoded_weights)
        with initialised(settings.seed, "classifier"):
            self.classifier = LEOClassifier(
                settings.n_way,
                settings.image_size,
                settings.precision,
                default_head=False,
                conv_bias=self.conv_bias,
                width=settings.width,
                stem=build_stem(settings),
            )
        self.feature_norm = FEATURE_NORMS[settings.feature_norm]()
        features = self.classifier.feature_dim
        with initialised(settings.seed, "encoder"):
            self.encoder = build_encoder(settings, features)
        with initialised(settings.seed, "relation"):
            self.relation_net = build_relation(settings)
        with initialised(settings.seed, "latent"):
            self.latent = build_latent(settings, noise)
        with initialised(settings.seed, "decoder"):
            self.decoder = build_decoder(settings, features, noise)
            tie_starts(settings, self.encoder, self.decoder)
        mode = settings.inner_lr_mode if settings.inner_steps else "fixed"  # without steps there is nothing to learn
        self.inner_rate = STEP_SIZES[mode](settings.inner_lr, settings.inner_steps, settings.latent_dim)
        self.finetuning = settings.finetune_steps > 0
        if self.finetuning:
            self.finetune_rate = LearnedStepSize(settings.finetune_lr, settings.finetune_steps, features + 1)
        dropout = settings.feature_dropout
        self.dropout: nn.Module = FeatureDropout(dropout, noise) if dropout else nn.Identity()
        self.temperature = settings.inner_temperature
        self.examples = INNER_EXAMPLES[settings.inner_examples]()
        self.prototypes = HEAD_STARTS[settings.head_start]
        weighted: list[tuple[float, Callable[[Solution], Tensor]]] = [
            (settings.kl_weight, _kl),
            (
                settings.encoder_penalty_weight,
                lambda solution: encoder_penalty(solution.points[0], solution.points[-1]),
            ),
            (settings.orthogonality_weight, lambda _: self.orthogonality()),
            (settings.l2_weight, lambda _: self.half_squares()),
        ]
        self.penalties = [(weight, penalty) for weight, penalty in weighted if weight > 0]

    @property
    def scored_steps(self) -> list[int]:
        settings = self.settings
        finetune_steps = steps_to_score(settings.finetune_steps)[1:]
        return steps_to_score(settings.inner_steps) + [settings.inner_steps + step for step in finetune_steps]

    def n_generated(self, n_way: int) -> int:
        return n_way * (self.classifier.feature_dim + 1)

    def class_codes(self, image_codes: Tensor, support_y: Tensor, n_way: int) -> Tensor:
        """Return the mean code of each class, refined by the relation network, [E, N, D].

        image_codes: [E, N * K, D]; support_y: int64 [E, N * K].
        """
        return self.relation_net.refine(class_means(image_codes, support_y, n_way))

    def logits(self, codes: Tensor, features: Tensor, prototypes: Tensor | None = None) -> Tensor:
        """Return logits [E, M, N] of class codes [E, N, D] and features [E, M, F]; prototypes: [E, N, F], if needed."""
        return head_logits(self.decoder.head(codes, prototypes), self.dropout(features))

    def logits_on(self, features: Tensor, prototypes: Tensor | None) -> Callable[[Tensor], Tensor]:
        """Return the function from class codes to logits of the same features, for many calls. Shapes as in logits."""
        decoder = self.decoder
        if isinstance(decoder, FlatDecoder) and decoder.per_class and isinstance(self.dropout, nn.Identity):
            return decoder.logits_on(features)
        return lambda codes: self.logits(codes, features, prototypes)

    def inner_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the cross-entropy of logits [E, M, N] and labels [E, M] at inner_temperature, summed over episodes.

        Within an episode it is a mean over images, a sum over images, or a sum over classes of a mean over each class's
        images (inner_loss).
        """
        total = F.cross_entropy((logits / self.temperature).flatten(0, 1), labels.flatten(), reduction="sum")
        if self.settings.inner_loss == "sum":
            return total
        mean = total / logits.shape[1]
        return mean if self.settings.inner_loss == "mean" else logits.shape[2] * mean

    def adapt(self, codes: Tensor, labels: Tensor, logits: Callable[[Tensor], Tensor]) -> list[Tensor]:
        """Return codes [E, N, D] before the first inner step and after each; each episode descends its own loss.

        codes: initial class codes [E, N, D]; labels: int64 [E, M]; logits: codes -> logits [E, M, N]. In eval mode
        only the codes are differentiated. With adapts=at_test there are no steps in training mode.
        """
        if self.training and self.settings.adapts == "at_test":
            return [codes]
        with torch.enable_grad():
            return descend(
                lambda point: self.inner_loss(logits(point), labels), codes, self.inner_rate(), self._second_order
            )

    def finetune(self, head: Head, features: Tensor, support_y: Tensor) -> list[Head]:
        """Return the head after each fine-tuning step; an empty list without fine-tuning.

        head: the decoded one; features: of the support set, [E, N * K, F]; support_y: int64 [E, N * K]. Rusu et al.
        (2019), Algorithm 1, the second loop.
        """
        if not self.finetuning:
            return []

        def loss(rows: Tensor) -> Tensor:
            return self.inner_loss(head_logits(_split(rows), self.dropout(features)), support_y)

        with torch.enable_grad():
            rows = torch.cat([head[0], head[1][..., None]], dim=-1)
            return [_split(rows) for rows in descend(loss, rows, self.finetune_rate(), self._second_order)[1:]]

    @property
    def _second_order(self) -> bool:
        return self.settings.second_order and self.training

    def episode_logits(self, support_x: Tensor, support_y: Tensor, query_x: Tensor, n_way: int) -> list[Tensor]:
        return self.episode_solution(support_x, support_y, query_x, n_way).logits

    def loss(
        self, support_x: Tensor, support_y: Tensor, query_x: Tensor, query_y: Tensor, n_way: int
    ) -> tuple[Tensor, Tensor]:
        """Return the loss, with the weighted penalties of Rusu et al. (2019), equations 6 and 7, and the accuracy."""
        if self.settings.train_support == "each":
            solution, query_y = self.rotated_solution(support_x, support_y, query_x, query_y, n_way)
        else:
            solution = self.episode_solution(support_x, support_y, query_x, n_way)
        logits = solution.logits[-1]
        loss = self.query_loss(logits, query_y)
        for weight, penalty in self.penalties:
            loss = loss + weight * penalty(solution)
        return loss, mean_accuracy(logits, query_y)

    def orthogonality(self) -> Tensor:
        """Return the mean orthogonality penalty of the linear decoders."""
        parts = [part.orthogonality() for part in self.decoder.modules() if isinstance(part, LinearDecoder)]
        return torch.stack(parts).mean()

    def half_squares(self) -> Tensor:
        """Return half the sum of the squared parameters of generating_parts (Rusu et al. 2019, equation 7)."""
        squares = [p.square().sum() for part in self.generating_parts() for p in part.parameters()]
        return torch.stack(squares).sum() / 2

    def generating_parts(self) -> list[nn.Module]:
        """Return the parts that generate weights from the features of a support set."""
        return [self.encoder, self.relation_net, self.latent, self.decoder]

    def episode_solution(self, support_x: Tensor, support_y: Tensor, query_x: Tensor, n_way: int) -> Solution:
        """Adapt to episodes given as images, arguments as in episode_logits.

        In training mode batch statistics are those of an episode's support and query images.
        """
        n_support, n_images = support_x.shape[1], support_x.shape[1] + query_x.shape[1]
        copies = self.examples.copies(support_x.flatten(0, 1)).unflatten(0, support_x.shape[:2]).flatten(1, 2)
        images = torch.cat([support_x, query_x, copies], dim=1)
        features = self.feature_norm(self.classifier.backbone.by_episode(images, n_images))
        support, query, of_copies = features.tensor_split([n_support, n_images], dim=1)
        codes = self.encoder.encode(support_x, self.dropout(support))
        by_image = of_copies.unflatten(1, (n_support, self.examples.n_copies))
        return self.solve((support, codes, by_image), support_y, (query,), n_way)

    def rotated_solution(
        self, support_x: Tensor, support_y: Tensor, query_x: Tensor, query_y: Tensor, n_way: int
    ) -> tuple[Solution, Tensor]:
        """Adapt to all R * E episodes of the support rotation (support_rotation.py) of E episodes.

        Returns their solution and the labels of their queries, [R * E, N * Q]. Each image passes the CNN once.
        """
        images, labels = torch.cat([support_x, query_x], dim=1), torch.cat([support_y, query_y], dim=1)
        features = self.feature_norm(self.classifier.backbone.by_episode(images))
        codes = self.encoder.encode(images, self.dropout(features))
        rotation = rotate_support((features, codes), labels, n_way, support_x.shape[1] // n_way)
        no_copies = rotation.support[0][:, :, None][:, :, :0]
        solution = self.solve((*rotation.support, no_copies), rotation.support_y, rotation.query, n_way)
        return solution, rotation.query_y

    def image_features(self, images: Tensor) -> tuple[Tensor, ...]:
        (features,) = self.query_features(images)
        copies = self.examples.copies(images)
        of_copies = features[:0]
        if copies.numel():
            of_copies = self.feature_norm(in_chunks(self.classifier.backbone, copies.flatten(0, 1)))
        by_image = of_copies.unflatten(0, copies.shape[:2])
        return features, self.encoder.encode(images[None], features[None])[0], by_image

    def query_features(self, images: Tensor) -> tuple[Tensor, ...]:
        return (self.feature_norm(in_chunks(self.classifier.backbone, images)),)

    def logits_from_features(
        self, support: tuple[Tensor, ...], support_y: Tensor, query: tuple[Tensor, ...], n_way: int
    ) -> list[Tensor]:
        return self.solve(support, support_y, query, n_way).logits

    def answers_from_features(
        self, support: tuple[Tensor, ...], support_y: Tensor, query: tuple[Tensor, ...], n_way: int
    ) -> Answers:
        solution = self.solve(support, support_y, query, n_way)
        adapts = len(self.scored_steps) > 1
        return Answers(solution.logits, loop_statistics(solution.points, solution.losses()) if adapts else None)

    def solve(self, support: tuple[Tensor, ...], support_y: Tensor, query: tuple[Tensor, ...], n_way: int) -> Solution:
        """Adapt to episodes given as per-image features, and classify their queries.

        support: features, codes and features of the copies, as in `Support`; query: features [E, N * Q, F].
        """
        known = Support(*support)
        start, posterior = self.latent(self.class_codes(known.codes, support_y, n_way))
        prototypes = self.prototypes(known.features, support_y, n_way)

        def logits_on(features: Tensor) -> Callable[[Tensor], Tensor]:
            return self.logits_on(features, prototypes)

        objective = self.examples.objective(Start(known, support_y, start, self.relation_net.refine, logits_on))
        points = self.adapt(start, objective.labels, objective.logits)
        wanted_points = points[-1:] if self.training else [points[step] for step in steps_to_score(len(points) - 1)]
        heads = [self.decoder.head(point, prototypes) for point in wanted_points]
        finetuned = self.finetune(heads[-1], known.features, support_y)
        heads += [finetuned[step - 1] for step in steps_to_score(len(finetuned))[1:]]
        wanted_heads = heads[-1:] if self.training else heads

        def losses() -> list[Tensor]:
            logits = [objective.logits(point) for point in (points[0], points[-1])]
            by_codes = [mean_losses(each / self.temperature, objective.labels) for each in logits]
            finetuned_logits = [head_logits(head, known.features) / self.temperature for head in finetuned[-1:]]
            return by_codes + [mean_losses(each, support_y) for each in finetuned_logits]

        return Solution([head_logits(head, self.dropout(query[0])) for head in wanted_heads], points, posterior, losses)


def head_logits(head: Head, features: Tensor) -> Tensor:
    """Return logits [E, M, N] of features [E, M, F] by a head."""
    weight, bias = head
    return features @ weight.transpose(1, 2) + bias[:, None]


def _split(rows: Tensor) -> Head:
    """Split rows [E, N, F + 1] into weight and bias."""
    return rows[..., :-1], rows[..., -1]


def _kl(solution: Solution) -> Tensor:
    assert solution.posterior is not None  # Settings require latent=gaussian with kl_weight
    return kl_from_standard_normal(solution.posterior)
