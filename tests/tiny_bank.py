"""A tiny bank of drawings that a learner can tell apart, for tests of training and evaluation."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from leo_bench.data.bank import ImageBank
from leo_bench.data.locate import DataSource
from leo_bench.data.seeding import stream
from leo_bench.data.splits import lake_validation_alphabets
from leo_bench.running import training_run


def tiny_bank(image_size: int = 16, noise: float = 0.2, per_alphabet: int = 6) -> ImageBank:
    """Each character is coarse random blots, each drawing of it a noisy copy; 12 alphabets, 5 of them for validation.

    noise: fraction of pixels that a drawing draws anew.
    """
    alphabets = (
        [f"Train{i}" for i in range(4)] + list(lake_validation_alphabets("glyphs")) + [f"Test{i}" for i in range(3)]
    )
    rng = stream(0, "tiny bank")
    n = len(alphabets) * per_alphabet
    coarse = rng.random((n, 1, image_size // 4, image_size // 4)) < 0.5
    clean = coarse.repeat(4, axis=2).repeat(4, axis=3).repeat(20, axis=1)
    changed = rng.random(clean.shape) < noise
    images = np.where(changed, rng.random(clean.shape), clean)
    names = [alphabet for alphabet in alphabets for _ in range(per_alphabet)]
    return ImageBank(
        "glyphs",
        "tiny",
        torch.from_numpy((images * 255).astype(np.uint8)),
        tuple(names),
        tuple(f"{name}/character{i % per_alphabet + 1:02}" for i, name in enumerate(names)),
        tuple(not name.startswith("Test") for name in names),
    )


@contextmanager
def runs_on(bank: ImageBank) -> Iterator[None]:
    """Give every run this bank. Afterwards restore threads and determinism, which a run sets for its process."""
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_run, "locate", lambda dataset, folder: DataSource(dataset, "drawn", None))
        patch.setattr(training_run, "load_images", lambda source, image_size: bank)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(False)
            torch.set_num_threads(threads)
