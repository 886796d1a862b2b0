"""Parcel: files as bytes with a digest, for machines that share no disk."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from leo_bench.errors import LeoBenchError
from leo_bench.records import LOCK, TESTS, write_atomic


@dataclass(frozen=True)
class Parcel:
    """Files by their paths below a folder, as POSIX text."""

    files: Mapping[str, bytes]
    digest: str
    """SHA-256 over names and contents."""

    @property
    def is_whole(self) -> bool:
        """True if the files are those that were packed."""
        return self.digest == digest_of(self.files)


def digest_of(files: Mapping[str, bytes]) -> str:
    """Return SHA-256 over names and contents of files, whatever their order."""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{name}\0{len(files[name])}\0".encode())
        total.update(files[name])
    return total.hexdigest()


def pack(root: Path, paths: Iterable[Path]) -> Parcel:
    """Return the files at these paths below root, and those in folders at these paths.

    Paths that do not exist, locks and unfinished files are left out. Raises LeoBenchError for a link in a folder.
    """
    found = {}
    for path in paths:
        if path.is_dir():
            refuse_links(path)
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and not is_passing(file):
                found[file.relative_to(root).as_posix()] = file.read_bytes()
    return Parcel(found, digest_of(found))


def refuse_links(folder: Path) -> None:
    """Raise LeoBenchError if a folder has a symbolic link at any depth: what it points to may be any file."""
    for path in folder.rglob("*"):
        if path.is_symlink():
            raise LeoBenchError(
                f"{path} is a symbolic link, which is not followed; put the file or folder itself in its place"
            )


def unpack(parcel: Parcel, root: Path) -> None:
    """Write the files of a parcel below root, each atomically, and the records that say that work is done last.

    Raises LeoBenchError if the parcel is damaged, before anything is written.
    """
    check(parcel)
    for name in sorted(parcel.files, key=lambda name: (finality(name), name)):
        write_atomic(root / name, parcel.files[name])


def check(parcel: Parcel) -> None:
    """Raise LeoBenchError if a parcel is damaged or has a file outside its folder."""
    if not parcel.is_whole:
        raise LeoBenchError("files came back damaged: their content does not have the digest that they were sent with")
    wrong = [name for name in parcel.files if Path(name).is_absolute() or ".." in Path(name).parts]
    if wrong:
        raise LeoBenchError(f"a parcel names a file outside its folder: {wrong[0]}")


def replace_folder(parcel: Parcel, root: Path, folder: Path) -> None:
    """Make a folder of a run below root equal to what a parcel has of it, in the order of `unpack`.

    The caller holds the lock of the run, which stays. Files that the parcel lacks are removed at the end.
    """
    unpack(parcel, root)
    for file in folder.rglob("*"):
        if file.is_file() and not is_passing(file) and file.relative_to(root).as_posix() not in parcel.files:
            file.unlink()


def finality(name: str) -> int:
    """Return the place of a file of a run in the order of writing: other files, records of tests, of the training."""
    parts = Path(name).parts
    if parts[-1] != "result.json" or any(part.startswith("attempt-") for part in parts):
        return 0
    return 1 if TESTS in parts else 2


def is_passing(file: Path) -> bool:
    """Return True if a file is a lock, or one that is still being written."""
    return file.name == LOCK or (file.name.startswith(".") and file.name.endswith(".tmp"))
