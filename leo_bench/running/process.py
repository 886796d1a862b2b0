"""Set-up of a process that computes: threads, determinism, memory."""

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
    """Set threads and determinism, and return the device. Raises LeoBenchError if the device is missing."""
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise LeoBenchError("device is cuda, but torch finds no CUDA device; use --device cpu, or repair the driver")
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
    """Make glibc keep freed memory instead of returning it to the system. Other C libraries are left alone.

    Every training step needs large tensors of the same sizes again, and fresh memory pages are slow (docs/speed.md).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, -1)


def peak_memory_mb(device: torch.device) -> float:
    """Return the peak memory of this process, MiB: allocated on the GPU if the device is one, else resident."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def host(device: torch.device) -> dict[str, str]:
    """Return the description of the machine, with the GPU if the device is one."""
    return provenance.host() | ({"gpu": torch.cuda.get_device_name()} if device.type == "cuda" else {})


def is_lack_of_memory(error: BaseException) -> bool:
    """Return True if an error means that main memory or GPU memory ran out."""
    kinds = (MemoryError, torch.OutOfMemoryError)
    return isinstance(error, kinds) or "DefaultCPUAllocator: can't allocate memory" in str(error)
