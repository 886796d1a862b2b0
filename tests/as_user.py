"""Processes that obey the permissions of files, as those of an ordinary user do, even if the tests run as root."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2  # of linux/prctl.h and linux/capability.h


def obey_permissions() -> None:
    """Give up root's right to write what its owner may not write. For the `preexec_fn` of a process."""
    if sys.platform == "linux" and os.geteuid() == 0:
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def python(*arguments: str, cwd: Path, **variables: str | None) -> "subprocess.CompletedProcess[str]":
    """Run Python in a folder, with this checkout to import from. variables: environment; None removes one."""
    known = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(
        [sys.executable, "-P", *arguments],
        cwd=cwd,
        env={name: value for name, value in known.items() if value is not None},
        capture_output=True,
        encoding="utf-8",
        preexec_fn=obey_permissions,
    )


def leo_bench(*arguments: str, cwd: Path, **variables: str | None) -> "subprocess.CompletedProcess[str]":
    """Run a command of leo-bench in a folder."""
    return python("-m", "leo_bench.commands.cli", *arguments, cwd=cwd, **variables)


def forbid_writing(folder: Path) -> None:
    """Take the right to write from everything in a folder. pytest gives it back when it removes the folder."""
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o555 if path.is_dir() else 0o444)
