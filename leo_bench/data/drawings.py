"""Result of reading a data set: every drawing at its original size, with names and digest."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Drawings:
    """Every drawing of a data set at its original size. C classes (characters), D drawings of each, side S."""

    images: np.ndarray
    """uint8 (C, D, S, S), ink 255 on paper 0."""
    alphabets: tuple[str, ...]
    """Alphabet of each character."""
    characters: tuple[str, ...]
    """Name of each character, "Alphabet/character01"."""
    background: tuple[bool, ...]
    """True for each character of the background set."""
    digest: str
    """SHA-256 of the content."""
