"""Provenance of a record: time, commit, host, versions. No torch, no network, no remote addresses."""

import importlib.metadata
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]

VERSIONS = (
    *("torch", "torchvision", "numpy", "numba", "llvmlite", "scipy", "scikit-learn", "pandas", "sacred", "pydantic"),
)


def now() -> str:
    """Return the current time, UTC, in whole seconds, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def commit() -> str:
    """Return the short commit of the checkout, with "+changes" if tracked files differ; "unknown" if there is none."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("+changes" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=PACKAGE, check=True, capture_output=True, text=True).stdout.strip()


def host() -> dict[str, str]:
    """Return system, processor, cores and memory of the machine, but no name and no address."""
    return {
        "system": platform.platform(terse=True),
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory_gb": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f}"
        if hasattr(os, "sysconf")
        else "unknown",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that can change a number."""
    found = {"python": platform.python_version()}
    for name in VERSIONS:
        found[name] = importlib.metadata.version(name)
    return found
