"""Provenance of a record: time, commit, host, versions. No torch, no network, no remote addresses."""

import importlib.metadata
import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]

COMMIT, EXECUTOR = "LEO_BENCH_COMMIT", "LEO_BENCH_EXECUTOR"
"""Environment variables of a process on another machine: the commit of the source that was sent there, and the engine
that placed the process, with its version."""

VERSIONS = (
    *("torch", "torchvision", "numpy", "numba", "llvmlite", "scipy", "scikit-learn", "pandas", "sacred", "pydantic"),
)


INSTRUCTIONS = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX", "sve": "SVE", "asimd": "NEON"}
"""Vector instructions that a processor can have, widest first: flag in /proc/cpuinfo -> name."""


def now() -> str:
    """Return the current time, UTC, in whole seconds, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def commit() -> str:
    """Return the short commit of the checkout, with "+changes" if tracked files differ, as at the first call.

    If this source is no checkout of its own, because the package lies outside git, or inside a repository of another
    project, or git does not track it: the commit in LEO_BENCH_COMMIT, else "unknown".
    """
    return _commit_of(PACKAGE) or os.environ.get(COMMIT, "unknown")


@cache  # asked for by every record; files that change later are not what this process has loaded
def _commit_of(package: Path) -> str:
    try:
        if Path(_git(package, "rev-parse", "--show-toplevel")).resolve() != package.parent:
            return ""
        _git(package, "ls-files", "--error-unmatch", f"{package.name}/__init__.py")
        head = _git(package, "rev-parse", "--short=12", "HEAD")
        return head + ("+changes" if _git(package, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, ValueError, subprocess.CalledProcessError):
        return ""


def git(folder: Path, *arguments: str) -> bytes:
    """Return what git prints in a folder. Variables such as GIT_DIR, which a git hook sets, are left out.

    Raises FileNotFoundError if there is no git or no folder, and subprocess.CalledProcessError if git fails.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, env=own).stdout


def _git(package: Path, *arguments: str) -> str:
    return git(package.parent, *arguments).decode().strip()


def host() -> dict[str, str]:
    """Return system, processor, its vector instructions, cores and memory of the machine, but no name and no address.

    Processors of several generations can share a name and round otherwise, because sums are as wide as the vectors
    allow. Where the system does not name the instructions, they are left out. The engine that placed the process is
    named too, unless the process was started on the user's own machine.
    """
    engine = {"executor": os.environ[EXECUTOR]} if EXECUTOR in os.environ else {}
    facts = _cpuinfo()
    flags = (facts.get("flags") or facts.get("Features") or "").split()
    widest = next((name for flag, name in INSTRUCTIONS.items() if flag in flags), None)
    instructions = {"instructions": widest} if widest else {}
    return engine | {
        "system": platform.platform(terse=True),
        "processor": facts.get("model name") or platform.processor() or platform.machine(),
        **instructions,
        "cores": str(os.cpu_count()),
        "memory_gb": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f}"
        if hasattr(os, "sysconf")
        else "unknown",
    }


def _cpuinfo() -> dict[str, str]:
    """Return what /proc/cpuinfo says of the first processor; nothing on a system without this file."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.split("\n\n", 1)[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that can change a number."""
    return dict(_versions())


@cache
def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in VERSIONS}}
