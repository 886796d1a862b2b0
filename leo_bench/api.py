"""The interface to LEO of the source document: one episode at a time, on the same batched implementation."""

import warnings
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from leo_bench.config import Settings, make_settings
from leo_bench.errors import LeoBenchError
from leo_bench.learners.base import initialised
from leo_bench.learners.leo import Leo
from leo_bench.learners.leo_parts import build_stem
from leo_bench.models.classifier import LEOClassifier
from leo_bench.training.batch_check import Batch, check_classes, check_images, checked_batch
from leo_bench.training.outer_loop import TrainingDiverged, outer_step
from leo_bench.training.troubleshooting import diverged, stalled


class LatentEmbeddingOptimization(Leo):
    """LEO with its optimiser (the document, LatentEmbeddingOptimization).

    Parts: encoder, relation_net, decoder, classifier (with a default head). With the defaults of the document one
    pooled code decodes the rows of all classes. It cannot tell classes apart, and accuracy stays at chance; set
    decode="class" to learn (docs/leo.md).

    switches: any other setting of a LEO with a generated head, such as decode, relation, encoder, image_size,
    second_order, seed, clip_norm. Raises LeoBenchError for unknown names, for values out of range, and for settings
    that do not fit the step-by-step methods (feature_norm, inner_examples, finetune_steps, head_start).
    """

    def __init__(
        self,
        num_classes: int = 5,
        latent_dim: int = 64,
        inner_lr: float = 0.01,
        outer_lr: float = 0.001,
        inner_steps: int = 5,
        optimizer_cls: type[torch.optim.Optimizer] = torch.optim.Adam,
        optimizer_kwargs: dict[str, Any] | None = None,
        **switches: Any,
    ) -> None:
        documented = {
            "n_way": num_classes,
            "latent_dim": latent_dim,
            "inner_lr": inner_lr,
            "outer_lr": outer_lr,
            "inner_steps": inner_steps,
        }
        settings = make_settings({**documented, **switches}, where="LatentEmbeddingOptimization")
        elsewhere = ("learner", "generated", "feature_norm", "inner_examples", "finetune_steps", "head_start")
        given = [name for name in elsewhere if getattr(settings, name) != Settings.model_fields[name].default]
        if given:
            raise LeoBenchError(
                f"LatentEmbeddingOptimization adapts step by step as the document has it, without {given[0]}; "
                "use leo_bench.learners.build for the rest"
            )
        super().__init__(settings)
        with initialised(settings.seed, "classifier"):
            self.classifier = LEOClassifier(
                num_classes,
                settings.image_size,
                settings.precision,
                width=settings.width,
                stem=build_stem(settings),
            )
        self.num_classes = num_classes
        self.meta_optimizer = optimizer_cls(self.parameters(), lr=outer_lr, **(optimizer_kwargs or {}))  # type: ignore[call-arg]

    def meta_train_step(
        self, support_data: Tensor, support_labels: Tensor, query_data: Tensor, query_labels: Tensor
    ) -> float:
        """Update all meta-parameters once on a meta-batch. Returns the mean query loss after adaptation.

        support_data: float32 [E, N * K, 1, H, W]; support_labels: int64 [E, N * K]; query_data, query_labels likewise
        with N * Q. Raises TrainingDiverged if the loss is NaN or infinite, LeoBenchError if the tensors do not fit or a
        class is missing from a support set.
        """
        return self.step((support_data, support_labels, query_data, query_labels))[0]

    def step(self, batch: Batch) -> tuple[float, float]:
        """Update as meta_train_step does. Returns the loss and the accuracy on the queries, a fraction."""
        checked_batch(batch, self.num_classes, self.settings.image_size)
        if self.settings.train_support == "each":
            self._check_rotation(batch[1], batch[3])
        loss, accuracy, _ = outer_step(self, self.meta_optimizer, batch, self.num_classes, self.settings.clip_norm)
        value = float(loss)
        if not torch.isfinite(loss):
            raise TrainingDiverged(diverged(f"the loss became {value}", self.settings))
        return value, float(accuracy)

    def encode_task(self, support_data: Tensor, support_labels: Tensor) -> Tensor:
        """Return the class codes [N, latent_dim] of one support set, refined by the relation network.

        support_data: float32 [N * K, 1, H, W]; support_labels: int64 [N * K].
        """
        check_images(support_data[None], "support_data", self.settings.image_size)
        check_classes(support_labels[None], self.num_classes)
        features = self.classifier.extract_features(support_data)
        codes = self.encoder.encode(support_data[None], features[None])
        return self.class_codes(codes, support_labels[None], self.num_classes)[0]

    def apply_relation_network(self, class_codes: Tensor) -> Tensor:
        """Return class codes [N, latent_dim], each refined by its relations to all classes of the task."""
        return self.relation_net.refine(class_codes[None])[0]

    def inner_update(self, support_data: Tensor, support_labels: Tensor, initial_codes: Tensor) -> Tensor:
        """Return the class codes [N, latent_dim] after inner_steps gradient steps on the loss of the support set."""
        check_images(support_data[None], "support_data", self.settings.image_size)
        features = self.classifier.extract_features(support_data)[None]
        return self.adapt(initial_codes[None], support_labels[None], lambda codes: self.logits(codes, features))[-1][0]

    def decode_to_params(self, codes: Tensor) -> dict[str, Tensor]:
        """Return the head weights of class codes [N, latent_dim]: {"fc.weight": [N, feature_dim], "fc.bias": [N]}."""
        return self.decoder(codes)

    def _check_rotation(self, support_labels: Tensor, query_labels: Tensor) -> None:
        """Raise LeoBenchError unless every class has K support images and Q queries, and K divides Q.

        support_labels: int64 [E, N * K]; query_labels: int64 [E, N * Q].
        """
        shots, queries = (
            torch.nn.functional.one_hot(labels, self.num_classes).sum(1) for labels in (support_labels, query_labels)
        )
        n_shots, n_queries = int(shots.flatten()[0]), int(queries.flatten()[0])
        if not ((shots == n_shots).all() and (queries == n_queries).all()) or n_queries % n_shots:
            raise LeoBenchError(
                "train_support=each needs equally many support images for every class of every task, and a multiple "
                "of this number of queries; give the tasks such numbers, or set train_support to first"
            )


def train_leo(
    num_classes: int,
    task_dataloader: Iterable[Batch],
    latent_dim: int = 64,
    inner_lr: float = 0.01,
    outer_lr: float = 0.001,
    inner_steps: int = 5,
    optimizer_cls: type[torch.optim.Optimizer] = torch.optim.Adam,
    optimizer_kwargs: dict[str, Any] | None = None,
    **switches: Any,
) -> tuple[LatentEmbeddingOptimization, list[float]]:
    """Train LEO on the tasks of a data loader, with a progress bar, on a GPU if there is one (the document, train_leo).

    task_dataloader yields meta-batches (support_data, support_labels, query_data, query_labels), whose images give the
    image size. Returns the trained LEO and one loss per meta-batch. Warns if accuracy stays at chance. Raises
    LeoBenchError if there is no task, TrainingDiverged if a loss is NaN or infinite.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    leo: LatentEmbeddingOptimization | None = None
    losses: list[float] = []
    accuracies: list[float] = []
    if not isinstance(num_classes, int) or isinstance(num_classes, bool):
        raise LeoBenchError(f"num_classes is {num_classes!r}: expected a whole number, the n_way of the tasks")
    if not isinstance(task_dataloader, Iterable):
        raise LeoBenchError(
            f"task_dataloader is of type {type(task_dataloader).__name__}: expected an iterable of batches, such as "
            "DataLoader(OmniglotTaskDataset(...), batch_size=4)"
        )
    for given in (bar := tqdm(task_dataloader, desc="LEO", unit="batch")):
        batch = checked_batch(given, num_classes)
        if leo is None:
            switches = {"image_size": int(batch[0].shape[-1]), **switches}
            leo = LatentEmbeddingOptimization(
                num_classes, latent_dim, inner_lr, outer_lr, inner_steps, optimizer_cls, optimizer_kwargs, **switches
            ).to(device)
        loss, accuracy = leo.step(tuple(tensor.to(device) for tensor in batch))  # type: ignore[arg-type]
        losses.append(loss)
        accuracies.append(accuracy)
        bar.set_postfix(loss=f"{loss:.3f}", accuracy=f"{accuracy:.0%}", refresh=False)
    if leo is None:
        raise LeoBenchError("the data loader yields no task; give it num_tasks of at least its batch size")
    recent = accuracies[-100:]
    trouble = stalled(sum(recent) / len(recent), leo.settings) if len(recent) >= 50 else ""
    if trouble:
        warnings.warn(trouble, stacklevel=2)
    return leo, losses
