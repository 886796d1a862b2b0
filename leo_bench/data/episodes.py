"""Episodes as indices of characters, rotations and drawers. `gather` turns them into images.

E episodes, N = n_way classes, K = k_shot support and Q = n_query query drawings of each class.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from leo_bench.data.bank import ImageBank
from leo_bench.data.seeding import EPISODE_ROOT, stream
from leo_bench.data.splits import class_split
from leo_bench.errors import LeoBenchError

MODES = ("mixed", "within_alphabet")
N_ROTATIONS = 4


@dataclass(frozen=True)
class EpisodeSpec:
    """Number of classes and drawings of an episode, and where its classes come from."""

    n_way: int
    k_shot: int
    n_query: int
    mode: str = "mixed"
    """"mixed": classes from the whole split; "within_alphabet": all classes of an episode from one alphabet."""
    mislabelled: int = 0
    """Support images of each class that carry the label of the next class: fewer than half."""

    def __post_init__(self) -> None:
        for name, least in (("n_way", 2), ("k_shot", 1), ("n_query", 1)):
            if getattr(self, name) < least:
                raise LeoBenchError(f"{name} is {getattr(self, name)}: expected at least {least}")
        if self.mode not in MODES:
            raise LeoBenchError(f"unknown episode mode {self.mode!r}: choose mixed or within_alphabet")
        if not 0 <= 2 * self.mislabelled < self.k_shot:
            raise LeoBenchError(
                f"mislabelled is {self.mislabelled} of {self.k_shot} support images of a class: expected fewer than "
                "half, and not below 0"
            )

    def support_labels(self) -> Tensor:
        """Return the labels of a support set, int64 [N * K], images of class 0 first, then of class 1.

        The first `mislabelled` images of class i are labelled (i + 1) mod N, so each label still has K images.
        """
        labels = torch.arange(self.n_way).repeat(self.k_shot, 1).T.contiguous()
        labels[:, : self.mislabelled] = (labels[:, : self.mislabelled] + 1) % self.n_way
        return labels.flatten()


@dataclass(frozen=True)
class Episodes:
    """A list of episodes, as indices into a bank."""

    characters: np.ndarray
    """int64 (E, N): character of each class."""
    rotations: np.ndarray
    """int64 (E, N): rotation of each class, in counter-clockwise quarter turns, 0 to 3."""
    drawers: np.ndarray
    """int64 (E, N, K + Q): distinct drawers of each class, those of the support set first."""
    spec: EpisodeSpec

    def __len__(self) -> int:
        return len(self.characters)

    def __getitem__(self, part: slice) -> "Episodes":
        return Episodes(self.characters[part], self.rotations[part], self.drawers[part], self.spec)

    def on(self, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """Return characters, rotations and drawers as tensors on a device, copied without waiting."""
        arrays = (self.characters, self.rotations, self.drawers)
        moved = (torch.from_numpy(array).to(device, non_blocking=True) for array in arrays)
        characters, rotations, drawers = moved
        return characters, rotations, drawers

    def digest(self) -> str:
        """Return SHA-256 of the specification and every index; the same on every machine."""
        spec = self.spec
        words = f"{spec.n_way} {spec.k_shot} {spec.n_query} {spec.mode} {len(self)}"
        if spec.mislabelled:
            words += f" mislabelled {spec.mislabelled}"
        digest = hashlib.sha256(words.encode())
        for indices in (self.characters, self.rotations, self.drawers):
            digest.update(np.ascontiguousarray(indices, dtype="<i8").tobytes())
        return digest.hexdigest()


class EpisodeSampler:
    """Draws episodes from the characters of a split. With rotations, each character gives four classes."""

    def __init__(
        self, bank: ImageBank, characters: np.ndarray, spec: EpisodeSpec, rotations: bool, split: str = "train"
    ) -> None:
        """Prepare the classes to draw from.

        characters: int64 indices of the split; split: its name, for messages. Raises LeoBenchError if spec asks for
        more classes or drawings than there are.
        """
        self.spec = spec
        self.n_drawers = bank.images.shape[1]
        if spec.k_shot + spec.n_query > self.n_drawers:
            raise LeoBenchError(
                f"{split} split: k_shot {spec.k_shot} + n_query {spec.n_query} asks for {spec.k_shot + spec.n_query} "
                f"drawings of each class, but {bank.name} has {self.n_drawers}: lower k_shot or n_query"
            )
        self.pools = _class_pools(bank, np.asarray(characters, dtype=np.int64), spec, rotations, split)

    def sample(self, rng: np.random.Generator, n_episodes: int) -> Episodes:
        """Draw the next n_episodes from rng. Two calls in a row give the same episodes as one call for both."""
        return _stack([self._draw(rng) for _ in range(n_episodes)], self.spec)

    def _draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw one episode: classes (N, 2) as character and rotation, and drawers (N, K + Q).

        Uses uniform doubles alone: of numpy's streams, this one is least likely to change between versions.
        """
        pool = self.pools[int(rng.random() * len(self.pools))]
        classes = pool[_choose(rng.random(len(pool)), self.spec.n_way)]
        drawers = _choose(rng.random((self.spec.n_way, self.n_drawers)), self.spec.k_shot + self.spec.n_query)
        return classes, drawers


def fixed_episodes(bank: ImageBank, split_name: str, split: str, spec: EpisodeSpec, n: int) -> Episodes:
    """Return the first n validation or test episodes of a class split, without rotations.

    Episode i depends only on the data set's name, split_name, split, spec and i. It is the same for every variant,
    learner and seed, and a longer list starts with the episodes of a shorter one. Mislabelled episodes have the images
    of those with right labels. Raises LeoBenchError if the split is too small.
    """
    if split not in ("val", "test"):
        raise LeoBenchError(f"fixed episodes exist for val and test, not for {split!r}")
    characters = class_split(bank, split_name, "train")[split]
    sampler = EpisodeSampler(bank, characters, spec, rotations=False, split=split)
    names = (bank.name, split_name, split, spec.mode, spec.n_way, spec.k_shot, spec.n_query)
    return _stack([sampler._draw(stream(EPISODE_ROOT, "episodes", *names, index)) for index in range(n)], spec)


def gather(images: Tensor, episodes: Episodes) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return images and labels of episodes, on the device of images.

    images: uint8 (C, D, H, W), square. Returns support_x float32 (E, N*K, 1, H, W) in [0, 1], support_y int64
    (E, N*K), query_x float32 (E, N*Q, 1, H, W) and query_y int64 (E, N*Q); drawings of class 0 first, then of class 1.
    If episodes are mislabelled, support_y holds the wrong labels and query_y the right ones.
    """
    support_x, support_y, query_x, query_y = gather_drawn(images, *episodes.on(images.device), episodes.spec.k_shot)
    if episodes.spec.mislabelled:
        support_y = episodes.spec.support_labels().to(images.device).expand(len(episodes), -1).contiguous()
    return support_x, support_y, query_x, query_y


def gather_drawn(
    images: Tensor, characters: Tensor, rotations: Tensor, drawers: Tensor, k_shot: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the same as gather, from the tensors of Episodes.on; all labels are right.

    All shapes follow from those of the indices, so no step waits for a value on the device.
    """
    n_episodes, n_way = characters.shape
    drawings = images[characters[:, :, None], drawers]  # (E, N, K + Q, H, W)
    for n_turns in range(1, N_ROTATIONS):
        rotated = (rotations == n_turns)[:, :, None, None, None]
        drawings = torch.where(rotated, torch.rot90(drawings, n_turns, dims=(-2, -1)), drawings)
    pixels = drawings.to(torch.float32).div_(255)
    labels = torch.arange(n_way, device=images.device)
    sets = []
    for part in (pixels[:, :, :k_shot], pixels[:, :, k_shot:]):
        sets.append(part.flatten(1, 2).unsqueeze(2))
        sets.append(labels.repeat_interleave(part.shape[2]).expand(n_episodes, -1).contiguous())
    support_x, support_y, query_x, query_y = sets
    return support_x, support_y, query_x, query_y


def _class_pools(
    bank: ImageBank, characters: np.ndarray, spec: EpisodeSpec, rotations: bool, split: str
) -> list[np.ndarray]:
    """Return sets of classes, int64 (classes, 2) as character and rotation.

    All classes of an episode come from one set: the whole split, or one alphabet.
    """
    turns = np.arange(N_ROTATIONS if rotations else 1)
    if spec.mode == "mixed":
        groups = [np.sort(characters)]
    else:
        alphabets = np.array([bank.alphabets[character] for character in characters])
        groups = [np.sort(characters[alphabets == alphabet]) for alphabet in sorted(set(alphabets.tolist()))]
    largest = max((len(group) for group in groups), default=0) * len(turns)
    if spec.n_way > largest:
        where = "its largest alphabet has" if spec.mode == "within_alphabet" else "it has"
        raise LeoBenchError(
            f"{split} split: n_way is {spec.n_way}, but {where} {largest} classes "
            f"({largest // len(turns)} characters x {len(turns)} rotations): lower n_way to at most {largest}"
        )
    pools = [np.stack([np.repeat(group, len(turns)), np.tile(turns, len(group))], axis=1) for group in groups]
    return [pool for pool in pools if len(pool) >= spec.n_way]


def _choose(uniforms: np.ndarray, n: int) -> np.ndarray:
    """Return n distinct indices along the last axis in random order: those of the n smallest uniforms."""
    return np.argsort(uniforms, axis=-1, kind="stable")[..., :n]


def _stack(drawn: list[tuple[np.ndarray, np.ndarray]], spec: EpisodeSpec) -> Episodes:
    n = len(drawn)
    classes = np.array([classes for classes, _ in drawn], dtype=np.int64).reshape(n, spec.n_way, 2)
    drawers = np.array([drawers for _, drawers in drawn], dtype=np.int64)
    drawers = drawers.reshape(n, spec.n_way, spec.k_shot + spec.n_query)
    return Episodes(np.ascontiguousarray(classes[..., 0]), np.ascontiguousarray(classes[..., 1]), drawers, spec)
