"""Class splits: the characters for training, validation and test. Rotations stay with their character."""

from pathlib import Path

import numpy as np

from leo_bench.data import DATASETS
from leo_bench.data.bank import ImageBank
from leo_bench.data.seeding import derive_seed
from leo_bench.errors import LeoBenchError

SPLITS = ("train", "val", "test")
SPLIT_ROOT = 1623
"""Root seed of the random class split."""
RANDOM_COUNTS = (1100, 100, 423)
"""Characters of the random split on Omniglot, for train, val and test. Other data sets are divided in proportion."""

_FOLDER = Path(__file__).parent / "splits"


def class_split(bank: ImageBank, name: str, train_classes: str) -> dict[str, np.ndarray]:
    """Return the indices (int64, ascending) of the characters of "train", "val" and "test".

    The three are disjoint and together have all characters. name: "lake" (test: evaluation alphabets, val: 5 named
    background alphabets) or "random" (1,100/100/423, as MAML). train_classes: "train", or "trainval", which adds the
    validation characters to "train". Raises LeoBenchError for other names.
    """
    if train_classes not in ("train", "trainval"):
        raise LeoBenchError(f"unknown train_classes {train_classes!r}: choose train or trainval")
    if name == "lake":
        parts = _lake_split(bank)
    elif name == "random":
        parts = _random_split(bank)
    else:
        raise LeoBenchError(f"unknown class split {name!r}: choose lake or random")
    if train_classes == "trainval":
        parts["train"] = np.union1d(parts["train"], parts["val"])
    return parts


def lake_validation_alphabets(data_name: str) -> tuple[str, ...]:
    """Return the names of the 5 validation alphabets; none for a data set that is only tested on."""
    if not DATASETS[data_name].trains:
        return ()
    lines = (_FOLDER / f"{data_name}_lake_val.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def _lake_split(bank: ImageBank) -> dict[str, np.ndarray]:
    validation = lake_validation_alphabets(bank.name)
    background = np.array(bank.background)
    named = np.array([alphabet in validation for alphabet in bank.alphabets])
    missing = sorted(set(validation) - {bank.alphabets[index] for index in np.flatnonzero(background)})
    if missing:
        raise LeoBenchError(f"validation alphabet {missing[0]} is not among the background alphabets of {bank.name}")
    return {
        "train": np.flatnonzero(background & ~named).astype(np.int64),
        "val": np.flatnonzero(background & named).astype(np.int64),
        "test": np.flatnonzero(~background).astype(np.int64),
    }


def _random_split(bank: ImageBank) -> dict[str, np.ndarray]:
    """Shuffle the characters by a hash of their names, which depends on no numpy version and no order of files."""
    places = [derive_seed(SPLIT_ROOT, "random class split", character) for character in bank.characters]
    order = np.argsort(np.array(places, dtype=np.int64), kind="stable")
    ends = [round(len(order) * sum(RANDOM_COUNTS[:n]) / sum(RANDOM_COUNTS)) for n in (1, 2)]
    return {name: np.sort(part).astype(np.int64) for name, part in zip(SPLITS, np.split(order, ends), strict=True)}
