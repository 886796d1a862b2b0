"""Reports made again from the records, and compared with the files that are there, byte for byte."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from leo_bench.report.pages import OFFICIAL

NOT_COMMITTED = (".html", ".svg")
"""Endings of the files of a published report that are made from what is committed, and may be there or not."""


def regenerated(name: str, reports: Path, write: Callable[[Path], object]) -> tuple[int, list[str]]:
    """Make a report again in a temporary folder. Returns the number of files that were compared, and a line for each
    file that differs, is missing, or is no longer made.

    name: its folder below `reports`. write: writes the report into a folder. Raises LeoBenchError if it cannot be made.
    """
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary) / name  # a report below official/ has other files, so the name is kept
        write(made)
        new, old = _files(made), _files(reports / name)
    optional = {file for file in {*new, *old} if name.startswith(f"{OFFICIAL}/") and file.endswith(NOT_COMMITTED)}
    common = sorted(new.keys() & old.keys())
    differing = [f"{file} differs" for file in common if new[file] != old[file]]
    missing = [f"{file} is missing" for file in sorted(new.keys() - old.keys() - optional)]
    left = [f"{file} is no longer made" for file in sorted(old.keys() - new.keys() - optional)]
    return len(common), [*differing, *missing, *left]


def _files(folder: Path) -> dict[str, bytes]:
    """Return path in the folder -> content, for all files in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
