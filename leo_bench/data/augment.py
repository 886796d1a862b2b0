"""Small random affine maps of training images: rotation, shear, scale and shift."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

DEGREES, SHEAR, SCALE, SHIFT = 10.0, 0.15, 0.12, 0.07
"""Largest rotation in degrees, shear (a tangent), relative change of scale, and shift (a share of the side)."""


def draw_affine(rng: np.random.Generator, *shape: int) -> Tensor:
    """Draw affine maps with uniform rotation, shear, scales and shifts: float32 [*shape, 2, 3], for affine_grid."""
    uniform = 2 * rng.random((*shape, 6)) - 1
    angle = np.deg2rad(DEGREES) * uniform[..., 0]
    shear, size = SHEAR * uniform[..., 1], 1 + SCALE * uniform[..., 2:4]
    shift = 2 * SHIFT * uniform[..., 4:6]  # coordinates go from -1 to 1
    cos, sin = np.cos(angle), np.sin(angle)
    turned = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    slanted = np.stack([np.stack([size[..., 0], shear], -1), np.stack([0 * shear, size[..., 1]], -1)], -2)
    return torch.from_numpy(np.concatenate([turned @ slanted, shift[..., None]], -1).astype(np.float32))


def warp(images: Tensor, maps: Tensor) -> Tensor:
    """Return images [B, 1, H, W] under affine maps [B, 2, 3], sampled bilinearly, with empty pixels outside."""
    grid = F.affine_grid(maps, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
