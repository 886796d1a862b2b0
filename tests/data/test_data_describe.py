"""Text and sheets of the command `data`."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leo_bench.data.bank import ImageBank, load_images
from leo_bench.data.describe import GAP, LABEL_WIDTH, TILE, alphabet_sizes, describe, draw_sheets
from leo_bench.data.locate import DataSource, locate


def test_the_description_says_what_was_found(small_zips: DataSource, small_bank: ImageBank) -> None:
    text = describe(small_zips)
    for part in (
        "omniglot",
        str(small_zips.path),
        "zips",
        small_bank.digest,
        "34: 24 background, 10 evaluation; 9 alphabets",
        "680: 20 of each character",
        "lake: train 11, val 13, test 10",
        "random: train 23, val 2, test 9",
    ):
        assert part in text
    lines = [line.split() for line in text.splitlines()]
    assert ["4", "Korean", "*"] in lines
    assert ["6", "Greek"] in lines
    assert ["6", "ULOG"] in lines


def test_a_data_set_for_tests_alone_has_no_background(tmp_path: Path) -> None:
    source = locate("digits")
    text = describe(source)
    for part in (
        "shipped with scikit-learn",
        "10: 0 background, 10 evaluation; 1 alphabets",
        "lake: train 0, val 0, test 10",
    ):
        assert part in text
    assert "random" not in text
    assert "background alphabets" not in text
    names = [file.name for file in draw_sheets(load_images(source, 28), tmp_path)]
    assert names == [
        "digits_characters_evaluation.png",
        "digits_drawers.png",
        "digits_episodes_mixed.png",
        "digits_episodes_within_alphabet.png",
    ]


def test_alphabet_sizes(small_bank: ImageBank) -> None:
    sizes = alphabet_sizes(small_bank)
    assert sizes["Latin", True] == 5
    assert sizes["Angelic", False] == 4
    assert sum(sizes.values()) == 34


@pytest.fixture
def full_pixels(full_bank: ImageBank) -> ImageBank:
    return full_bank


def test_sheets_are_pictures_with_ink(full_pixels: ImageBank, tmp_path: Path) -> None:
    files = draw_sheets(full_pixels, tmp_path / "new" / "sheets")
    assert [file.name for file in files] == [
        "omniglot_characters_background.png",
        "omniglot_characters_evaluation.png",
        "omniglot_drawers.png",
        "omniglot_episodes_mixed.png",
        "omniglot_episodes_within_alphabet.png",
    ]
    for file in files:
        pixels = np.asarray(Image.open(file))
        assert pixels.ndim == 2
        assert (pixels < 100).any()


def test_a_tile_is_its_drawing_in_negative(full_pixels: ImageBank, tmp_path: Path) -> None:
    file = draw_sheets(full_pixels, tmp_path)[0]
    pixels = np.asarray(Image.open(file)).astype(int)
    for row, (alphabet, column) in {0: ("Alphabet_of_the_Magi", 3), 2: ("Arcadian", 19)}.items():
        character = full_pixels.characters.index(f"{alphabet}/character{column + 1:02}")
        middle_y = 30 + row * (TILE + GAP) + TILE // 2
        middle_x = LABEL_WIDTH + column * (TILE + GAP) + TILE // 2
        assert pixels[middle_y, middle_x] == 255 - int(full_pixels.images[character, 0, 0, 0])
