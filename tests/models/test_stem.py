"""Pooling and padding in front of the first block."""

import pytest
import torch

from leo_bench.config import make_settings
from leo_bench.learners.leo_parts import build_stem
from leo_bench.models.backbone import Conv4
from leo_bench.models.stem import Stem


def test_squares_are_averaged_and_then_padded_by_hand() -> None:
    image = torch.tensor([[0.0, 1.0, 9.0], [2.0, 5.0, 9.0], [9.0, 9.0, 9.0]])[
        None, None
    ]  # a row and a column left over
    stem = Stem(pool=2, padding=1)
    assert stem(image)[0, 0].tolist() == [[0, 0, 0], [0, 2, 0], [0, 0, 0]]
    assert stem.side(3) == 3
    assert Stem().side(28) == 28
    assert Stem()(image) is image


def test_episodes_of_images_are_treated_image_by_image() -> None:
    images = torch.rand(2, 3, 1, 12, 12)
    stem = Stem(pool=3, padding=2)
    one_by_one = torch.stack([torch.stack([stem(image[None])[0] for image in episode]) for episode in images])
    torch.testing.assert_close(stem(images), one_by_one)
    assert stem(images).shape[-1] == stem.side(12) == 8


def test_two_empty_pixels_make_the_last_map_of_28x28_images_2x2() -> None:
    torch.manual_seed(0)
    padded, plain = Conv4(28, stem=Stem(padding=2)).eval(), Conv4(32).eval()
    plain.load_state_dict(padded.state_dict())
    images = torch.rand(2, 1, 28, 28)
    by_hand = torch.zeros(2, 1, 32, 32)
    by_hand[:, :, 2:30, 2:30] = images
    assert padded.feature_dim == 64 * 2 * 2
    torch.testing.assert_close(padded(images), plain(by_hand))


def test_means_of_3x3_pixels_make_the_cnn_of_105x105_images_one_of_35x35() -> None:
    torch.manual_seed(0)
    pooled, plain = Conv4(105, stem=Stem(pool=3)).eval(), Conv4(35).eval()
    plain.load_state_dict(pooled.state_dict())
    small = torch.rand(2, 1, 35, 35)
    large = small.repeat_interleave(3, -1).repeat_interleave(3, -2)
    torch.testing.assert_close(pooled(large), plain(small))


@pytest.mark.parametrize(("image_size", "first_pool", "padding"), [(105, 1, 0), (105, 3, 0), (105, 2, 5), (28, 1, 2)])
def test_settings_are_checked_by_the_side_that_the_stem_gives(image_size: int, first_pool: int, padding: int) -> None:
    settings = make_settings({"image_size": image_size, "first_pool": first_pool, "padding": padding})
    images = torch.zeros(1, 1, image_size, image_size)
    assert build_stem(settings)(images).shape[-1] == build_stem(settings).side(image_size) == settings.image_side
