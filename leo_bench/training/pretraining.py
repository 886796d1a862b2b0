"""Pretraining: the CNN of a learner is trained as a classifier of all training classes, without an inner loop."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from leo_bench.config import Settings
from leo_bench.data.bank import ImageBank
from leo_bench.data.episodes import N_ROTATIONS, EpisodeSampler, EpisodeSpec, fixed_episodes, gather_drawn
from leo_bench.data.splits import class_split
from leo_bench.learners.base import Learner, initialised, mean_accuracy
from leo_bench.learners.pretrained import Pretrained
from leo_bench.training.cuda_graph import graphed_on_gpu
from leo_bench.training.outer_loop import CURVE_EVERY, _means, _passed, _validate, outer_step
from leo_bench.training.state import History, Snapshot, TrainingState


class Classifier(Learner):
    """A learner's CNN with a linear layer that has an output for each training class. The layer serves training alone.

    A class is a character in one rotation. Its label is its place in the list of training characters, and with
    rotations four times that place plus the number of quarter turns.
    """

    def __init__(self, trained: Pretrained, n_characters: int, settings: Settings) -> None:
        super().__init__()
        self.trained = trained
        self.label_smoothing = settings.label_smoothing
        self.n_turns = N_ROTATIONS if settings.rotations else 1
        with initialised(settings.seed, "all classes"):
            self.fc = nn.Linear(trained.backbone.feature_dim, n_characters * self.n_turns)

    def episode_logits(self, support_x: Tensor, support_y: Tensor, query_x: Tensor, n_way: int) -> list[Tensor]:
        return self.trained.episode_logits(support_x, support_y, query_x, n_way)

    def loss(
        self, support_x: Tensor, support_y: Tensor, query_x: Tensor, query_y: Tensor, n_way: int
    ) -> tuple[Tensor, Tensor]:
        """Return mean cross-entropy and accuracy of all images. support_y and query_y: labels of training classes."""
        labels = torch.cat([support_y, query_y], dim=1)
        logits = self.fc(self.trained.backbone.by_episode(torch.cat([support_x, query_x], dim=1)))
        return self.query_loss(logits, labels), mean_accuracy(logits, labels)


def train(
    learner: Pretrained,
    bank: ImageBank,
    settings: Settings,
    progress: Callable[[History, int], None] | None = None,
    start: Snapshot | None = None,
    after_update: Callable[[TrainingState], None] | None = None,
) -> History:
    """Train the CNN of a learner in place and return its learning curve. Arguments as in outer_loop.train.

    A batch is a meta-batch of training episodes: the images of support and query sets, each labelled by its training
    class. So the number of training images is that of a learner trained on the same number of episodes. The curve has
    loss and accuracy over all training classes; validations score the learner on episodes.
    """
    characters = class_split(bank, settings.class_split, settings.train_classes)["train"]
    n_way = settings.ways_in_training
    spec = EpisodeSpec(n_way, settings.shots_in_training, settings.queries_in_training, settings.episode_mode)
    sampler = EpisodeSampler(bank, characters, spec, settings.rotations, "train")
    val_spec = EpisodeSpec(settings.n_way, settings.k_shot, settings.n_query, "mixed")
    validation = fixed_episodes(bank, settings.class_split, "val", val_spec, settings.n_val_episodes)
    if settings.n_train_episodes == 0:
        return History()
    device = bank.images.device
    model = Classifier(learner, len(characters), settings).to(device)
    place = torch.zeros(len(bank.alphabets), dtype=torch.int64)
    place[torch.from_numpy(characters)] = torch.arange(len(characters))
    place = place.to(device)
    state = TrainingState(model, settings, device)
    if start:
        state.restore(start)
    history = state.history

    def update(characters: Tensor, rotations: Tensor, drawers: Tensor) -> tuple[Tensor, ...]:
        images = gather_drawn(bank.images, characters, rotations, drawers, spec.k_shot)
        classes = model.n_turns * place[characters] + rotations  # [E, N]
        labels = [classes.repeat_interleave(images[part].shape[1] // n_way, dim=1) for part in (0, 2)]
        batch = (images[0], labels[0], images[2], labels[1])
        return outer_step(model, state.optimizer, batch, n_way, settings.clip_norm)

    step = graphed_on_gpu(update, device)
    first = state.episode + settings.meta_batch_size
    for episode in range(first, settings.n_train_episodes + 1, settings.meta_batch_size):
        state.seen.append(step(*sampler.sample(state.episodes, settings.meta_batch_size).on(device)))
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
