"""Test episodes on which trained models are measured: the same for every variant, learner and seed."""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from leo_bench.data.bank import ImageBank
from leo_bench.data.episodes import Episodes, EpisodeSpec, fixed_episodes
from leo_bench.errors import LeoBenchError

N_EPISODES = 200


@dataclass(frozen=True)
class MeasuredEpisodes:
    """Episodes with mixed alphabets, then episodes within one alphabet each."""

    episodes: Episodes
    n_within_alphabet: int
    digest: str

    @property
    def partners(self) -> Tensor:
        """For each episode the index of another one, int64 [E]; neither has the other's class 0."""
        return partners_of(self.episodes.characters)


def measured_episodes(
    bank: ImageBank, class_split: str, n_way: int, k_shot: int, n_query: int, n: int = N_EPISODES
) -> MeasuredEpisodes:
    """Return the first test episodes: half with mixed alphabets, half within one alphabet.

    All have mixed alphabets if no alphabet of the split has n_way characters. Raises LeoBenchError if the split is too
    small.
    """

    def some(mode: str, count: int) -> Episodes:
        return fixed_episodes(bank, class_split, "test", EpisodeSpec(n_way, k_shot, n_query, mode), count)

    mixed = some("mixed", n)
    try:
        within = some("within_alphabet", n // 2)
    except LeoBenchError:
        return MeasuredEpisodes(mixed, 0, mixed.digest())
    mixed = mixed[: n - len(within)]
    names = ("characters", "rotations", "drawers")
    characters, rotations, drawers = (np.concatenate([getattr(mixed, name), getattr(within, name)]) for name in names)
    digest = hashlib.sha256((mixed.digest() + within.digest()).encode()).hexdigest()
    return MeasuredEpisodes(Episodes(characters, rotations, drawers, mixed.spec), len(within), digest)


def partners_of(characters: np.ndarray) -> Tensor:
    """Return the partner of each episode: the next one such that neither has the character of the other's class 0.

    characters: int64 [E, N]. Returns int64 [E]. Raises LeoBenchError if an episode has none.
    """
    found = []
    for index, own in enumerate(characters):
        for step in range(1, len(characters)):
            other = (index + step) % len(characters)
            if own[0] not in characters[other] and characters[other][0] not in own:
                found.append(other)
                break
        else:
            raise LeoBenchError(
                f"test episode {index} shares its first class with every other one; measure on more episodes or classes"
            )
    return torch.tensor(found)


def with_class_of(own: Tensor, other: Tensor, n_way: int, k_shot: int) -> Tensor:
    """Return the support sets of other episodes, with class 0 of each own episode in the place of their class 0.

    own, other: [E, V * N * K, ...] in V versions of all N * K images, classes in order within a version.
    """
    mine, theirs = (part.unflatten(1, (-1, n_way, k_shot)) for part in (own, other))
    return torch.cat([mine[:, :, :1], theirs[:, :, 1:]], dim=2).flatten(1, 3)
