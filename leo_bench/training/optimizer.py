"""How the outer loop's updates are made: optimiser, schedule of its rate, average of the weights."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from leo_bench.config import Settings

RISE = 1 / 3
"""Share of a cycle in which the rate rises."""


def make_optimizer(parameters: Iterable[nn.Parameter], settings: Settings, device: torch.device) -> Adam:
    """Adam at outer_lr (the document); on a GPU its rate is a tensor, so that a recorded step sees it change."""
    on_gpu = device.type == "cuda"
    lr = torch.tensor(settings.outer_lr, device=device) if on_gpu else settings.outer_lr
    return Adam(parameters, lr=lr, capturable=on_gpu)


def make_schedule(optimizer: Adam, settings: Settings) -> LRScheduler | None:
    """What changes the rate after each update, where anything does: one cycle over all updates, by cosines, from
    outer_lr / 25 to outer_lr and to next to nothing."""
    if settings.schedule == "constant":
        return None
    n_updates = settings.n_train_episodes // settings.meta_batch_size
    return OneCycleLR(optimizer, settings.outer_lr, total_steps=n_updates, pct_start=RISE, cycle_momentum=False)


class WeightAverage:
    """The mean of a model's weights and running statistics over its last updates (Izmailov et al. 2018)."""

    def __init__(self, model: nn.Module, settings: Settings) -> None:
        n_updates = settings.n_train_episodes // settings.meta_batch_size
        self.model, self.left = model, n_updates - round(settings.averaged_share * n_updates)
        self.count = 0
        self.mean: dict[str, Tensor] = {}

    def update(self) -> None:
        """To be called after each update of the model."""
        self.left -= 1
        if self.left >= 0:
            return
        self.count += 1
        for name, tensor in self.model.state_dict().items():
            if not tensor.is_floating_point():
                continue
            if self.count == 1:
                self.mean[name] = tensor.clone()
            else:
                self.mean[name].lerp_(tensor, 1 / self.count)

    def apply(self) -> None:
        """Give the model the means, where there are any."""
        if self.count:
            self.model.load_state_dict({**self.model.state_dict(), **self.mean})
