"""Latent directions of a trained model: the data of the figure that shows how many there are and what they do."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np


@dataclass(frozen=True)
class LatentDirections:
    """The R latent directions along which the inner loop moves class codes most, and drawings that show their effect.

    A step along a direction changes the logit of the stepped class for each image; `lowered` and `raised` hold the
    drawings for which it changes most.
    """

    SHOWN: ClassVar[int] = 6
    """Drawings at either end of a direction."""

    run_key: str
    shares: np.ndarray
    """Share of the squared changes of the codes along each direction, float [R]."""
    lowered: np.ndarray
    """uint8 [R, SHOWN, H, W], ink 255, the most lowered logit first."""
    raised: np.ndarray
    """uint8 [R, SHOWN, H, W], the most raised logit first."""
    changes: np.ndarray
    """Share of the squared changes of the codes along each of all D directions, largest first, float [D]."""
    decoder: np.ndarray
    """Share of the squared derivative of the head's weights by a code, largest first, float [D]."""
