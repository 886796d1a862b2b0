"""Affine changes of images, against moves that can be followed by hand."""

import numpy as np
import pytest
import torch

from leo_bench.data.augment import SCALE, SHEAR, SHIFT, draw_affine, warp


def affine(*rows: tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor([rows], dtype=torch.float32)


def test_the_identity_changes_nothing() -> None:
    images = torch.rand(1, 1, 6, 6)
    torch.testing.assert_close(warp(images, affine((1, 0, 0), (0, 1, 0))), images)


def test_a_shift_of_one_pixel() -> None:
    # Coordinates go from -1 to 1 over 6 pixels: a pixel is 1/3. The output looks one pixel to the right.
    images = torch.rand(1, 1, 6, 6)
    moved = warp(images, affine((1, 0, 1 / 3), (0, 1, 0)))
    torch.testing.assert_close(moved[..., :-1], images[..., 1:])
    assert moved[..., -1].abs().max() < 1e-6  # nothing comes from outside


def test_a_quarter_turn() -> None:
    images = torch.rand(1, 1, 6, 6)
    turned = warp(images, affine((0, -1, 0), (1, 0, 0)))
    torch.testing.assert_close(turned, torch.rot90(images, 1, (-2, -1)), rtol=1e-4, atol=1e-5)


def test_drawn_maps_are_small_and_those_of_their_generator() -> None:
    one, same, other = (draw_affine(np.random.default_rng(seed), 3, 200) for seed in (0, 0, 1))
    assert one.shape == (3, 200, 2, 3)
    assert one.dtype == torch.float32
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert one[..., 2].abs().max() <= 2 * SHIFT
    # A product of a turn, whose determinant is 1, and a shear with two sizes, which is triangular.
    determinants = torch.linalg.det(one[..., :2])
    assert (1 - SCALE) ** 2 <= determinants.min() < determinants.max() <= (1 + SCALE) ** 2
    # Its first column is the turn's times the first size.
    angles = torch.atan2(one[..., 1, 0], one[..., 0, 0]).rad2deg()
    assert angles.abs().max() <= 10
    assert angles.abs().max() > 9
    assert float(one.flatten(0, 1).mean(0).sub(torch.eye(2, 3)).abs().max()) == pytest.approx(0, abs=0.03)
    assert 0 < SHEAR < 1


def test_the_largest_changes_that_are_drawn_are_those_that_are_named() -> None:
    maps = draw_affine(np.random.default_rng(0), 4, 2000)
    linear, shift = maps[..., :2].double(), maps[..., 2]
    # An image that is shifted by 7% of its side moves by 0.14 in coordinates from -1 to 1.
    assert 0.13 < shift.abs().max() <= 2 * SHIFT + 1e-7
    assert float(shift.min()) < -0.13
    # Take the turn out again: what is left is triangular, with the shear in its corner and the sizes on the diagonal.
    angle = torch.atan2(linear[..., 1, 0], linear[..., 0, 0])
    cos, sin = torch.cos(angle), torch.sin(angle)
    back = torch.stack([torch.stack([cos, sin], -1), torch.stack([-sin, cos], -1)], -2)
    left = back @ linear
    assert left[..., 1, 0].abs().max() < 1e-7
    assert 0.14 < left[..., 0, 1].abs().max() <= SHEAR + 1e-7
    for size in (left[..., 0, 0], left[..., 1, 1]):
        assert 1 - SCALE - 1e-7 <= size.min() < 0.89 and 1.11 < size.max() <= 1 + SCALE + 1e-7
