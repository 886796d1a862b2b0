"""What happens to images before a CNN's first block. Nothing here is learned."""

import torch.nn.functional as F
from torch import Tensor, nn


class Stem(nn.Module):
    """Mean pooling by squares of `pool` pixels a side, what is left over at the right and below being dropped; then
    `padding` empty pixels on each side."""

    def __init__(self, pool: int = 1, padding: int = 0) -> None:
        super().__init__()
        self.pool, self.padding = pool, padding

    def side(self, image_size: int) -> int:
        """Side in pixels of what forward makes of images of image_size."""
        return image_size // self.pool + 2 * self.padding

    def forward(self, images: Tensor) -> Tensor:
        """images: float32 [..., 1, H, W]. Returns [..., 1, h, w]."""
        if self.pool > 1:
            images = F.avg_pool2d(images.flatten(0, -4), self.pool).unflatten(0, images.shape[:-3])
        return F.pad(images, [self.padding] * 4) if self.padding else images
