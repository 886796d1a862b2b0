"""Example episodes: the data that a page shows of one test episode."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Example:
    """One test episode answered by a trained model: N classes, K shots, Q queries per class, codes of length D."""

    which: str
    """"hardest", "median" or "easiest"."""
    index: int
    """Place among the run's fixed test episodes, from 0."""
    characters: list[str]
    """Names of the N classes, such as "Alphabet/character01"."""
    support: np.ndarray
    """Support images, uint8 [N, K, H, W], ink 255."""
    query: np.ndarray
    """Query images, uint8 [N, Q, H, W], ink 255."""
    steps: list[int]
    """Inner steps after which there are answers; 0 is before adaptation."""
    predicted: np.ndarray
    """Predicted class of each query, int64 [len(steps), N, Q]."""
    codes: np.ndarray | None
    """Class codes, float64 [inner steps + 1, N, D]; None for a learner without codes."""

    @property
    def right(self) -> np.ndarray:
        """Correctness of each answer, bool [len(steps), N, Q]."""
        return np.asarray(self.predicted == np.arange(len(self.characters))[:, None])

    @property
    def correct(self) -> np.ndarray:
        """Number of correct answers at each of steps, int64 [len(steps)]."""
        return np.asarray(self.right.sum((1, 2)))

    @property
    def names(self) -> list[str]:
        """Names of the classes in figures and tables: A, B, ..."""
        return [class_name(index) for index in range(len(self.characters))]

    @property
    def title(self) -> str:
        """Heading of the episode on the page."""
        return f"{self.which.capitalize()}: test episode {self.index}"

    def mistakes(self, index: int) -> dict[str, int]:
        """Return wrong answers for one class after adaptation: predicted class -> number of queries, most first."""
        counts = np.bincount(self.predicted[-1, index], minlength=len(self.names))
        order = np.argsort(-counts, kind="stable")
        return {self.names[other]: int(counts[other]) for other in order if counts[other] and other != index}


def class_name(index: int) -> str:
    """Return the name of a class by its index: A to Z, then A2 to Z2, and so on."""
    turn, letter = divmod(index, 26)
    return chr(ord("A") + letter) + (str(turn + 1) if turn else "")


@dataclass(frozen=True)
class Movement:
    """Euclidean distances that class codes move in S inner steps."""

    steps: np.ndarray
    """Length of each step, float64 [S, N]."""
    away: np.ndarray
    """Distance from the start after each step, float64 [S, N]."""
    apart: float
    """Mean distance between the codes of two classes before the first step."""


def movement(codes: np.ndarray) -> Movement:
    """Return the distances that codes move. codes: float64 [S + 1, N, D]."""
    first, second = np.triu_indices(codes.shape[1], 1)
    return Movement(
        np.linalg.norm(np.diff(codes, axis=0), axis=-1),
        np.linalg.norm(codes[1:] - codes[0], axis=-1),
        float(np.linalg.norm(codes[0, first] - codes[0, second], axis=-1).mean()),
    )
