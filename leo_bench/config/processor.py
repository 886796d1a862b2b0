"""Speed of bfloat16 on this processor. It decides no setting: a study runs the same on every machine."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from leo_bench.learners import LEARNERS


def bfloat16_is_fast(device: str = "cpu") -> bool:
    """Return True if the device has instructions for bfloat16 convolutions. Every GPU counts as having them."""
    if device == "cuda":
        return True
    try:
        words = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return False
    return "avx512_bf16" in words or "amx_bf16" in words


def takes_bfloat16(values: Mapping[str, Any]) -> bool:
    """Return True if these settings, all of a run, allow convolutions in bfloat16 (constraints.py)."""
    return values["generated"] != "full" and LEARNERS[values["learner"]].adapted != "cnn"


def faster_precision(runs: Iterable[Mapping[str, Any]]) -> str:
    """Return a note if --precision bfloat16 may be faster here for any of the runs; else an empty text.

    runs: canonical settings.
    """
    slow = [run for run in runs if run["precision"] == "float32" and takes_bfloat16(run)]
    if any(bfloat16_is_fast(run["device"]) for run in slow):
        return (
            "float32; --precision bfloat16 may be faster on this processor; it makes separate runs with other numbers"
        )
    return ""
