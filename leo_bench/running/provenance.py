"""Provenance of a record: time, commit, host, versions. No torch, no network, no remote addresses."""

import importlib.metadata
import os
import platform
import subprocess
from datetime import UTC, datetime
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
    """Return the short commit of the checkout, with "+changes" if tracked files differ.

    If this source is no checkout of its own, because the package lies outside git, or inside a repository of another
    project, or git does not track it: the commit in LEO_BENCH_COMMIT, else "unknown".
    """
    unknown = os.environ.get(COMMIT, "unknown")
    try:
        if Path(_git("rev-parse", "--show-toplevel")).resolve() != PACKAGE.parent:
            return unknown
        _git("ls-files", "--error-unmatch", f"{PACKAGE.name}/__init__.py")
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("+changes" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, ValueError, subprocess.CalledProcessError):
        return unknown


def git(folder: Path, *arguments: str) -> bytes:
    """Return what git prints in a folder. Variables such as GIT_DIR, which a git hook sets, are left out.

    Raises FileNotFoundError if there is no git or no folder, and subprocess.CalledProcessError if git fails.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, env=own).stdout


def _git(*arguments: str) -> str:
    return git(PACKAGE.parent, *arguments).decode().strip()


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
    found = {"python": platform.python_version()}
    for name in VERSIONS:
        found[name] = importlib.metadata.version(name)
    return found
