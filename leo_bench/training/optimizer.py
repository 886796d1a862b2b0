"""Updates of the outer loop: optimiser, learning-rate schedule, average of the weights."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from leo_bench.config import Settings

RISE = 1 / 3
"""Share of a cycle in which the learning rate rises."""


def make_optimizer(parameters: Iterable[nn.Parameter], settings: Settings, device: torch.device) -> Adam:
    """Return Adam at outer_lr: on a CPU in one pass over all parameters.

    On a GPU the learning rate is a tensor, so that a replayed step sees it change.
    """
    on_gpu = device.type == "cuda"
    lr = torch.tensor(settings.outer_lr, device=device) if on_gpu else settings.outer_lr
    return Adam(parameters, lr=lr, capturable=on_gpu, fused=device.type == "cpu")


def make_schedule(optimizer: Adam, settings: Settings) -> LRScheduler | None:
    """Return the learning-rate schedule, or None if the rate is constant.

    one_cycle: from outer_lr / 25 up to outer_lr and down to almost 0, along cosines, over all updates.
    """
    if settings.schedule == "constant":
        return None
    n_updates = settings.n_train_episodes // settings.meta_batch_size
    return OneCycleLR(optimizer, settings.outer_lr, total_steps=n_updates, pct_start=RISE, cycle_momentum=False)


def moments(optimizer: Adam) -> dict[str, Tensor]:
    """Return the moments and step counts of Adam, by names such as `0.exp_avg`: index of the parameter, then what."""
    found = optimizer.state_dict()["state"]
    return {f"{index}.{name}": tensor for index, named in found.items() for name, tensor in named.items()}


def load_moments(optimizer: Adam, tensors: Mapping[str, Tensor], learning_rate: float) -> None:
    """Give a new optimiser the moments and step counts that `moments` returned, and a learning rate."""
    (group,) = optimizer.param_groups
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, name = key.split(".")
        parameter = group["params"][int(index)]
        # moments lie in memory as their parameter does, since vectorised code may round otherwise in another layout
        copy = tensor.clone() if name == "step" else torch.empty_like(parameter).copy_(tensor)
        state.setdefault(int(index), {})[name] = copy
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    (group,) = optimizer.param_groups
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(learning_rate)
    else:
        group["lr"] = learning_rate


class WeightAverage:
    """Mean of the weights and running statistics of a model over its last updates (Izmailov et al. 2018)."""

    def __init__(self, model: nn.Module, settings: Settings) -> None:
        n_updates = settings.n_train_episodes // settings.meta_batch_size
        self.model, self.left = model, n_updates - round(settings.averaged_share * n_updates)
        self.count = 0
        self.mean: dict[str, Tensor] = {}

    def update(self) -> None:
        """Count an update of the model, and add its weights to the mean if it is one of the last."""
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
        """Load the means into the model, if there are any."""
        if self.count:
            self.model.load_state_dict({**self.model.state_dict(), **self.mean})

    def restore(self, mean: Mapping[str, Tensor], n_updates: int) -> None:
        """Change a new average into the one with this mean after n_updates."""
        self.left -= n_updates
        self.count = max(0, -self.left)
        state = self.model.state_dict()
        self.mean = {name: torch.empty_like(state[name]).copy_(tensor) for name, tensor in mean.items()}
