"""What becomes of an image's features before anything else sees them."""

import torch.nn.functional as F
from torch import Tensor, nn


class UnitLength(nn.Module):
    """Each image's features, divided by their length (the authors' release does so with its embeddings)."""

    def forward(self, features: Tensor) -> Tensor:
        """features: [..., F]."""
        return F.normalize(features, dim=-1)


FEATURE_NORMS: dict[str, type[nn.Module]] = {"none": nn.Identity, "l2": UnitLength}
