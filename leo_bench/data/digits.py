"""Digits: the handwritten digits that scikit-learn ships, only for tests under domain shift.

1,797 grey images of 8x8 pixels by 13 writers (E. Alpaydin and C. Kaynak 1998, "Optical Recognition of Handwritten
Digits", UCI repository, test set). Classes have 174 to 183 images; the first 174 of each are taken.
"""

import hashlib

import numpy as np

from leo_bench.data import DATASETS
from leo_bench.data.drawings import Drawings
from leo_bench.data.locate import DataSource

GREYS = 16
"""Pixel value of full ink in scikit-learn's images."""


def read(source: DataSource) -> Drawings:
    """Read all ten digits: uint8 (10, 174, 8, 8), ink 255 on paper 0. source is not used."""
    from sklearn.datasets import load_digits

    found = load_digits()
    n_drawings = DATASETS["digits"].n_drawings
    images = np.stack([found.images[found.target == digit][:n_drawings] for digit in range(10)])
    images = np.round(images * (255 / GREYS)).astype(np.uint8)
    return Drawings(
        images,
        alphabets=("digits",) * 10,
        characters=tuple(f"digits/{digit}" for digit in range(10)),
        background=(False,) * 10,
        digest=hashlib.sha256(images.tobytes()).hexdigest(),
    )


def fingerprint(source: DataSource) -> str:
    """Return a name of the drawings without reading them: the version of scikit-learn that ships them."""
    from importlib.metadata import version

    return f"digits-scikit-learn-{version('scikit-learn')}"
