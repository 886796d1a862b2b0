"""Training of one run: weights and record from settings."""

import logging
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from leo_bench.config import Settings, training_settings
from leo_bench.data.bank import ImageBank, load_images
from leo_bench.data.locate import locate
from leo_bench.data.seeding import EPISODE_ROOT, derive_seed
from leo_bench.learners import LEARNERS
from leo_bench.learners.base import Learner
from leo_bench.learners.factory import build
from leo_bench.records import CurvePoint, PrunedRun, Result, ValidationPoint, write_record
from leo_bench.running import provenance
from leo_bench.running.attempts import Attempt
from leo_bench.running.checkpoint import weights_digest, weights_of
from leo_bench.running.process import host, peak_memory_mb, prepare
from leo_bench.running.training_checkpoint import TrainingCheckpoint
from leo_bench.training.flops import multiply_adds
from leo_bench.training.outer_loop import TrainingDiverged
from leo_bench.training.state import History
from leo_bench.training.troubleshooting import diverged, stalled

log = logging.getLogger("leo_bench")

Watch = Callable[[int, float], None]
"""Function called after each validation with training episode and accuracy. It may raise RunPruned."""


class RunPruned(Exception):
    """Signal of a watcher to end the run, because others are better."""


def load_bank(dataset: str, image_size: int, data: Path | None, device: torch.device) -> ImageBank:
    """Return the drawings of a data set at one size, on a device. data: folder of Omniglot, or None to look for it."""
    source = locate(dataset, data)
    bank = load_images(source, image_size)
    log.info("data: %s, %s, digest %s", bank.name, source.form, bank.digest)
    return ImageBank(bank.name, bank.digest, bank.images.to(device), bank.alphabets, bank.characters, bank.background)


def parameters_by_part(learner: Learner) -> dict[str, int]:
    """Return part of the learner -> number of parameters that training changes."""
    return {
        name: sum(p.numel() for p in module.parameters() if p.requires_grad)
        for name, module in learner.named_children()
    }


def train(learner: Learner, bank: ImageBank, settings: Settings, *arguments: Any) -> History:
    """Train a learner by the function that LEARNERS names for it; arguments as in outer_loop.train."""
    trainer = import_module(f"leo_bench.training.{LEARNERS[settings.learner].trainer}")
    history: History = trainer.train(learner, bank, settings, *arguments)
    return history


def train_run(
    settings: Settings,
    bank: ImageBank,
    attempt: Attempt,
    recorder: Any,
    numerics: str,
    checkpoint: TrainingCheckpoint,
    watch: Watch | None = None,
) -> tuple[Result, dict[str, torch.Tensor]]:
    """Train and return the record, which is not yet written, and the weights.

    recorder: run of Sacred, which gets losses and accuracies. checkpoint: where the training goes on from, and what it
    keeps up to date; the caller removes it once the record is written. watch: function called after each validation,
    when a training is resumed also for those that it had before. Raises TrainingDiverged if loss or weights are NaN or
    infinite, and RunPruned if watch raises it.
    """
    started = provenance.now()
    commit = provenance.commit()  # read now, since files may change during training
    device = prepare(settings)
    learner = build(settings).to(device)

    def progress(history: History, episode: int) -> None:
        if history.curve and history.curve[-1][0] == episode:
            _, loss, accuracy, norm = history.curve[-1]
            log.info("episode %d: loss %.4f, query accuracy %.3f, gradient norm %.3g", episode, loss, accuracy, norm)
        if history.validation and history.validation[-1][0] == episode:
            log.info("episode %d: validation accuracy %.4f", episode, history.validation[-1][1])
        attempt.update(episode)
        tell(history, episode)

    def tell(history: History, episode: int) -> None:
        """Give Sacred and the watcher the points of this episode."""
        _record(recorder, history, episode)
        if watch and history.validation and history.validation[-1][0] == episode:
            _report(watch, history, settings, numerics, attempt)

    start = checkpoint.begin()
    try:
        if start:
            log.info("resumed at episode %d", start.episode)
            attempt.update(start.episode)
            for episode in start.history.episodes:
                tell(start.history.until(episode), episode)
        history = train(learner, bank, settings, progress, start, checkpoint.after_update)
        train_seconds = checkpoint.train_seconds
        if not all(bool(tensor.isfinite().all()) for tensor in learner.state_dict().values()):
            raise TrainingDiverged(diverged("trained weights are NaN or infinite", settings))
    except (TrainingDiverged, RunPruned):  # it would end so again; after any other error it can go on
        checkpoint.remove()
        raise
    trouble = stalled(history.validation[-1][1], settings) if history.validation else ""
    if trouble:
        log.warning("%s", trouble)
    weights = weights_of(learner)
    result = Result(
        run_key=settings.run_key,
        settings=training_settings(settings.canonical()),
        numerics=numerics,
        commit=commit,
        attempt=attempt.number,
        started=started,
        finished=provenance.now(),
        seeds={
            "root": settings.seed,
            "train episodes": derive_seed(settings.seed, "train episodes"),
            "validation and test episodes": EPISODE_ROOT,
        },
        data_digest=bank.digest,
        n_parameters=sum(parameters_by_part(learner).values()),
        parameters_by_part=parameters_by_part(learner),
        n_generated=learner.n_generated(settings.n_way),
        n_train_episodes=settings.n_train_episodes,
        n_train_images=settings.n_train_images,
        batch_norm=learner.batch_norm,
        train_seconds=train_seconds,
        update_seconds=checkpoint.update_seconds,
        resumed_at=checkpoint.resumed_at,
        peak_memory_mb=peak_memory_mb(device),
        weights_digest=weights_digest(weights),
        multiply_adds=multiply_adds(settings),
        **_points(history),
        warnings=[trouble] if trouble else [],
        host=host(device),
        versions=provenance.versions(),
    )
    return result, weights


def _record(recorder: Any, history: History, episode: int) -> None:
    """Give Sacred the latest points of a learning curve, if they are of this episode."""
    if history.curve and history.curve[-1][0] == episode:
        _, loss, accuracy, _ = history.curve[-1]
        recorder.log_scalar("train_loss", loss, episode)
        recorder.log_scalar("train_accuracy", accuracy, episode)
    if history.validation and history.validation[-1][0] == episode:
        recorder.log_scalar("validation_accuracy", history.validation[-1][1], episode)


def _report(watch: Watch, history: History, settings: Settings, numerics: str, attempt: Attempt) -> None:
    """Report the latest validation to the watcher; if the watcher prunes the run, save its learning curve."""
    episode, accuracy, _ = history.validation[-1]
    try:
        watch(episode, accuracy)
    except RunPruned as reason:
        record = PrunedRun(
            run_key=settings.run_key,
            settings=settings.canonical(),
            numerics=numerics,
            episode=episode,
            reason=str(reason),
            **_points(history),
        )
        write_record(attempt.folder / "pruned.json", record)
        raise


def _points(history: History) -> dict[str, Any]:
    """Return learning curve and validation as fields of a record."""
    return {
        "curve": [
            CurvePoint(episode=e, train_loss=a, train_accuracy=b, gradient_norm=c) for e, a, b, c in history.curve
        ],
        "validation": [ValidationPoint(episode=e, accuracy=a, accuracy_before=b) for e, a, b in history.validation],
    }
