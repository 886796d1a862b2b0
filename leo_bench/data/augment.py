"""Small affine changes of training images: other hands, other slants."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

DEGREES, SHEAR, SCALE, SHIFT = 10.0, 0.15, 0.12, 0.07
"""Largest turn, shear (as a tangent), change of size (as a share) and shift (as a share of the side), either way."""


def draw_affine(rng: np.random.Generator, *shape: int) -> Tensor:
    """Random affine maps, float32 [*shape, 2, 3], as affine_grid takes them: uniform turn, shear, sizes and shifts."""
    uniform = 2 * rng.random((*shape, 6)) - 1
    angle = np.deg2rad(DEGREES) * uniform[..., 0]
    shear, size = SHEAR * uniform[..., 1], 1 + SCALE * uniform[..., 2:4]
    shift = 2 * SHIFT * uniform[..., 4:6]  # coordinates go from -1 to 1
    cos, sin = np.cos(angle), np.sin(angle)
    turned = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    slanted = np.stack([np.stack([size[..., 0], shear], -1), np.stack([0 * shear, size[..., 1]], -1)], -2)
    return torch.from_numpy(np.concatenate([turned @ slanted, shift[..., None]], -1).astype(np.float32))


def warp(images: Tensor, maps: Tensor) -> Tensor:
    """images: float32 [B, 1, H, W], maps: [B, 2, 3]. Returns the images seen through the maps, bilinear, empty
    outside."""
    grid = F.affine_grid(maps, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
