"""Place for the machine code that numba keeps. Light: imports neither torch nor numba."""

import atexit
import os
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"
"""Environment variable that numba reads when it is imported. Processes that are started inherit it."""


def find_place_for_compiled_code() -> None:
    """Give numba a temporary folder if it can write neither beside the source nor into the user's cache.

    Without a place that can be written, numba raises RuntimeError. A notice on stderr says what the temporary folder
    costs. It has a name that nobody can foresee, since numba executes what lies there, and is removed at the end.
    """
    if VARIABLE in os.environ:
        return
    usual = (Path(__file__).parent / "__pycache__", user_cache() / "numba")
    if any(map(can_be_written, usual)):
        return
    folder = Path(tempfile.gettempdir()) / f"leo_bench-compiled-{secrets.token_hex(8)}"
    os.environ[VARIABLE] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    print(
        f"NOTICE: compiled code cannot be kept, since neither {usual[0]} nor {usual[1]} can be written: every call "
        f"compiles it again, which takes some seconds. To keep it, set {VARIABLE} to a folder of your own.",
        file=sys.stderr,
    )


def user_cache() -> Path:
    """Return the user's cache folder, as numba finds it."""
    if os.environ.get("XDG_CACHE_HOME"):
        return Path(os.environ["XDG_CACHE_HOME"])
    if sys.platform == "darwin":
        return Path("~/Library/Caches").expanduser()
    return Path(os.path.expanduser("~/.cache"))  # noqa: PTH111 - Path raises for a user without a home


def can_be_written(folder: Path) -> bool:
    """Return True if the folder, or the nearest above it that exists, can be written."""
    try:
        there = next((place for place in (folder, *folder.parents) if place.exists()), None)
    except OSError:
        return False
    return there is not None and there.is_dir() and os.access(there, os.W_OK | os.X_OK)
