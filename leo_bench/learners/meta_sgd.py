"""Meta-SGD: MAML with a learned step size for each weight (Li et al. 2017, "Meta-SGD: Learning to Learn Quickly")."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from leo_bench.config import Settings
from leo_bench.learners.maml import Maml


class MetaSgd(Maml):
    """MAML whose step sizes are learned, one for each weight, the same at each inner step. All start at inner_lr."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.rates = nn.ParameterDict(
            {name: nn.Parameter(torch.full_like(tensor, settings.inner_lr)) for name, tensor in self.start().items()}
        )

    def step_sizes(self) -> Mapping[str, float | Tensor]:
        return dict(self.rates.items())
