"""The outer loop: meta-training of a learner on sampled episodes, with validations."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from leo_bench.config import Settings
from leo_bench.data.augment import draw_affine, warp
from leo_bench.data.bank import ImageBank
from leo_bench.data.episodes import Episodes, EpisodeSampler, EpisodeSpec, fixed_episodes, gather_drawn
from leo_bench.data.splits import class_split
from leo_bench.errors import LeoBenchError
from leo_bench.learners.base import Learner
from leo_bench.training.cuda_graph import graphed_on_gpu
from leo_bench.training.evaluate import score
from leo_bench.training.state import History, Snapshot, TrainingState
from leo_bench.training.troubleshooting import diverged

CURVE_EVERY = 100
"""Training episodes between two points of the learning curve."""

PIXELS_PER_PASS = 2**20
"""Pixels of a pass on a CPU. A larger meta-batch takes several passes, whose gradients are added. Bounds the memory."""


class TrainingDiverged(LeoBenchError):
    """Raised when the training loss is NaN or infinite."""


def outer_step(
    learner: Learner,
    optimizer: torch.optim.Optimizer,
    batch: tuple[Tensor, Tensor, Tensor, Tensor],
    n_way: int,
    clip_norm: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Update the meta-parameters once, on a meta-batch (the tensors that `gather` returns).

    The loss is Learner.loss, averaged over episodes. The global norm of its gradient is clipped to clip_norm. Returns
    loss, query accuracy and gradient norm before clipping, as tensors on the device (without waiting for them).
    """
    learner.train()
    optimizer.zero_grad(set_to_none=True)
    losses, accuracies = [], []
    size = episodes_per_pass(batch)
    for support_x, support_y, query_x, query_y in zip(*(tensor.split(size) for tensor in batch), strict=True):
        share = len(query_x) / len(batch[2])
        loss, accuracy = learner.loss(support_x, support_y, query_x, query_y, n_way)
        (share * loss).backward()
        losses.append(share * loss.detach())
        accuracies.append(share * accuracy)
    norm = nn.utils.clip_grad_norm_(learner.parameters(), clip_norm)
    optimizer.step()
    return torch.stack(losses).sum(), torch.stack(accuracies).sum(), norm


def episodes_per_pass(batch: tuple[Tensor, Tensor, Tensor, Tensor]) -> int:
    """Return how many episodes of a meta-batch pass together: on a CPU as PIXELS_PER_PASS allows, elsewhere all.

    The passes are of equal size, except that the last may be smaller.
    """
    n_episodes = len(batch[0])
    if batch[0].device.type != "cpu":
        return n_episodes
    n_passes = -(-(batch[0].numel() + batch[2].numel()) // PIXELS_PER_PASS)
    return -(-n_episodes // min(n_passes, n_episodes))


def train(
    learner: Learner,
    bank: ImageBank,
    settings: Settings,
    progress: Callable[[History, int], None] | None = None,
    start: Snapshot | None = None,
    after_update: Callable[[TrainingState], None] | None = None,
) -> History:
    """Train a learner in place for n_train_episodes and return its learning curve.

    The images of the bank must be on the device of the learner. Training episodes come from the stream "train episodes"
    of settings.seed; validation episodes are fixed. progress is called with the history and the number of episodes
    whenever the history has a new entry; an exception raised in it ends the training. On a GPU the updates are replayed
    as a CUDA graph. Raises TrainingDiverged if a loss is NaN or infinite.

    start: snapshot of an earlier training with these settings, which goes on from there to the same bits as without a
    stop. after_update is called with the state after each update but the last, and must not change it.
    """
    characters = class_split(bank, settings.class_split, settings.train_classes)["train"]
    n_way = settings.ways_in_training
    spec = EpisodeSpec(n_way, settings.shots_in_training, settings.queries_in_training, settings.episode_mode)
    sampler = EpisodeSampler(bank, characters, spec, settings.rotations, "train")
    validation = fixed_episodes(
        bank,
        settings.class_split,
        "val",
        EpisodeSpec(settings.n_way, settings.k_shot, settings.n_query, "mixed"),
        settings.n_val_episodes,
    )
    if settings.n_train_episodes == 0 or not list(learner.parameters()):
        return History()
    device = bank.images.device
    state = TrainingState(learner, settings, device)
    if start:
        state.restore(start)
    history = state.history

    def update(*drawn: Tensor) -> tuple[Tensor, ...]:
        support_x, support_y, query_x, query_y = gather_drawn(bank.images, drawn[0], drawn[1], drawn[2], spec.k_shot)
        if settings.augmentation == "affine":
            support_x, query_x = _augmented(support_x, query_x, drawn[3])
        batch = (support_x, support_y, query_x, query_y)
        return outer_step(learner, state.optimizer, batch, n_way, settings.clip_norm)

    # A CUDA graph would draw the same random numbers at each replay.
    step = update if learner.draws_noise else graphed_on_gpu(update, device)
    first = state.episode + settings.meta_batch_size
    for episode in range(first, settings.n_train_episodes + 1, settings.meta_batch_size):
        drawn: tuple[Tensor, ...] = sampler.sample(state.episodes, settings.meta_batch_size).on(device)
        if settings.augmentation == "affine":
            n_images = n_way * (spec.k_shot + spec.n_query)
            drawn = (*drawn, draw_affine(state.changes, settings.meta_batch_size, n_images).to(device))
        state.seen.append(step(*drawn))
        state.average.update()
        if state.schedule:
            state.schedule.step()
        state.episode = episode
        last = episode == settings.n_train_episodes
        curve_due = last or _passed(episode, settings.meta_batch_size, CURVE_EVERY)
        validation_due = last or _passed(episode, settings.meta_batch_size, settings.val_every)
        if last:
            state.average.apply()
        if curve_due:
            history.curve.append((episode, *_means(state.seen, episode, settings)))  # type: ignore[arg-type]
            state.seen = []
        if validation_due:
            history.validation.append((episode, *_validate(learner, bank, validation)))
        if progress and (curve_due or validation_due):
            progress(history, episode)
        if after_update and not last:
            after_update(state)
    return history


def _augmented(support_x: Tensor, query_x: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
    """Return both sets of images under affine maps [E, N * (K + Q), 2, 3], support set first."""
    n_support = support_x.shape[1]
    images = torch.cat([support_x, query_x], dim=1)
    changed = warp(images.flatten(0, 1), maps.flatten(0, 1)).view_as(images)
    return changed[:, :n_support], changed[:, n_support:]


def _passed(episode: int, stride: int, every: int) -> bool:
    """Return True if a multiple of every lies in (episode - stride, episode]."""
    return episode // every > (episode - stride) // every


def _means(seen: list[tuple[Tensor, ...]], episode: int, settings: Settings) -> list[float]:
    means = [float(torch.stack(values).mean()) for values in zip(*seen, strict=True)]
    if not all(np.isfinite(means)):
        what = f"the training loss became {means[0]} (gradient norm {means[2]}) by episode {episode}"
        raise TrainingDiverged(diverged(what, settings))
    return means


def _validate(learner: Learner, bank: ImageBank, episodes: Episodes) -> tuple[float, float]:
    (scores,) = score(learner, bank, [episodes])
    means = scores.accuracies.mean(0)
    return float(means[-1]), float(means[0])
