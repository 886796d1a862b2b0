"""Data interface of the source document: datasets of drawings and of few-shot tasks (episodes)."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from leo_bench.config.paths import as_typed
from leo_bench.data.bank import ImageBank, load_images
from leo_bench.data.episodes import EpisodeSampler, EpisodeSpec, gather
from leo_bench.data.image_size import check_image_size
from leo_bench.data.locate import ACCEPTED, locate
from leo_bench.data.seeding import stream
from leo_bench.errors import LeoBenchError

DOCUMENTED_ROOT = "omniglot"
"""Folder of Omniglot in the source document."""


class OmniglotDataset(Dataset[tuple[Tensor, int]]):
    """Drawings of some characters of a bank. Item: image float32 (1, H, W) in [0, 1], ink 1, and label from 0."""

    def __init__(self, bank: ImageBank, characters: np.ndarray) -> None:
        """Store the bank and characters: int64 indices into it, in the order of their labels."""
        self.bank = bank
        self.characters = np.asarray(characters, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.characters) * self.bank.images.shape[1]

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        label, drawer = divmod(checked_index(index, len(self)), self.bank.images.shape[1])
        image = self.bank.images[int(self.characters[label]), drawer]
        return image.to(torch.float32).div_(255)[None], label


class OmniglotTaskDataset(Dataset[tuple[Tensor, Tensor, Tensor, Tensor]]):
    """num_tasks few-shot tasks, drawn from the characters of a dataset.

    Item: support_data float32 (N*K, 1, H, W), support_labels int64 (N*K,), query_data and query_labels, which have
    num_query in place of K. Item i depends only on the arguments and i, also in a worker process. rotations: each
    character turned by 90, 180 and 270 degrees is a further class, as in the training of the presets. Raises
    LeoBenchError if the dataset has too few classes or drawings, or if an argument is of another type.
    """

    def __init__(
        self,
        dataset: OmniglotDataset,
        n_way: int = 5,
        k_shot: int = 1,
        num_query: int = 15,
        num_tasks: int = 2000,
        seed: int = 0,
        rotations: bool = False,
    ) -> None:
        if not isinstance(dataset, OmniglotDataset):
            raise LeoBenchError(
                f"dataset is of type {type(dataset).__name__}: expected an OmniglotDataset, as load_omniglot_dataset "
                "returns"
            )
        sizes = {"n_way": n_way, "k_shot": k_shot, "num_query": num_query, "num_tasks": num_tasks, "seed": seed}
        for name, size in sizes.items():
            if not isinstance(size, int | np.integer) or isinstance(size, bool):
                raise LeoBenchError(f"{name} is {size!r}: expected a whole number")
        if not isinstance(rotations, bool):
            raise LeoBenchError(f"rotations is {rotations!r}: expected True or False")
        if num_tasks < 1:
            raise LeoBenchError(f"num_tasks is {num_tasks}: expected at least 1")
        self.dataset = dataset
        self.num_tasks = num_tasks
        self.seed = seed
        spec = EpisodeSpec(n_way, k_shot, num_query)
        self.sampler = EpisodeSampler(dataset.bank, dataset.characters, spec, rotations=rotations, split="task")

    def __len__(self) -> int:
        return self.num_tasks

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        index = checked_index(index, len(self))
        episode = self.sampler.sample(stream(self.seed, "task dataset", index), 1)
        support_x, support_y, query_x, query_y = gather(self.dataset.bank.images, episode)
        return support_x[0], support_y[0], query_x[0], query_y[0]


def load_omniglot_dataset(
    root: str | Path = DOCUMENTED_ROOT, image_size: int = 105, dataset: str = "auto"
) -> tuple[OmniglotDataset, OmniglotDataset]:
    """Return (train_dataset, test_dataset): the characters of the background and of the evaluation alphabets.

    root: a folder with Omniglot in any accepted form. If it is left out, or is the document's "omniglot", and there is
    no such folder, then the usual places are searched, and dataset="auto" falls back to glyphs with a notice. Raises
    LeoBenchError if Omniglot is missing or damaged, or if another root is not there.
    """
    check_image_size(image_size)
    folder = as_typed(root)
    if not folder.is_dir() and str(root) != DOCUMENTED_ROOT:
        raise LeoBenchError(
            f"root {root} is no folder ({folder.absolute()}); name one that holds {ACCEPTED}, or leave root out to "
            "search the usual places"
        )
    bank = load_images(locate(dataset, folder if folder.is_dir() else None), image_size)
    background = np.array(bank.background)
    return OmniglotDataset(bank, np.flatnonzero(background)), OmniglotDataset(bank, np.flatnonzero(~background))


def checked_index(index: int, length: int) -> int:
    """Return index as 0 to length - 1; a negative index counts from the end. Raises IndexError."""
    if not -length <= index < length:
        raise IndexError(f"index {index} is out of range: there are {length} items")
    return index % length
