"""Step sizes of inner loops: fixed, learned, or learned for each step. forward returns one for each step."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class FixedStepSize(nn.Module):
    """The same number at each step (the document)."""

    def __init__(self, lr: float, steps: int, size: int) -> None:
        super().__init__()
        self.lr, self.steps = lr, steps

    def forward(self) -> Sequence[float | Tensor]:
        return [self.lr] * self.steps


class LearnedStepSize(nn.Module):
    """A learned vector, one entry per coordinate, the same at each step (Rusu et al. 2019, Algorithm 1)."""

    def __init__(self, lr: float, steps: int, size: int) -> None:
        super().__init__()
        self.steps = steps
        self.lr = nn.Parameter(torch.full((size,), lr))

    def forward(self) -> Sequence[float | Tensor]:
        return [self.lr] * self.steps


class LearnedStepSizes(nn.Module):
    """A learned vector for each step (the document's progressive latent optimisation)."""

    def __init__(self, lr: float, steps: int, size: int) -> None:
        super().__init__()
        self.lr = nn.Parameter(torch.full((steps, size), lr))

    def forward(self) -> Sequence[float | Tensor]:
        return list(self.lr)


STEP_SIZES = {"fixed": FixedStepSize, "learned": LearnedStepSize, "per_step": LearnedStepSizes}
