"""Normalisation of the features of an image (the setting feature_norm)."""

import torch.nn.functional as F
from torch import Tensor, nn


class UnitLength(nn.Module):
    """Scales the features of each image to length 1, as the authors' release does with its embeddings."""

    def forward(self, features: Tensor) -> Tensor:
        """Return features [..., F] divided by their length."""
        return F.normalize(features, dim=-1)


FEATURE_NORMS: dict[str, type[nn.Module]] = {"none": nn.Identity, "l2": UnitLength}
