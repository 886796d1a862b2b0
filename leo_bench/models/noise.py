"""Random numbers in training, for drawn codes and weights and for dropout, from one stream of the run's seed."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Noise:
    """Random numbers on any device. Each device has a generator of its own with the same seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.generators: dict[torch.device, torch.Generator] = {}

    def normal(self, like: Tensor) -> Tensor:
        """Draw standard normal numbers in the shape of a tensor, on its device."""
        return torch.empty_like(like).normal_(generator=self._on(like.device))

    def kept(self, like: Tensor, share: float) -> Tensor:
        """Draw 1 with probability share, else 0, in the shape of a tensor, on its device."""
        return torch.empty_like(like).bernoulli_(share, generator=self._on(like.device))

    def states(self) -> dict[str, Tensor]:
        """Return the state of each generator, uint8 on the CPU, by the name of its device."""
        return {str(device): generator.get_state() for device, generator in self.generators.items()}

    def restore(self, states: Mapping[str, Tensor]) -> None:
        """Go on from what `states` returned."""
        self.generators.clear()
        for device, state in states.items():
            self._on(torch.device(device)).set_state(state)

    def _on(self, device: torch.device) -> torch.Generator:
        if device not in self.generators:
            self.generators[device] = torch.Generator(device).manual_seed(self.seed)
        return self.generators[device]


def noises_in(model: nn.Module) -> list[Noise]:
    """Return every Noise that is an attribute of a part of the model, once, in the order of the parts."""
    found = (value for part in model.modules() for value in vars(part).values() if isinstance(value, Noise))
    return list({id(noise): noise for noise in found}.values())


class FeatureDropout(nn.Module):
    """Drops each feature with probability rate in training, with a new mask at each call.

    The authors' release also draws a new mask in each inner, fine-tuning and query pass.
    """

    def __init__(self, rate: float, noise: Noise) -> None:
        super().__init__()
        self.rate, self.noise = rate, noise

    def forward(self, features: Tensor) -> Tensor:
        if not self.training:
            return features
        kept = 1 - self.rate
        return features * self.noise.kept(features, kept) / kept
