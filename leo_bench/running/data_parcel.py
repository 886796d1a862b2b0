"""Omniglot sent to a machine that cannot see the user's copy: its files as a parcel, written there once."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock

from leo_bench.config import Settings
from leo_bench.data import DATASETS
from leo_bench.data.locate import SETS, DataSource
from leo_bench.records import make_folder
from leo_bench.running.parcel import Parcel, check, pack


def needs_files(settings: Settings) -> bool:
    """Return True if a run of these settings reads a data set that has files, as Omniglot does."""
    return any(not DATASETS[name].form for name in (settings.dataset, *settings.test_datasets))


def pack_data(source: DataSource) -> Parcel:
    """Return both sets of a copy of Omniglot, as zips or as folders. Links are followed, as when it is read."""
    assert source.path is not None
    if source.form == "zips":
        return pack(source.path, [source.path / f"{name}.zip" for name in SETS])
    return pack(source.path, [file for name in SETS for file in _files_in(source.path / name)])


def _files_in(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder at any depth, also behind links, except links to a folder around themselves."""
    for parent, folders, names in os.walk(folder, followlinks=True):
        here = Path(parent).resolve()
        folders[:] = [name for name in folders if not here.is_relative_to(Path(parent, name).resolve())]
        yield from (Path(parent, name) for name in names)


def unpack_data(place: Path, digest: str, fetch: Callable[[], Parcel]) -> Path:
    """Return the folder below place that holds the data with this digest. It is written once, by the first process.

    fetch: returns the parcel; it is called by that process alone. Raises LeoBenchError if the parcel is damaged, and
    OSError, as on a full disk.
    """
    folder = place / f"data-{digest[:16]}"
    make_folder(place)
    with FileLock(place / "data.lock"):
        if not folder.exists():
            parcel = fetch()
            check(parcel)
            partial = Path(tempfile.mkdtemp(prefix="writing-", dir=place))
            try:
                for name, content in parcel.files.items():
                    (partial / name).parent.mkdir(parents=True, exist_ok=True)
                    (partial / name).write_bytes(content)
                partial.rename(folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return folder
