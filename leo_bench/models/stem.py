"""Pooling and padding of images in front of the first CNN block. Nothing here is learned."""

import torch.nn.functional as F
from torch import Tensor, nn


class Stem(nn.Module):
    """Mean pooling over squares of `pool` pixels a side, then `padding` empty pixels on each side of the image.

    Pixels on the right and at the bottom that fill no square are dropped.
    """

    def __init__(self, pool: int = 1, padding: int = 0) -> None:
        super().__init__()
        self.pool, self.padding = pool, padding

    def side(self, image_size: int) -> int:
        """Return the side in pixels of the output for images of side image_size."""
        return image_size // self.pool + 2 * self.padding

    def forward(self, images: Tensor) -> Tensor:
        """Return pooled and padded images, [..., 1, h, w], of images float32 [..., 1, H, W]."""
        if self.pool > 1:
            images = F.avg_pool2d(images.flatten(0, -4), self.pool).unflatten(0, images.shape[:-3])
        return F.pad(images, [self.padding] * 4) if self.padding else images
