"""Output files and folders that a command line names, checked before any work: what cannot be written fails at once."""

import argparse
import os
from pathlib import Path

from leo_bench.errors import LeoBenchError

FILES = {"csv": "answers.csv", "picture": "answers.png", "figure": "directions.png", "emit_preset": "found.toml"}
"""Options that name an output file -> a name that would do."""
FOLDERS = ("sheets", "out", "models")
"""Options that name an output folder, which is made if it is missing."""
STORES = ("results", "reports")
"""Options that name a folder which a command may only read."""


def check_outputs(options: argparse.Namespace) -> None:
    """Raise LeoBenchError if an output cannot be written where the options say, or is a file of another kind."""
    for name in (*FILES, *FOLDERS, *STORES):
        path = getattr(options, name, None)
        if not isinstance(path, Path):
            continue
        option = f"--{name.replace('_', '-')}"
        if name in FILES:
            _check_file(option, path, FILES[name])
        else:
            _check_folder(option, path, is_written=name in FOLDERS)


def _check_file(option: str, path: Path, example: str) -> None:
    """Raise LeoBenchError if no file can be written at a path."""
    if path.is_dir():
        raise LeoBenchError(f"{option} {path} is a folder: expected a file; name a file, such as {path / example}")
    ending = Path(example).suffix
    if path.suffix.lower() != ending:
        raise LeoBenchError(f"{option} {path}: expected a file that ends with {ending}, such as {example}")
    _check_folder(option, path.parent, is_written=True)


def _check_folder(option: str, folder: Path, is_written: bool) -> None:
    """Raise LeoBenchError if a folder is none, or is missing and cannot be made, or cannot be written though it is."""
    found = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if found == folder and not found.is_dir():
        raise LeoBenchError(f"{option}: {folder} is a file, expected a folder; name another one")
    if not found.is_dir():
        raise LeoBenchError(f"{option}: cannot make the folder {folder}, since {found} is a file; name another one")
    if is_written and not os.access(found, os.W_OK | os.X_OK):
        raise LeoBenchError(f"{option}: {found} cannot be written; name another place, or change its permissions")
