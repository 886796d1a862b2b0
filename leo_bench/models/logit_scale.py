"""Factor of the logits of a prototypical network (the setting logit_scale)."""

import torch
from torch import Tensor, nn


class LearnedScale(nn.Module):
    """Multiplies logits by a learned positive number that starts at 1. It is learned as its logarithm.

    It lets training choose how sure the softmax over squared distances is without scaling the features. A model's
    answers do not depend on it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(()))

    def forward(self, logits: Tensor) -> Tensor:
        """Return the scaled logits; any shape."""
        return self.log_scale.exp() * logits


LOGIT_SCALES: dict[str, type[nn.Module]] = {"one": nn.Identity, "learned": LearnedScale}
"""Setting logit_scale -> module that scales logits."""
