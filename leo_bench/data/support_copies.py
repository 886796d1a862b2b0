"""Shifted copies of support images, which enlarge the support set of a test (the setting test_support_copies)."""

import torch.nn.functional as F
from torch import Tensor

SIDE_OF_A_STEP = 28
"""Side of the images, pixels, whose copies are shifted by one and by two pixels; larger images in proportion."""
NEAR = ((1, 0), (-1, 0), (0, 1), (0, -1))
DIAGONAL = ((1, 1), (1, -1), (-1, 1), (-1, -1))
FAR = ((2, 0), (-2, 0), (0, 2), (0, -2))

SUPPORT_COPIES: dict[str, tuple[tuple[int, int], ...]] = {"none": (), "shifted": (*NEAR, *DIAGONAL, *FAR)}
"""Value of test_support_copies -> shifts right and down of the copies of each support image, in steps."""


def shifted(images: Tensor, right: int, down: int) -> Tensor:
    """Return images [M, 1, H, W] moved by steps of H / 28 pixels, rounded, with 0 where nothing was drawn."""
    height, width = images.shape[-2:]
    step = max(1, round(height / SIDE_OF_A_STEP))
    x, y = right * step, down * step
    framed = F.pad(images, (max(x, 0), max(-x, 0), max(y, 0), max(-y, 0)))
    return framed[..., max(-y, 0) : max(-y, 0) + height, max(-x, 0) : max(-x, 0) + width].contiguous()
