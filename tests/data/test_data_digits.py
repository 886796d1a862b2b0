"""The handwritten digits of scikit-learn, for tests under domain shift."""

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from leo_bench.config import make_settings
from leo_bench.data import digits
from leo_bench.data.bank import load_images
from leo_bench.data.episodes import EpisodeSampler, EpisodeSpec, fixed_episodes, gather
from leo_bench.data.locate import locate
from leo_bench.data.splits import class_split
from leo_bench.errors import LeoBenchError

DIGEST = "79fa8762c9403bf03474361267c428c0d96ef44b87d47734f634e97abb5837d9"


def test_ten_classes_of_174_drawings_ink_255_on_paper_0() -> None:
    drawings = digits.read(locate("digits"))
    assert drawings.images.shape == (10, 174, 8, 8)
    assert drawings.images.dtype == np.uint8
    assert drawings.images.min() == 0
    assert drawings.images.max() == 255
    assert drawings.images[:, :, 0, 0].max() == 0  # corners are paper
    assert drawings.characters == tuple(f"digits/{digit}" for digit in range(10))
    assert drawings.digest == DIGEST


def test_drawings_are_those_of_scikit_learn_in_order_from_16_to_255_greys() -> None:
    found, images = load_digits(), digits.read(locate("digits")).images
    seen = [0] * 10
    for image, digit in zip(found.images, found.target, strict=True):
        if seen[digit] < 174:
            expected = [[round(value * 255 / 16) for value in row] for row in image.tolist()]
            assert images[digit, seen[digit]].tolist() == expected
            seen[digit] += 1
    assert seen == [174] * 10


def test_they_are_enlarged_to_the_side_of_the_run() -> None:
    bank, original = load_images(locate("digits"), 28), digits.read(locate("digits")).images
    assert bank.images.shape == (10, 174, 28, 28)
    expected = np.asarray(Image.fromarray(original[3, 5]).resize((28, 28), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(bank.images[3, 5].numpy().astype(int) - expected).max() <= 1


def test_test_episodes_are_10_way_of_all_digits() -> None:
    bank = load_images(locate("digits"), 28)
    split = class_split(bank, "lake", "train")
    assert [len(split[part]) for part in ("train", "val", "test")] == [0, 0, 10]
    episodes = fixed_episodes(bank, "lake", "test", EpisodeSpec(10, 5, 15), 20)
    assert (np.sort(episodes.characters, axis=1) == np.arange(10)).all()
    assert not episodes.rotations.any()
    assert episodes.drawers.max() > 100  # from all drawings, not from the first 20
    assert episodes.digest() == fixed_episodes(bank, "lake", "test", EpisodeSpec(10, 5, 15), 20).digest()
    support_x, support_y, query_x, _ = gather(bank.images, episodes[:2])
    assert support_x.shape == (2, 50, 1, 28, 28)
    assert query_x.shape == (2, 150, 1, 28, 28)
    assert support_y[0].tolist() == [label for label in range(10) for _ in range(5)]


def test_there_is_nothing_to_train_on() -> None:
    with pytest.raises(LeoBenchError) as caught:
        make_settings({"dataset": "digits"})
    assert str(caught.value) == "settings: dataset: expected one of omniglot, glyphs (got 'digits')"
    bank = load_images(locate("digits"), 16)
    with pytest.raises(LeoBenchError, match="train split: n_way is 5, but it has 0 classes"):
        EpisodeSampler(bank, class_split(bank, "lake", "train")["train"], EpisodeSpec(5, 1, 15), rotations=True)
