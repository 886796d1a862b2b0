"""Encoders: from images, or from their features, to codes."""

import torch
from torch import Tensor, nn

from leo_bench.models.backbone import WIDTH, Conv4
from leo_bench.models.stem import Stem


class LEOEncoder(nn.Module):
    """A CNN of its own and a linear layer (the document, LEOEncoder): images [B, 1, H, W] -> codes [B, latent_dim]."""

    def __init__(
        self,
        latent_dim: int = 64,
        image_size: int = 105,
        precision: str = "float32",
        width: int = WIDTH,
        stem: Stem | None = None,
    ) -> None:
        super().__init__()
        self.backbone = Conv4(image_size, precision, width=width, stem=stem)
        self.fc = nn.Linear(self.backbone.feature_dim, latent_dim)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.backbone(images))

    def encode(self, images: Tensor, features: Tensor) -> Tensor:
        """Return codes [E, B, latent_dim] of images [E, B, 1, H, W]; features are not used.

        In training mode batch statistics are those of one episode.
        """
        return self.fc(self.backbone.by_episode(images))


class SharedEncoder(nn.Module):
    """A linear map, without bias, of the classifier's features (Rusu et al. 2019, section 2.3.1)."""

    def __init__(self, feature_dim: int, latent_dim: int) -> None:
        super().__init__()
        self.fc = nn.Linear(feature_dim, latent_dim, bias=False)

    def encode(self, images: Tensor, features: Tensor) -> Tensor:
        """Return codes [E, B, latent_dim] of features [E, B, feature_dim]; images are not used."""
        return self.fc(features)


class NoEncoder(nn.Module):
    """Returns zeros as codes, whatever the images. With drawn codes this is the authors' "random prior"."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim

    def encode(self, images: Tensor, features: Tensor) -> Tensor:
        """Return zeros [E, B, latent_dim]; images: [E, B, ...]."""
        return torch.zeros(*images.shape[:2], self.latent_dim, dtype=images.dtype, device=images.device)
