"""Random numbers of training: drawn codes and weights, dropped features. From one named stream of the run's seed."""

import torch
from torch import Tensor, nn


class Noise:
    """A stream of random numbers, on whatever device they are asked for."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.generators: dict[torch.device, torch.Generator] = {}

    def normal(self, like: Tensor) -> Tensor:
        """Standard normal numbers in the shape of a tensor, on its device."""
        return torch.empty_like(like).normal_(generator=self._on(like.device))

    def kept(self, like: Tensor, share: float) -> Tensor:
        """1 with probability share, else 0, in the shape of a tensor, on its device."""
        return torch.empty_like(like).bernoulli_(share, generator=self._on(like.device))

    def _on(self, device: torch.device) -> torch.Generator:
        if device not in self.generators:
            self.generators[device] = torch.Generator(device).manual_seed(self.seed)
        return self.generators[device]


class FeatureDropout(nn.Module):
    """Drops each number of the features with probability rate, in training, with a fresh mask at each call (the
    authors' release draws a new one in each inner, fine-tuning and query pass)."""

    def __init__(self, rate: float, noise: Noise) -> None:
        super().__init__()
        self.rate, self.noise = rate, noise

    def forward(self, features: Tensor) -> Tensor:
        if not self.training:
            return features
        kept = 1 - self.rate
        return features * self.noise.kept(features, kept) / kept
