"""Paths as people type them."""

from pathlib import Path

from leo_bench.errors import LeoBenchError


def as_typed(text: str | Path) -> Path:
    """Return a path that a user typed, with ~ and ~name replaced by the home folder.

    A shell replaces ~ only at the start of a word, so that `--results=~/res` reaches a program as it stands. Raises
    LeoBenchError for an empty path and for the home of an unknown user.
    """
    if not str(text):
        raise LeoBenchError("the path is empty; name a file or folder, or leave the option out")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise LeoBenchError(f"{text}: there is no such user, or no home folder; write the whole path") from None
