"""Encoders: from images, or from the classifier's features of them, to latent codes."""

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
        """images: [E, B, 1, H, W]. Returns codes [E, B, latent_dim]. Batch statistics are one episode's. Features are
        not used."""
        return self.fc(self.backbone.by_episode(images))


class SharedEncoder(nn.Module):
    """A linear map, without bias, of the classifier's features (Rusu et al. 2019, section 2.3.1; there without our
    CNN)."""

    def __init__(self, feature_dim: int, latent_dim: int) -> None:
        super().__init__()
        self.fc = nn.Linear(feature_dim, latent_dim, bias=False)

    def encode(self, images: Tensor, features: Tensor) -> Tensor:
        """features: [E, B, feature_dim]. Returns codes [E, B, latent_dim]. Images are not used."""
        return self.fc(features)


class NoEncoder(nn.Module):
    """Codes that know nothing of the images: zeros, from which the inner loop starts (the authors' "random prior" where
    codes are drawn)."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim

    def encode(self, images: Tensor, features: Tensor) -> Tensor:
        """images: [E, B, ...]. Returns codes [E, B, latent_dim]."""
        return torch.zeros(*images.shape[:2], self.latent_dim, dtype=images.dtype, device=images.device)
