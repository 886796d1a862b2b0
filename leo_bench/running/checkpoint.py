"""Trained weights on disk."""

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from leo_bench.config import Settings, TestSettings
from leo_bench.errors import LeoBenchError
from leo_bench.learners.base import Learner
from leo_bench.learners.factory import build
from leo_bench.learners.heads_at_test import TEST_HEADS
from leo_bench.records import write_atomic

CHECKPOINT = "checkpoint.safetensors"
INNER_LOOP = ("inner_steps", "inner_lr", "inner_temperature")
"""Settings of the inner loop that a test can change."""


def weights_of(learner: Learner) -> dict[str, torch.Tensor]:
    """Return the state dict of a learner, on the CPU."""
    return {name: tensor.detach().cpu().contiguous() for name, tensor in learner.state_dict().items()}


def weights_digest(weights: dict[str, torch.Tensor]) -> str:
    """Return SHA-256 over names, shapes and bytes of all tensors. Only bit-identical models have equal digests."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        array = weights[name].numpy()
        digest.update(f"{name}\0{array.dtype}\0{array.shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def save_weights(folder: Path, weights: dict[str, torch.Tensor]) -> None:
    """Write the checkpoint of a run. A learner without weights has none."""
    if weights:
        write_atomic(folder / CHECKPOINT, save(weights))


def load_weights(folder: Path, digest: str) -> dict[str, torch.Tensor]:
    """Read the checkpoint of a run. Raises LeoBenchError if it is damaged or does not have the recorded digest."""
    path = folder / CHECKPOINT
    try:
        weights = load_file(path) if path.exists() else {}
    except (OSError, SafetensorError) as error:
        raise LeoBenchError(f"{path} is damaged ({str(error).splitlines()[0]}); remove it and run again") from None
    if weights_digest(weights) != digest:
        raise LeoBenchError(f"{path} does not hold the weights that result.json records; remove it and run again")
    return weights


def trained_learner(settings: Settings, weights: dict[str, torch.Tensor], test: TestSettings | None = None) -> Learner:
    """Return the learner with these weights, in eval mode on the device of the run.

    test: names the classifier, one of TEST_HEADS or the learner's own, and its inner loop; None: as trained. Raises
    LeoBenchError if the weights do not fit the settings.
    """
    if test is not None and test.head is not None:
        of_head = {
            "test_inner_steps": test.inner_steps,
            "test_inner_lr": test.inner_lr,
            "test_head_c": test.head_c,
        }
        return TEST_HEADS[test.head](trained_learner(settings, weights), settings.model_copy(update=of_head)).eval()
    changed = {} if test is None else {name: getattr(test, name) for name in INNER_LOOP}
    at_test = settings.model_copy(update={name: value for name, value in changed.items() if value is not None})
    learner = build(at_test)
    known = learner.state_dict()
    try:
        # with inner_steps 0 the learner has no step sizes, but the checkpoint may
        learner.load_state_dict(
            {name: tensor for name, tensor in weights.items() if name in known or at_test.inner_steps}
        )
    except RuntimeError as error:
        raise LeoBenchError(
            f"the weights of run {settings.run_key} do not fit this source ({str(error).splitlines()[0]}); "
            "use the version of leo_bench that trained it, or train it again"
        ) from None
    return learner.to(settings.device).eval()
