"""What a page shows of one test episode, and what follows from it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Example:
    """One test episode, answered by a trained model. N classes, K shots, Q queries each, D numbers in a code."""

    which: str
    """"hardest", "median" or "easiest"."""
    index: int
    """Place among the run's fixed test episodes, from 0."""
    characters: list[str]
    """Of the N classes, "Alphabet/character01"."""
    support: np.ndarray
    """uint8 [N, K, H, W], ink 255."""
    query: np.ndarray
    """uint8 [N, Q, H, W]."""
    steps: list[int]
    """Inner steps after which there are answers; 0 is before adaptation."""
    predicted: np.ndarray
    """int64 [len(steps), N, Q], the class each query was taken for."""
    codes: np.ndarray | None
    """float64 [inner steps + 1, N, D]; None for a learner without codes."""

    @property
    def right(self) -> np.ndarray:
        """Whether each answer is right, bool [len(steps), N, Q]."""
        return np.asarray(self.predicted == np.arange(len(self.characters))[:, None])

    @property
    def correct(self) -> np.ndarray:
        """Correct answers after each of steps, int64 [len(steps)]."""
        return np.asarray(self.right.sum((1, 2)))

    @property
    def names(self) -> list[str]:
        """What figures and tables call the classes: A, B, ..."""
        return [class_name(index) for index in range(len(self.characters))]

    @property
    def title(self) -> str:
        return f"{self.which.capitalize()}: test episode {self.index}"

    def mistakes(self, index: int) -> dict[str, int]:
        """Names of the other classes that a class's queries were taken for after adaptation -> how many, most first."""
        counts = np.bincount(self.predicted[-1, index], minlength=len(self.names))
        order = np.argsort(-counts, kind="stable")
        return {self.names[other]: int(counts[other]) for other in order if counts[other] and other != index}


def class_name(index: int) -> str:
    """A to Z, then A2 to Z2, and so on."""
    turn, letter = divmod(index, 26)
    return chr(ord("A") + letter) + (str(turn + 1) if turn else "")


@dataclass(frozen=True)
class Movement:
    """How far class codes go, as Euclidean lengths in the codes' own units; S inner steps."""

    steps: np.ndarray
    """Length of each step, float64 [S, N]."""
    away: np.ndarray
    """Distance from the start after each step, float64 [S, N]."""
    apart: float
    """Mean distance between two classes' codes at the start."""


def movement(codes: np.ndarray) -> Movement:
    """codes: float64 [S + 1, N, D]."""
    first, second = np.triu_indices(codes.shape[1], 1)
    return Movement(
        np.linalg.norm(np.diff(codes, axis=0), axis=-1),
        np.linalg.norm(codes[1:] - codes[0], axis=-1),
        float(np.linalg.norm(codes[0, first] - codes[0, second], axis=-1).mean()),
    )
