"""What stands between a class's refined code and the point where its inner loop starts.

Letters: E episodes, N classes, D latent_dim.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from leo_bench.models.noise import Noise

START_DEVIATION = 0.1
"""Standard deviation of a drawn code before training."""


class Posterior(NamedTuple):
    """q(z | support set): a normal distribution of each class's code, its coordinates apart. [E, N, D] each."""

    mean: Tensor
    log_deviation: Tensor


class Deterministic(nn.Module):
    """A class's code is what encoder and relation network make of it (the document)."""

    def forward(self, codes: Tensor) -> tuple[Tensor, Posterior | None]:
        """codes: [E, N, D]. Returns the start of the inner loop, and no distribution."""
        return codes, None


class Gaussian(nn.Module):
    """A class's code is drawn from a normal distribution in training; its mean at test (Rusu et al. 2019, section
    2.3.1).

    The mean is the refined code; the log of the standard deviation is a linear map of it. Always positive, with a
    gradient everywhere: the authors' release has exp(u) - 1 cut at 1e-10, which has none below.
    """

    def __init__(self, latent_dim: int, noise: Noise) -> None:
        super().__init__()
        self.noise = noise
        self.spread = nn.Linear(latent_dim, latent_dim)
        nn.init.constant_(self.spread.bias, math.log(START_DEVIATION))

    def forward(self, codes: Tensor) -> tuple[Tensor, Posterior | None]:
        """codes: [E, N, D]. Returns the start of the inner loop, [E, N, D], and its distribution."""
        posterior = Posterior(codes, self.spread(codes))
        if not self.training:
            return codes, posterior
        return codes + posterior.log_deviation.exp() * self.noise.normal(codes), posterior


class Prior(nn.Module):
    """A class's code is drawn from N(0, I) in training, and is 0 at test: the authors' "random prior" (Rusu et al.
    2019, Table 1), where no encoder says more."""

    def __init__(self, noise: Noise) -> None:
        super().__init__()
        self.noise = noise

    def forward(self, codes: Tensor) -> tuple[Tensor, Posterior | None]:
        """codes: zeros [E, N, D]. Returns the start of the inner loop, [E, N, D], and no computed distribution."""
        return (codes + self.noise.normal(codes) if self.training else codes), None


def kl_from_standard_normal(posterior: Posterior) -> Tensor:
    """KL(q || N(0, I)) in closed form, as a mean over episodes, classes and coordinates (the scale of the authors'
    release, which estimates it from one draw).

    For one coordinate: (mean^2 + deviation^2 - 1) / 2 - log deviation.
    """
    mean, log_deviation = posterior
    return ((mean.square() + (2 * log_deviation).exp() - 1) / 2 - log_deviation).mean()


def encoder_penalty(start: Tensor, adapted: Tensor) -> Tensor:
    """Mean squared distance between a code before and after the inner loop; the adapted code is a constant, so that
    the encoder is pulled to it and not the reverse (Rusu et al. 2019, equation 6)."""
    return torch.nn.functional.mse_loss(start, adapted.detach())
