"""Trained weights on disk."""

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from leo_bench.config import Settings
from leo_bench.errors import LeoBenchError
from leo_bench.learners.base import Learner
from leo_bench.learners.factory import build
from leo_bench.learners.heads_at_test import TEST_HEADS
from leo_bench.records import write_atomic

CHECKPOINT = "checkpoint.safetensors"


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


def trained_learner(
    settings: Settings,
    weights: dict[str, torch.Tensor],
    inner_steps: int | None = None,
    inner_lr: float | None = None,
    head: str | None = None,
    head_c: float | None = None,
) -> Learner:
    """Return the learner with these weights, in eval mode on the device of the run.

    inner_steps, inner_lr: inner loop at test; as trained if None. head: name in TEST_HEADS of the classifier that
    answers on the learner's features, with these inner_steps, inner_lr and head_c; the learner's own if None. Raises
    LeoBenchError if the weights do not fit the settings.
    """
    if head is not None:
        of_head = {"test_inner_steps": inner_steps, "test_inner_lr": inner_lr, "test_head_c": head_c}
        return TEST_HEADS[head](trained_learner(settings, weights), settings.model_copy(update=of_head)).eval()
    changed = {"inner_steps": inner_steps, "inner_lr": inner_lr}
    at_test = settings.model_copy(update={name: value for name, value in changed.items() if value is not None})
    learner = build(at_test)
    known = learner.state_dict()
    try:
        # with inner_steps 0 the learner has no step sizes, but the checkpoint may
        learner.load_state_dict({name: tensor for name, tensor in weights.items() if name in known or inner_steps != 0})
    except RuntimeError as error:
        raise LeoBenchError(
            f"the weights of run {settings.run_key} do not fit this source ({str(error).splitlines()[0]}); "
            "use the version of leo_bench that trained it, or train it again"
        ) from None
    return learner.to(settings.device).eval()
