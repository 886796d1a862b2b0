"""The interface to LEO of the source document: one episode at a time, on the same batched implementation."""

import warnings
from collections.abc import Iterable, Mapping, Sized
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler
from tqdm import tqdm

from leo_bench.config import PRESETS, Settings, default_of, make_settings, preset_values
from leo_bench.config.constraints import NO_CYCLE
from leo_bench.data.support_copies import SUPPORT_COPIES
from leo_bench.errors import LeoBenchError
from leo_bench.learners.base import Learner, initialised
from leo_bench.learners.factory import build
from leo_bench.learners.leo import Leo
from leo_bench.learners.leo_parts import build_stem
from leo_bench.models.classifier import LEOClassifier
from leo_bench.training.answer_queries import AnswersWithCopies, with_copies, with_copies_by_episode
from leo_bench.training.batch_check import Batch, check_classes, check_episodes, check_images, checked_batch
from leo_bench.training.model_files import ModelInfo, find_model, load_into, read_model
from leo_bench.training.optimizer import make_schedule
from leo_bench.training.outer_loop import TrainingDiverged, outer_step
from leo_bench.training.troubleshooting import diverged, stalled

SEEN_SIDE = 32
"""Side of the images that the CNN of the presets for 28x28 sees, pixels: four poolings make a feature map of 2x2."""
ELSEWHERE = ("learner", "generated", "feature_norm", "inner_examples", "finetune_steps", "finetune_lr", "head_start")
"""Settings that do not fit the step-by-step methods."""
NOT_READ = frozenset(
    (
        *("dataset", "class_split", "train_classes", "rotations", "episode_mode", "augmentation"),
        *("n_way", "k_shot", "n_query", "train_n_way", "train_k_shot", "train_n_query"),
        *("n_train_episodes", "meta_batch_size", "averaged_share", "val_every", "n_val_episodes", "threads", "device"),
        *(name for name in Settings.model_fields if name.startswith(("test_", "n_test_"))),
    )
) - {"test_support_copies"}
"""Settings of runs: the caller of this interface gives data, tasks, updates and the device."""


def _unfitting(values: Mapping[str, Any]) -> list[str]:
    """Return the settings among values that do not fit the step-by-step methods."""
    return [name for name in ELSEWHERE if values.get(name, default_of(name)) != default_of(name)]


FITTING = [name for name, values in PRESETS.items() if not _unfitting(values)]
"""Presets that fit the step-by-step methods."""


class CheckedClassifier(LEOClassifier):
    """The classifier of an interface that is called with a user's own images: it names what does not fit."""

    def __init__(self, num_classes: int, settings: Settings) -> None:
        super().__init__(
            num_classes, settings.image_size, settings.precision, width=settings.width, stem=build_stem(settings)
        )
        self.image_size = settings.image_size

    def extract_features(self, x: Tensor) -> Tensor:
        """Return features [B, feature_dim] of images x, float32 [B, 1, H, W].

        Raises LeoBenchError if x does not fit.
        """
        check_images(x, "x", self.image_size, tasks=False)
        return super().extract_features(x)

    def forward(self, x: Tensor, params: dict[str, Tensor] | None = None) -> Tensor:
        """Return logits [B, N] of images x, float32 [B, 1, H, W], by the default head, or by params.

        params: {"fc.weight": [N, feature_dim], "fc.bias": [N]}, as decode_to_params returns them. Raises LeoBenchError
        if x or params do not fit.
        """
        if params is not None:
            self._check_params(params)
        return super().forward(x, params)

    def _check_params(self, params: Any) -> None:
        """Raise LeoBenchError unless params are the weights of a head."""
        names = ("fc.weight", "fc.bias")
        found = {name: params.get(name) for name in names} if isinstance(params, Mapping) else {}
        shapes = [list(each.shape) for each in found.values() if isinstance(each, Tensor)]
        if len(shapes) != 2 or shapes != [[*shapes[1], self.feature_dim], shapes[0][:1]]:
            came = f"are of type {type(params).__name__}"
            if isinstance(params, Mapping):
                came = f"have {', '.join(map(repr, params)) or 'nothing'} of the shapes {shapes}"
            raise LeoBenchError(
                f'params {came}: expected {{"fc.weight": [N, {self.feature_dim}], "fc.bias": [N]}}, as '
                "decode_to_params(codes) returns them"
            )


class LatentEmbeddingOptimization(Leo):
    """LEO with its optimiser (the document, LatentEmbeddingOptimization).

    Parts: encoder, relation_net, decoder, classifier (with a default head). With the defaults of the document one
    pooled code decodes the rows of all classes. It cannot tell classes apart, and accuracy stays at chance; set
    decode="class" or preset="tuned" to learn (docs/leo.md).

    latent_dim, inner_lr, outer_lr, inner_steps: None for the value of the preset, in the document 64, 0.01, 0.001 and
    5. preset: settings to start from, `documented`, `leo`, `prototype_start` or `tuned`; the last two average the
    pixels of images that are larger than 28x28. switches: any other setting of a LEO with a generated head, such as
    decode, relation, encoder, image_size, second_order, seed, clip_norm. Raises LeoBenchError for unknown names, for
    values out of range, for settings that do not fit the step-by-step methods (feature_norm, inner_examples,
    finetune_steps, head_start), and for those that only a run reads (dataset, k_shot, augmentation, device ...).
    """

    def __init__(
        self,
        num_classes: int = 5,
        latent_dim: int | None = None,
        inner_lr: float | None = None,
        outer_lr: float | None = None,
        inner_steps: int | None = None,
        optimizer_cls: type[torch.optim.Optimizer] = torch.optim.Adam,
        optimizer_kwargs: dict[str, Any] | None = None,
        preset: str | Path = "documented",
        **switches: Any,
    ) -> None:
        named = {"latent_dim": latent_dim, "inner_lr": inner_lr, "outer_lr": outer_lr, "inner_steps": inner_steps}
        values = {"n_way": num_classes, **{name: value for name, value in named.items() if value is not None}}
        where = "LatentEmbeddingOptimization"
        if unread := sorted(NOT_READ & switches.keys()):
            remedy = "set num_classes" if unread[0] == "n_way" else "leave it out (tasks, updates and device are yours)"
            raise LeoBenchError(f"{where}: {unread[0]} has no effect here; {remedy}")
        settings = make_settings(_with_stem({**values, **switches}, preset, where), preset, where)
        if unfitting := _unfitting(settings.canonical()):
            name = unfitting[0]
            remedy = "leave it out" if name in switches else f"presets for it are {', '.join(FITTING)}"
            raise LeoBenchError(
                f"{where} adapts step by step as the document has it, and cannot have {name}; {remedy}; "
                "leo_bench.learners.build builds the rest"
            )
        if not callable(optimizer_cls):
            raise LeoBenchError(
                f"{where}: optimizer_cls is {optimizer_cls!r}: expected a class, such as torch.optim.Adam"
            )
        if "lr" in (optimizer_kwargs or {}):
            raise LeoBenchError(f"{where}: optimizer_kwargs has lr; set outer_lr in its place")
        super().__init__(settings)
        with initialised(settings.seed, "classifier"):
            self.classifier = CheckedClassifier(num_classes, settings)
        self.num_classes = num_classes
        self.copies = SUPPORT_COPIES[settings.test_support_copies]
        rate = settings.outer_lr
        self.meta_optimizer = optimizer_cls(self.parameters(), lr=rate, **(optimizer_kwargs or {}))  # type: ignore[call-arg]

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

    def episode_logits(self, support_x: Tensor, support_y: Tensor, query_x: Tensor, n_way: int) -> list[Tensor]:
        """Return logits [E, N * Q, N] at each of scored_steps; in training mode, at the last step alone.

        In eval mode each support set also has its copies (test_support_copies), as in encode_task and inner_update, so
        that both ways to adapt give the same answers. support_x: float32 [E, N * K, 1, H, W]; support_y: int64
        [E, N * K], classes 0 to N - 1; query_x: float32 [E, N * Q, 1, H, W]; n_way: N. Raises LeoBenchError if the
        tensors do not fit, or if one code decodes all classes and N is not num_classes.
        """
        check_episodes(support_x, support_y, query_x, n_way, self.settings.image_size)
        copies = () if self.training else self.copies
        return super().episode_logits(*with_copies_by_episode(support_x, support_y, copies), query_x, n_way)

    def encode_task(self, support_data: Tensor, support_labels: Tensor) -> Tensor:
        """Return the class codes [N, latent_dim] of one support set, refined by the relation network.

        support_data: float32 [N * K, 1, H, W]; support_labels: int64 [N * K]. N is num_classes if one code decodes all
        classes, else any number of at least 2; classes may differ in their number of images. In eval mode the support
        set also has its copies (test_support_copies).
        """
        n_way = self.num_classes
        if self.settings.any_way and isinstance(support_labels, Tensor) and support_labels.numel():
            n_way = max(2, min(int(support_labels.max()) + 1, len(support_labels)))
        support_data, support_labels = self._support_set(support_data, support_labels, n_way)
        features = self.classifier.extract_features(support_data)
        codes = self.encoder.encode(support_data[None], features[None])
        return self.class_codes(codes, support_labels[None], n_way)[0]

    def _support_set(self, support_data: Tensor, support_labels: Tensor, n_way: int) -> tuple[Tensor, Tensor]:
        """Return a support set with its copies, in training mode without them. Shapes as in encode_task.

        Raises LeoBenchError if images or labels do not fit each other or n_way classes.
        """
        check_images(support_data, "support_data", self.settings.image_size, tasks=False)
        if not isinstance(support_labels, Tensor):
            raise LeoBenchError(
                f"support_labels are of type {type(support_labels).__name__}: expected an int64 tensor of the shape "
                f"{list(support_data.shape[:1])}, one for each image"
            )
        if support_labels.shape != support_data.shape[:1] or support_labels.dtype != torch.int64:
            kind, shape = str(support_labels.dtype).removeprefix("torch."), list(support_labels.shape)
            raise LeoBenchError(
                f"support_labels are {kind} of the shape {shape}: expected int64 of the shape "
                f"{list(support_data.shape[:1])}, one for each image"
            )
        check_classes(support_labels[None], n_way)
        return with_copies(support_data, support_labels, () if self.training else self.copies)

    def _check_codes(self, codes: Tensor, name: str) -> None:
        """Raise LeoBenchError unless codes are [N, latent_dim]."""
        if codes.ndim != 2 or codes.shape[1] != self.settings.latent_dim:
            raise LeoBenchError(
                f"{name} have the shape {list(codes.shape)}: expected [classes, {self.settings.latent_dim}], as "
                "encode_task returns them"
            )

    def apply_relation_network(self, class_codes: Tensor) -> Tensor:
        """Return class codes [N, latent_dim], each refined by its relations to all classes of the task."""
        self._check_codes(class_codes, "class_codes")
        return self.relation_net.refine(class_codes[None])[0]

    def inner_update(self, support_data: Tensor, support_labels: Tensor, initial_codes: Tensor) -> Tensor:
        """Return the class codes [N, latent_dim] after inner_steps gradient steps on the loss of the support set.

        Support set and copies as in encode_task. With adapts="at_test" it takes no step in training mode, and warns.
        """
        if self.training and self.settings.adapts == "at_test":
            warnings.warn('adapts="at_test" takes no inner steps in training mode; call leo.eval() first', stacklevel=2)
        self._check_codes(initial_codes, "initial_codes")
        support_data, support_labels = self._support_set(support_data, support_labels, len(initial_codes))
        features = self.classifier.extract_features(support_data)[None]
        return self.adapt(initial_codes[None], support_labels[None], lambda codes: self.logits(codes, features))[-1][0]

    def decode_to_params(self, codes: Tensor) -> dict[str, Tensor]:
        """Return the head weights of class codes [N, latent_dim]: {"fc.weight": [N, feature_dim], "fc.bias": [N]}."""
        self._check_codes(codes, "codes")
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
    latent_dim: int | None = None,
    inner_lr: float | None = None,
    outer_lr: float | None = None,
    inner_steps: int | None = None,
    optimizer_cls: type[torch.optim.Optimizer] = torch.optim.Adam,
    optimizer_kwargs: dict[str, Any] | None = None,
    preset: str | Path = "documented",
    **switches: Any,
) -> tuple[LatentEmbeddingOptimization, list[float]]:
    """Train LEO on the tasks of a data loader, with a progress bar, on a GPU if there is one (the document, train_leo).

    task_dataloader yields meta-batches (support_data, support_labels, query_data, query_labels), whose images give the
    image size. The other arguments are those of LatentEmbeddingOptimization. The data loader decides ways, shots,
    batches and the number of updates, over which schedule="one_cycle" stretches. Returns the trained LEO and one loss
    per meta-batch. Warns if accuracy stays at chance. Raises LeoBenchError if there is no task, or if there is a
    schedule and the data loader has no length, TrainingDiverged if a loss is NaN or infinite.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    leo: LatentEmbeddingOptimization | None = None
    schedule: LRScheduler | None = None
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
                num_classes,
                latent_dim,
                inner_lr,
                outer_lr,
                inner_steps,
                optimizer_cls,
                optimizer_kwargs,
                preset,
                **switches,
            ).to(device)
            schedule = _schedule(leo, task_dataloader)
        loss, accuracy = leo.step(tuple(tensor.to(device) for tensor in batch))  # type: ignore[arg-type]
        if schedule:
            schedule.step()
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


def load_pretrained(name: str | Path = "tuned") -> Learner:
    """Return a published model, trained and in eval mode, on the CPU.

    name: `tuned`, `tuned_105`, `leo`, `paper`, `protonet`, or the path of a file of `leo-bench publish-model`. A LEO
    that adapts step by step, such as `tuned` and `leo`, is a LatentEmbeddingOptimization. The others are a Learner.
    All have episode_logits, whose support sets get the copies that the model was tested with. Raises LeoBenchError if
    there is no such model, or if its file is damaged or of another version.
    """
    return model_from(*read_model(find_model(name)))


def model_from(info: ModelInfo, weights: dict[str, torch.Tensor]) -> Learner:
    """Return the model that a file of `leo-bench publish-model` has, as load_pretrained does.

    Raises LeoBenchError if the weights do not fit this version.
    """
    settings = info.at_test()
    if _unfitting(settings.canonical()):
        learner: Learner = build(settings)
        load_into(learner, weights, info)
        copies = SUPPORT_COPIES[settings.test_support_copies]
        return (AnswersWithCopies(learner, copies) if copies else learner).eval()
    values = {each: getattr(settings, each) for each in Settings.model_fields if each not in NOT_READ}
    leo = LatentEmbeddingOptimization(settings.n_way, **values)
    leo.settings = settings  # also what only its training read
    load_into(leo, weights, info, untrained=("classifier.fc.",))  # episodes do not train the default head
    return leo.eval()


def _with_stem(values: dict[str, Any], preset: str | Path, where: str) -> dict[str, Any]:
    """Return values with a stem that makes images of any size fit a preset for 28x28 that pads them."""
    own = preset_values(preset, where)
    if "padding" not in own or {"first_pool", "padding"} & values.keys():
        return values
    side = {**own, **values}.get("image_size", Settings.model_fields["image_size"].default)
    if not isinstance(side, int):
        return values  # make_settings says what is wrong with it
    pool = max(1, side // own.get("image_size", 28))
    return {**values, "first_pool": pool, "padding": max(0, (SEEN_SIDE - side // pool + 1) // 2)}


def _schedule(leo: LatentEmbeddingOptimization, batches: Iterable[Batch]) -> LRScheduler | None:
    """Return the learning-rate schedule over as many updates as there are batches, or None if the rate is constant."""
    if leo.settings.schedule == "constant":
        return None
    n_batches = _length(batches)
    if n_batches is None:
        raise LeoBenchError(
            f"schedule={leo.settings.schedule} needs the number of batches, but the data loader has no length; give "
            'one with a length, or set schedule="constant"'
        )
    if n_batches == NO_CYCLE:
        raise LeoBenchError(
            f"schedule={leo.settings.schedule} cannot rise and fall over exactly {NO_CYCLE} updates, one for each "
            'batch of the data loader; give it fewer or more, or set schedule="constant"'
        )
    updates = leo.settings.model_copy(update={"n_train_episodes": n_batches, "meta_batch_size": 1})
    return make_schedule(leo.meta_optimizer, updates)  # type: ignore[arg-type]  # any optimiser will do


def _length(batches: Iterable[Batch]) -> int | None:
    """Return the number of batches; None without one, as for a DataLoader of an IterableDataset."""
    try:
        return len(batches) if isinstance(batches, Sized) else None
    except TypeError:
        return None
