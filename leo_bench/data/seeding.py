"""Named streams of random numbers, all derived from one root seed.

The names say what may change a draw: a stream named after the data set, the split and the episode's index gives the
same episode to every variant, learner and seed. No module draws from a global generator.
"""

import hashlib

import numpy as np

EPISODE_ROOT = 20181
"""Root of the streams that draw validation and test episodes: fixed, never a run's seed."""


def derive_seed(root: int, *names: object) -> int:
    """Seed of one named stream, in [0, 2**63): the same names give the same seed on every machine."""
    digest = hashlib.sha256("/".join(map(str, (root, *names))).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def stream(root: int, *names: object) -> np.random.Generator:
    """Numpy generator of the stream called names under root."""
    return np.random.Generator(np.random.PCG64(derive_seed(root, *names)))
