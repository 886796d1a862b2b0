"""Initial point of the inner loop: the refined class code, or a draw from a distribution (the setting latent).

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
    """Normal distribution q(z | support set) of each class code, with independent coordinates. [E, N, D] each."""

    mean: Tensor
    log_deviation: Tensor


class Deterministic(nn.Module):
    """Uses the refined class code as it is (the document)."""

    def forward(self, codes: Tensor) -> tuple[Tensor, Posterior | None]:
        """Return codes [E, N, D] as the start of the inner loop, and no distribution."""
        return codes, None


class Gaussian(nn.Module):
    """Draws class codes from a normal distribution in training; uses its mean at test.

    Rusu et al. (2019), section 2.3.1. The mean is the refined code; the log of the standard deviation is a linear map
    of it. The deviation is always positive and has a gradient everywhere. The authors' release uses exp(u) - 1 cut at
    1e-10, without gradient below.
    """

    def __init__(self, latent_dim: int, noise: Noise) -> None:
        super().__init__()
        self.noise = noise
        self.spread = nn.Linear(latent_dim, latent_dim)
        nn.init.constant_(self.spread.bias, math.log(START_DEVIATION))

    def forward(self, codes: Tensor) -> tuple[Tensor, Posterior | None]:
        """Return the start of the inner loop, [E, N, D], and its distribution; codes: [E, N, D]."""
        posterior = Posterior(codes, self.spread(codes))
        if not self.training:
            return codes, posterior
        return codes + posterior.log_deviation.exp() * self.noise.normal(codes), posterior


class Prior(nn.Module):
    """Draws class codes from N(0, I) in training; they are 0 at test.

    This is the authors' "random prior" (Rusu et al. 2019, Table 1), for a LEO without encoder.
    """

    def __init__(self, noise: Noise) -> None:
        super().__init__()
        self.noise = noise

    def forward(self, codes: Tensor) -> tuple[Tensor, Posterior | None]:
        """Return the start of the inner loop, [E, N, D], and no distribution; codes: zeros [E, N, D]."""
        return (codes + self.noise.normal(codes) if self.training else codes), None


def kl_from_standard_normal(posterior: Posterior) -> Tensor:
    """Return KL(q || N(0, I)) in closed form, averaged over episodes, classes and coordinates.

    The authors' release has the same scale, and estimates the divergence from one draw. For one
    coordinate it is (mean^2 + deviation^2 - 1) / 2 - log deviation.
    """
    mean, log_deviation = posterior
    return ((mean.square() + (2 * log_deviation).exp() - 1) / 2 - log_deviation).mean()


def encoder_penalty(start: Tensor, adapted: Tensor) -> Tensor:
    """Return the mean squared distance between a code before and after the inner loop (Rusu et al. 2019, equation 6).

    The adapted code is a constant: the encoder is pulled towards it, and not the reverse.
    """
    return torch.nn.functional.mse_loss(start, adapted.detach())
