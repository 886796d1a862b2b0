"""What the processor is fast at. It decides no setting: a study runs the same on every machine."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def bfloat16_is_fast(device: str = "cpu") -> bool:
    """Return True if this processor has instructions of its own for bfloat16 convolutions; every GPU in use has."""
    if device == "cuda":
        return True
    try:
        words = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return "avx512_bf16" in words or "amx_bf16" in words


def takes_bfloat16(values: Mapping[str, Any]) -> bool:
    """Return True if convolutions of these settings can be computed in bfloat16 (constraints.py)."""
    return values.get("generated") != "full"


def faster_precision(runs: Iterable[Mapping[str, Any]]) -> str:
    """Return a note that names --precision bfloat16 if it would be faster here for any of the runs; else nothing.

    runs: canonical settings.
    """
    slow = [run for run in runs if run["precision"] == "float32" and takes_bfloat16(run)]
    if any(bfloat16_is_fast(run["device"]) for run in slow):
        return "float32; this processor computes convolutions faster with --precision bfloat16, as runs of their own"
    return ""
