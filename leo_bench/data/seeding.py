"""Named streams of random numbers, all derived from one root seed.

The names say on what a draw depends: a stream named after the data set, the split and the index of the episode gives
the same episode to every variant, learner and seed. No module draws from a global generator.
"""

import hashlib

import numpy as np

EPISODE_ROOT = 20181
"""Root of the streams that draw validation and test episodes. It is fixed and independent of the seed of a run."""


def derive_seed(root: int, *names: object) -> int:
    """Return the seed of a named stream, in [0, 2**63). The same names give the same seed on every machine."""
    digest = hashlib.sha256("/".join(map(str, (root, *names))).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def stream(root: int, *names: object) -> np.random.Generator:
    """Return the numpy generator of a named stream."""
    return np.random.Generator(np.random.PCG64(derive_seed(root, *names)))
