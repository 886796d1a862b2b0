"""Devices of this machine."""

import torch

from leo_bench.errors import LeoBenchError


def check_device(device: str) -> None:
    """Raise LeoBenchError if a run here could not compute on a device."""
    if device == "cuda" and not torch.cuda.is_available():
        raise LeoBenchError("device is cuda, but torch finds no CUDA device; use --device cpu, or repair the driver")
