"""Reading Omniglot from zips or folders, with a check of every file.

C characters, 20 drawers, each drawing 105x105, ink 255 on paper 0 (the files hold ink 0 on paper 255).
"""

import hashlib
import io
import lzma
import os
import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from leo_bench.data.drawings import Drawings
from leo_bench.data.locate import SETS, DataSource
from leo_bench.errors import LeoBenchError

N_DRAWERS = 20
SIDE = 105
MOST_BYTES = 100_000
"""Most bytes of a file in a zip: a hundred times those of the largest drawing."""
DAMAGED = (OSError, EOFError, ValueError, RuntimeError, struct.error, zipfile.BadZipFile, zlib.error, lzma.LZMAError)
"""Errors of zipfile for a file that cannot be read or is no good zip, ValueError for names that are not UTF-8."""
KNOWN_DIGESTS = {
    "images_background": "07356096b8076fcf915341f8715e94822249e2a4d5b999fd2d0f6cf9ebffebd5",
    "images_evaluation": "f5165eb5f20d18e13c6515650b69a42a2c0507506969d410ba5e4a1c572bd542",
}
"""Content digests of the original files."""

_SPLITS = Path(__file__).parent / "splits"
_FILE_NAME = re.compile(r"(\d{4})_(\d{2})\.png")
_JUNK = {"__MACOSX", "Thumbs.db", "desktop.ini"}

Listing = dict[str, dict[str, int]]
"""set -> alphabet -> number of characters"""


def omniglot_listing() -> Listing:
    """Return the alphabets of Omniglot and their numbers of characters, 964 + 659 in all."""
    listing: Listing = {name: {} for name in SETS}
    for line in (_SPLITS / "omniglot_alphabets.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            set_name, alphabet, count = line.split()
            listing[set_name][alphabet] = int(count)
    return listing


def read(source: DataSource, listing: Listing | None = None) -> Drawings:
    """Read and check every file. Raises LeoBenchError that names the first missing, unreadable or unexpected file.

    Files with the right names and sizes but other content are accepted, with a notice on stderr. listing: expected
    alphabets and numbers of characters, by default those of Omniglot.
    """
    print(f"Reading Omniglot from {source.path} (once; it is cached) ...", file=sys.stderr)
    listing = omniglot_listing() if listing is None else listing
    names = [
        (set_name, alphabet, f"character{number:02}")
        for set_name in SETS
        for alphabet in sorted(listing[set_name])
        for number in range(1, listing[set_name][alphabet] + 1)
    ]
    images = np.empty((len(names), N_DRAWERS, SIDE, SIDE), dtype=np.uint8)
    digests = {}
    done = 0
    for set_name in SETS:
        expected = [f"{set_name}/{alphabet}/{character}" for s, alphabet, character in names if s == set_name]
        with open_set(source, set_name) as (paths, read):
            paths = _checked_paths(paths, expected, _place(source, set_name))
            digest = hashlib.sha256()
            for index, path in enumerate(paths):
                data = _read_bytes(read, path, _place(source, set_name))
                digest.update(path.encode() + b"\0" + hashlib.sha256(data).digest())
                character, drawer = divmod(index, N_DRAWERS)
                images[done + character, drawer] = _decode(data, path, _place(source, set_name))
        digests[set_name] = digest.hexdigest()
        done += len(expected)
    if listing == omniglot_listing():
        _compare_with_known(digests)
    return Drawings(
        images=images,
        alphabets=tuple(alphabet for _, alphabet, _ in names),
        characters=tuple(f"{alphabet}/{character}" for _, alphabet, character in names),
        background=tuple(set_name == SETS[0] for set_name, _, _ in names),
        digest=combine(digests),
    )


def combine(digests: dict[str, str]) -> str:
    """Return one digest of the digests of both sets."""
    return hashlib.sha256("".join(digests[name] for name in SETS).encode()).hexdigest()


def fingerprint(source: DataSource) -> str:
    """Return a digest of the path, size and modification time of every file, which changes if a file is touched."""
    assert source.path is not None
    if source.form == "zips":
        files = [source.path / f"{name}.zip" for name in SETS]
    else:
        files = [path for name in SETS for path in _walk(source.path / name)]
    digest = hashlib.sha256(str(source.path.resolve()).encode())
    for path in files:
        try:
            status = path.stat()
        except OSError as error:
            raise LeoBenchError(f"cannot read {path} ({error.strerror}): check the file and its permissions") from error
        digest.update(f"\n{path}\0{status.st_size}\0{status.st_mtime_ns}".encode())
    return digest.hexdigest()


@contextmanager
def open_set(source: DataSource, set_name: str) -> Iterator[tuple[list[str], Callable[[str], bytes]]]:
    """Yield the paths of a set's files ("images_background/Greek/...") and a function that reads one of them."""
    assert source.path is not None
    root = source.path
    if source.form != "zips":
        paths = [path.relative_to(root).as_posix() for path in _walk(root / set_name)]
        yield paths, lambda path: (root / path).read_bytes()
        return
    place = root / f"{set_name}.zip"
    try:
        archive = zipfile.ZipFile(place)
    except DAMAGED as error:
        raise LeoBenchError(f"{place} is not a readable zip ({error}): fetch it again") from error
    with archive:
        for entry in archive.infolist():
            if entry.file_size > MOST_BYTES and not _is_junk(entry.filename):
                raise LeoBenchError(
                    f"{place}:{entry.filename} has {entry.file_size:,} bytes, a drawing at most {MOST_BYTES:,}: "
                    "fetch Omniglot again"
                )
        paths = [name for name in archive.namelist() if not name.endswith("/") and not _is_junk(name)]
        yield sorted(paths), archive.read


def _place(source: DataSource, set_name: str) -> str:
    """Return the name of the zip or folder with a set's files, for messages."""
    return f"{source.path}/{set_name}.zip:" if source.form == "zips" else f"{source.path}/"


def _walk(folder: Path) -> list[Path]:
    """Return all files below folder, sorted by path, without files that operating systems leave.

    Symbolic links are followed. Raises LeoBenchError for a link to nothing, and for a folder that links to one above
    itself.
    """
    found = []
    for parent, folders, files in os.walk(folder, onerror=_raise_unreadable, followlinks=True):
        folders[:] = [name for name in folders if not _is_junk(name)]
        real = Path(parent).resolve()
        for path in (Path(parent, name) for name in folders):
            if path.is_symlink() and real.is_relative_to(path.resolve()):
                raise LeoBenchError(f"{path} links to a folder that contains it: remove the link")
        for path in (Path(parent, name) for name in files if not _is_junk(name)):
            if path.is_symlink() and not path.exists():
                raise LeoBenchError(f"{path} links to {path.readlink()}, which is missing: mend or remove the link")
            found.append(path)
    return sorted(found, key=lambda path: path.as_posix())


def _raise_unreadable(error: OSError) -> None:
    raise LeoBenchError(f"cannot list {error.filename} ({error.strerror}): check its permissions") from error


def _is_junk(path: str) -> bool:
    return any(part in _JUNK or part.startswith(".") for part in path.split("/"))


def _checked_paths(paths: list[str], expected: list[str], place: str) -> list[str]:
    """Return the paths sorted. Raises LeoBenchError unless they are 20 drawings of each expected character."""
    drawings: dict[str, list[str]] = {character: [] for character in expected}
    for path in sorted(paths):
        character, _, name = path.rpartition("/")
        if character not in drawings or _FILE_NAME.fullmatch(name) is None:
            raise LeoBenchError(
                f"{place}{path} does not belong to Omniglot: expected <set>/<Alphabet>/characterNN/NNNN_DD.png with "
                "Omniglot's alphabets; remove it or point to an unchanged copy"
            )
        drawings[character].append(path)
    for character, files in drawings.items():
        _check_drawers(character, files, place)
    return [path for files in drawings.values() for path in files]


def _check_drawers(character: str, files: list[str], place: str) -> None:
    matches = [_FILE_NAME.fullmatch(path.rpartition("/")[2]) for path in files]
    ids = [(match[1], int(match[2])) for match in matches if match is not None]
    number = ids[0][0] if ids else "NNNN"
    for drawer in range(1, N_DRAWERS + 1):
        if (number, drawer) not in ids:
            raise LeoBenchError(
                f"{place}{character}/{number}_{drawer:02}.png is missing: {len(files)} of {N_DRAWERS} drawings of this "
                "character found; fetch Omniglot again"
            )
    if len(files) != N_DRAWERS:
        extra = next(path for path, entry in zip(files, ids, strict=True) if entry[0] != number or entry[1] > N_DRAWERS)
        raise LeoBenchError(f"{place}{extra} is one drawing too many: each character has {N_DRAWERS}; remove it")


def _read_bytes(read: Callable[[str], bytes], path: str, place: str) -> bytes:
    try:
        return read(path)
    except DAMAGED as error:
        raise LeoBenchError(f"cannot read {place}{path} ({error}): fetch Omniglot again") from error


def _decode(data: bytes, path: str, place: str) -> np.ndarray:
    """Decode a drawing: uint8 (105, 105), ink 255 on paper 0. Raises LeoBenchError."""
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")  # before it is expanded
    if data[12:16] == b"IHDR" and (width, height) != (SIDE, SIDE):
        raise LeoBenchError(f"{place}{path} is {width}x{height}: expected {SIDE}x{SIDE}; point to an unchanged copy")
    try:
        with Image.open(io.BytesIO(data)) as image:
            ink_is_dark = np.asarray(image.convert("L"))
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error) as error:
        raise LeoBenchError(f"{place}{path} is not a readable PNG ({error}): fetch Omniglot again") from error
    if ink_is_dark.shape != (SIDE, SIDE):
        height, width = ink_is_dark.shape
        raise LeoBenchError(f"{place}{path} is {width}x{height}: expected {SIDE}x{SIDE}; point to an unchanged copy")
    return 255 - ink_is_dark


def _compare_with_known(digests: dict[str, str]) -> None:
    for set_name, digest in digests.items():
        if digest != KNOWN_DIGESTS[set_name]:
            print(
                f"NOTICE: {set_name} has the right characters and drawings, but they are not the original files "
                f"(digest {digest[:16]}, Omniglot's is {KNOWN_DIGESTS[set_name][:16]}).\n"
                "        Results carry the digest of what was read; they may differ from those on the original.",
                file=sys.stderr,
            )
