"""State of a training between two updates: everything that the rest of the training depends on."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from leo_bench.config import Settings
from leo_bench.data.seeding import stream
from leo_bench.learners.base import Learner
from leo_bench.models.noise import noises_in
from leo_bench.training.optimizer import WeightAverage, load_moments, make_optimizer, make_schedule, moments


@dataclass
class History:
    """Learning curve of a training. Entries hold means since the previous entry; accuracies are fractions."""

    curve: list[tuple[int, float, float, float]] = field(default_factory=list)
    """Episode, loss, query accuracy after adaptation, gradient norm before clipping."""
    validation: list[tuple[int, float, float]] = field(default_factory=list)
    """Episode, accuracy after adaptation, accuracy before."""

    @property
    def episodes(self) -> list[int]:
        """Training episodes that have an entry, in order."""
        return sorted({point[0] for point in self.curve} | {point[0] for point in self.validation})

    def until(self, episode: int) -> "History":
        """Return the learning curve as it was after a training episode."""
        return History(
            [point for point in self.curve if point[0] <= episode],
            [point for point in self.validation if point[0] <= episode],
        )


@dataclass(frozen=True)
class Snapshot:
    """Copy of a TrainingState, for a file: a training that starts from it ends with the same bits."""

    tensors: dict[str, Tensor]
    """Tensors on the CPU, by names such as `optimizer.0.exp_avg`."""
    values: dict[str, Any]
    """The rest, as plain JSON values."""

    @property
    def episode(self) -> int:
        """Number of training episodes done."""
        return int(self.values["episode"])

    @property
    def history(self) -> History:
        """Learning curve so far."""
        return History(*([tuple(point) for point in self.values[name]] for name in ("curve", "validation")))


class TrainingState:
    """Learner, optimiser, schedule, average of the weights, random streams and learning curve of a training."""

    def __init__(self, learner: Learner, settings: Settings, device: torch.device) -> None:
        self.learner, self.settings, self.device = learner, settings, device
        self.episode = 0
        self.history = History()
        self.seen: list[tuple[Tensor, ...]] = []
        """Loss, accuracy and gradient norm of each update since the last point of the curve."""
        self.optimizer = make_optimizer(learner.parameters(), settings, device)
        self.schedule = make_schedule(self.optimizer, settings)
        self.average = WeightAverage(learner, settings)
        self.episodes, self.changes = (stream(settings.seed, name) for name in ("train episodes", "augmentation"))
        self.noises = noises_in(learner)

    def snapshot(self) -> Snapshot:
        """Return a copy of the state. On a GPU this waits for the updates to end."""
        parts = {
            "learner": self.learner.state_dict(),
            "optimizer": moments(self.optimizer),
            "average": self.average.mean,
            "seen": {str(i): torch.stack(values) for i, values in enumerate(zip(*self.seen, strict=True))},
            **{f"noise {i}": noise.states() for i, noise in enumerate(self.noises)},
        }
        tensors = {f"{part}.{name}": tensor for part, named in parts.items() for name, tensor in named.items()}
        values = {
            "episode": self.episode,
            "learning_rate": float(self.optimizer.param_groups[0]["lr"]),
            "episodes": self.episodes.bit_generator.state,
            "changes": self.changes.bit_generator.state,
            "curve": list(self.history.curve),
            "validation": list(self.history.validation),
        }
        copies = {name: tensor.cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}
        return Snapshot(copies, values)

    def restore(self, snapshot: Snapshot) -> None:
        """Change a new state of the same settings into the one that the snapshot was taken of."""
        parts: dict[str, dict[str, Tensor]] = {}
        for name, tensor in snapshot.tensors.items():
            part, _, rest = name.partition(".")
            parts.setdefault(part, {})[rest] = tensor
        values = snapshot.values
        self.episode, self.history = snapshot.episode, snapshot.history
        n_updates = self.episode // self.settings.meta_batch_size
        self.learner.load_state_dict(parts["learner"])
        load_moments(self.optimizer, parts.get("optimizer", {}), values["learning_rate"])
        if self.schedule:
            self.schedule.load_state_dict({"last_epoch": n_updates})
        self.average.restore(parts.get("average", {}), n_updates)
        self.seen = list(
            zip(*(tensor.to(self.device).unbind() for tensor in parts.get("seen", {}).values()), strict=True)
        )
        self.episodes.bit_generator.state = values["episodes"]
        self.changes.bit_generator.state = values["changes"]
        for i, noise in enumerate(self.noises):
            noise.restore(parts.get(f"noise {i}", {}))
