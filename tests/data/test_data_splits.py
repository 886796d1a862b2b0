"""Class splits: disjoint, complete, and the same for everyone."""

import dataclasses

import numpy as np
import pytest

from leo_bench.data.bank import ImageBank
from leo_bench.data.splits import class_split, lake_validation_alphabets
from leo_bench.errors import LeoBenchError


@pytest.mark.parametrize("name", ["lake", "random"])
def test_splits_are_disjoint_and_complete(full_bank: ImageBank, name: str) -> None:
    split = class_split(full_bank, name, "train")
    assert list(split) == ["train", "val", "test"]
    together = np.concatenate(list(split.values()))
    assert all(part.dtype == np.int64 for part in split.values())
    assert sorted(together.tolist()) == list(range(1623))


def test_lake_follows_the_alphabets(full_bank: ImageBank) -> None:
    split = class_split(full_bank, "lake", "train")
    alphabets = {part: {full_bank.alphabets[index] for index in indices} for part, indices in split.items()}
    assert {part: len(names) for part, names in alphabets.items()} == {"train": 25, "val": 5, "test": 20}
    assert alphabets["val"] == {"Balinese", "Early_Aramaic", "Futurama", "Gujarati", "Korean"}
    # 24 + 22 + 26 + 48 + 40 characters in the five validation alphabets; 659 in the evaluation set
    assert {part: len(indices) for part, indices in split.items()} == {"train": 964 - 160, "val": 160, "test": 659}
    assert not any(full_bank.background[index] for index in split["test"])


def test_random_is_mamls_cut_and_no_alphabet_split(full_bank: ImageBank) -> None:
    split = class_split(full_bank, "random", "train")
    assert [len(part) for part in split.values()] == [1100, 100, 423]
    evaluation_share = np.mean([not full_bank.background[index] for index in split["test"]])
    assert 0.3 < evaluation_share < 0.5  # 659 / 1623 = 0.41 when background and evaluation are mixed


def test_random_depends_on_names_not_on_order(full_bank: ImageBank) -> None:
    backwards = dataclasses.replace(
        full_bank,
        characters=full_bank.characters[::-1],
        alphabets=full_bank.alphabets[::-1],
        background=full_bank.background[::-1],
    )
    for part, indices in class_split(full_bank, "random", "train").items():
        mirrored = class_split(backwards, "random", "train")[part]
        assert {full_bank.characters[i] for i in indices} == {backwards.characters[i] for i in mirrored}


def test_random_is_pinned(full_bank: ImageBank) -> None:
    """Published results name this split: whoever changes it changes them."""
    split = class_split(full_bank, "random", "train")
    assert [int(part.sum()) for part in split.values()] == PINNED


PINNED = [875373, 91348, 349532]


@pytest.mark.parametrize("name", ["lake", "random"])
def test_trainval_takes_validation_in_and_keeps_test_out(full_bank: ImageBank, name: str) -> None:
    train, trainval = (class_split(full_bank, name, classes) for classes in ("train", "trainval"))
    assert sorted([*train["train"], *train["val"]]) == trainval["train"].tolist()
    assert np.array_equal(trainval["val"], train["val"])
    assert np.array_equal(trainval["test"], train["test"])


@pytest.mark.parametrize("data_name", ["omniglot", "glyphs"])
def test_five_validation_alphabets_are_committed(data_name: str) -> None:
    assert len(set(lake_validation_alphabets(data_name))) == 5


def test_validation_alphabets_allow_20_way_within_an_alphabet(full_bank: ImageBank, glyph_bank: ImageBank) -> None:
    for bank in (full_bank, glyph_bank):
        for alphabet in lake_validation_alphabets(bank.name):
            assert bank.alphabets.count(alphabet) >= 20


def test_glyphs_are_cut_in_the_same_proportions(glyph_bank: ImageBank) -> None:
    total = len(glyph_bank.characters)
    split = class_split(glyph_bank, "random", "train")
    for part, count in zip(split.values(), (1100, 100, 423), strict=True):
        assert abs(len(part) - total * count / 1623) <= 1
    lake = class_split(glyph_bank, "lake", "train")
    assert sorted(np.concatenate(list(lake.values())).tolist()) == list(range(total))
    assert len({glyph_bank.alphabets[index] for index in lake["val"]}) == 5


def test_unknown_names_are_refused(full_bank: ImageBank) -> None:
    with pytest.raises(LeoBenchError, match="choose lake or random"):
        class_split(full_bank, "vinyals", "train")
    with pytest.raises(LeoBenchError, match="choose train or trainval"):
        class_split(full_bank, "lake", "all")


def test_a_bank_without_the_validation_alphabets_is_refused(small_bank: ImageBank) -> None:
    renamed = dataclasses.replace(small_bank, alphabets=tuple(a.replace("Korean", "X") for a in small_bank.alphabets))
    with pytest.raises(LeoBenchError, match="Korean is not among the background alphabets"):
        class_split(renamed, "lake", "train")
