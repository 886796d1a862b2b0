"""Where a number comes from: digest of the source, commit, host, versions. No torch, no network, no remote
addresses."""

import ast
import hashlib
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

PACKAGE = Path(__file__).parent

NUMERICS = (
    "seeding.py",
    "inner_loop.py",
    "train.py",
    "optimising.py",
    "replay.py",
    "evaluate.py",
    "data/bank.py",
    "data/splits.py",
    "data/splits/*.txt",
    "data/episodes.py",
    "data/augment.py",
    "models/*.py",
    "learners/*.py",
)
"""What decides a number, given the settings and the drawings (whose own content digest stands in every record)."""

VERSIONS = ("torch", "torchvision", "numpy", "numba", "llvmlite", "scipy", "pandas", "sacred", "pydantic")


def numerics_digest() -> str:
    """12 hexadecimal digits of SHA-256 over the parsed source of NUMERICS; comments and docstrings do not count."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in NUMERICS for path in PACKAGE.glob(pattern)):
        text = _bare(path.read_text()) if path.suffix == ".py" else path.read_text()
        digest.update(f"{path.relative_to(PACKAGE).as_posix()}\0{text}\0".encode())
    return digest.hexdigest()[:12]


def _bare(source: str) -> str:
    """The source without comments, layout, docstrings and other bare strings; unparsed, since dumps differ between
    Python versions."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [  # type: ignore[attr-defined]
                statement
                for statement in body
                if not (
                    isinstance(statement, ast.Expr)
                    and isinstance(statement.value, ast.Constant)
                    and isinstance(statement.value.value, str)
                )
            ]
    return ast.unparse(tree)


def commit() -> str:
    """Short commit of the checkout, with "+changes" when files differ from it; "unknown" outside a checkout."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("+changes" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=PACKAGE, check=True, capture_output=True, text=True).stdout.strip()


def host() -> dict[str, str]:
    """The machine in words: system, processor, cores, memory. No name and no address."""
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
    """Python and the packages that can change a number."""
    found = {"python": platform.python_version()}
    for name in VERSIONS:
        found[name] = importlib.metadata.version(name)
    return found
