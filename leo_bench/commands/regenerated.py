"""Reports made again from the records, and compared with the files that are there, byte for byte."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from leo_bench.report.pages import OFFICIAL

NOT_COMMITTED = (".html", ".svg")
"""Endings of the files of a published report that are made from what is committed, and may be there or not."""


@dataclass(frozen=True)
class Regenerated:
    """Comparison of a report with the same report made again."""

    name: str
    """Folder of the report below reports/."""
    n_files: int
    """Files that were compared."""
    differences: list[str]
    """One line for each file that differs, is missing, or is no longer made."""


def regenerated(name: str, reports: Path, write: Callable[[Path], object]) -> Regenerated:
    """Make a report again in a temporary folder and compare it.

    name: its folder below `reports`. write: writes the report into a folder. Raises LeoBenchError if it cannot be made.
    """
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary) / name  # a report below official/ has other files, so the name is kept
        write(made)
        return compared(name, made, reports / name)


def compared(name: str, made: Path, kept: Path) -> Regenerated:
    """Compare a report that was made again with the one that is kept."""
    new, old = _files(made), _files(kept)
    optional = {file for file in {*new, *old} if name.startswith(f"{OFFICIAL}/") and file.endswith(NOT_COMMITTED)}
    common = sorted(new.keys() & old.keys())
    differing = [f"{file} differs" for file in common if new[file].read_bytes() != old[file].read_bytes()]
    missing = [f"{file} is missing" for file in sorted(new.keys() - old.keys() - optional)]
    left = [f"{file} is no longer made" for file in sorted(old.keys() - new.keys() - optional)]
    return Regenerated(name, len(common), [*differing, *missing, *left])


def _files(folder: Path) -> dict[str, Path]:
    """Return path in the folder -> file, for all files in it."""
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
