"""This process: threads, determinism, memory."""

import ctypes
import os
import resource
import sys

import torch

from leo_bench.config import Settings
from leo_bench.errors import LeoBenchError
from leo_bench.running import provenance

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h


def prepare(settings: Settings) -> torch.device:
    """Set threads and determinism, and return the device. Raises LeoBenchError if the device is not there."""
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise LeoBenchError("device is cuda, but torch sees no CUDA device; use device cpu, or mend the driver")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts
    keep_memory()
    torch.set_num_threads(settings.threads)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # nothing reads it
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    return torch.device(settings.device)


def keep_memory() -> None:
    """Have the C library keep freed memory instead of returning it to the system, if it can (glibc).

    Every step needs the same large tensors again, and fetching fresh pages for them takes longer than normalising
    them (docs/speed.md).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, -1)


def peak_memory_mb(device: torch.device) -> float:
    """Return the largest memory that this process has held, MiB: of the GPU if it ran there, else resident in main
    memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def host(device: torch.device) -> dict[str, str]:
    """Return the machine in words, with its GPU if that computes."""
    return provenance.host() | ({"gpu": torch.cuda.get_device_name()} if device.type == "cuda" else {})


def is_lack_of_memory(error: BaseException) -> bool:
    """Return True if an error is Python's, a GPU's, or torch's own for main memory that ran out."""
    kinds = (MemoryError, torch.OutOfMemoryError)
    return isinstance(error, kinds) or "DefaultCPUAllocator: can't allocate memory" in str(error)
