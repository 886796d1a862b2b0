"""Shifted copies of support images."""

import pytest
import torch

from leo_bench.data.support_copies import SUPPORT_COPIES, shifted


def test_a_dot_moves_right_and_down_and_leaves_at_the_edge() -> None:
    image = torch.zeros(1, 1, 28, 28)
    image[0, 0, 3, 5] = 1
    for right, down in SUPPORT_COPIES["shifted"]:
        moved = shifted(image, right, down)
        assert moved.shape == image.shape
        assert moved[0, 0, 3 + down, 5 + right] == 1
        assert moved.sum() == 1
    corner = torch.zeros(1, 1, 28, 28)
    corner[0, 0, 0, 27] = 1
    assert shifted(corner, 1, 0).sum() == shifted(corner, 0, -1).sum() == 0
    assert shifted(corner, -2, 0)[0, 0, 0, 25] == 1


@pytest.mark.parametrize(("side", "step"), [(16, 1), (28, 1), (56, 2), (105, 4)])
def test_a_step_is_a_28th_of_the_side(side: int, step: int) -> None:
    image = torch.zeros(1, 1, side, side)
    image[0, 0, 8, 8] = 1
    assert shifted(image, 1, -1)[0, 0, 8 - step, 8 + step] == 1


def test_there_are_twelve_different_copies_in_no_favoured_direction() -> None:
    shifts = SUPPORT_COPIES["shifted"]
    assert len(set(shifts)) == 12
    assert (0, 0) not in shifts
    assert {(-right, -down) for right, down in shifts} == set(shifts) == {(down, right) for right, down in shifts}
    assert max(abs(right) + abs(down) for right, down in shifts) == 2
    assert SUPPORT_COPIES["none"] == ()
