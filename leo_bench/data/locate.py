"""Finding the data: the copy of Omniglot to read, or a data set without files.

Looks at folders and file names alone; imports neither torch nor numpy.
"""

import contextlib
import os
import shutil
import socket
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from leo_bench.config.paths import as_typed
from leo_bench.data import DATASETS
from leo_bench.errors import LeoBenchError

SETS = ("images_background", "images_evaluation")
TORCHVISION_FOLDER = "omniglot-py"
DOWNLOAD_URL = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python/images_background.zip"
DOWNLOAD_TIMEOUT_SECONDS = 5.0
ACCEPTED = (
    f"the zips {SETS[0]}.zip and {SETS[1]}.zip, the two extracted folders, or torchvision's {TORCHVISION_FOLDER} folder"
)


@dataclass(frozen=True)
class DataSource:
    """Source of the drawings of a data set."""

    name: str
    """Name in DATASETS."""
    form: str
    """"zips", "folders" or "torchvision"; for a data set without files, its form in DATASETS, such as "drawn"."""
    path: Path | None
    """Folder that holds both sets (zips or folders); None for a data set without files."""


GLYPHS = DataSource("glyphs", DATASETS["glyphs"].form, None)


def locate(dataset: str = "auto", folder: Path | None = None) -> DataSource:
    """Return the source of a data set; for Omniglot, the first copy found.

    The places are, in this order: folder or LEO_BENCH_DATA, data/, ../shared/omniglot, the user's cache, a download.
    dataset: a name in DATASETS, or "auto": Omniglot if it can be found or downloaded, else glyphs with a notice on
    stderr. Raises LeoBenchError if Omniglot is asked for and not found, if the given folder does not hold it, or if
    another data set has no form.
    """
    if dataset not in ("auto", *DATASETS):
        raise LeoBenchError(f"unknown data set {dataset!r}: choose auto, {', '.join(DATASETS)}")
    if dataset != "auto" and DATASETS[dataset].form:
        return DataSource(dataset, DATASETS[dataset].form, None)
    if dataset not in ("auto", "omniglot"):
        raise LeoBenchError(
            f"data set {dataset!r} has no form in DATASETS, and only Omniglot's files can be found: give it a form if "
            "it has no files, or teach leo_bench/data/locate.py where they are"
        )
    given, how = _given_folder(folder)
    if given is not None:
        return _source_in_given_folder(given, how)
    for place in _usual_places():
        source = source_at(place)
        if source is not None:
            return source
    problem = _download(cache_folder() / "omniglot")
    if problem is None:
        source = source_at(cache_folder() / "omniglot")
        if source is not None:
            return source
        problem = "the download left no complete copy"
    if dataset == "omniglot":
        raise LeoBenchError(
            f"Omniglot was not found and could not be downloaded ({problem}): put {ACCEPTED} into data/, "
            "or name its folder with DATA=folder, --data or LEO_BENCH_DATA"
        )
    _print_box(
        "NOTICE: this is NOT Omniglot.",
        f"Omniglot was not found and could not be downloaded ({problem}).",
        "Using 'glyphs' instead: drawn, seeded characters. Their accuracies say nothing about Omniglot",
        "and must not be compared with published numbers. For Omniglot: put its two zips into data/,",
        "or name their folder with DATA=folder, --data or LEO_BENCH_DATA.",
    )
    return GLYPHS


def source_at(folder: Path) -> DataSource | None:
    """Return the copy of Omniglot in folder, in any accepted form, or None. Its content is checked when it is read."""
    for place, form in ((folder, "folders"), (folder / TORCHVISION_FOLDER, "torchvision")):
        if all((place / name).is_dir() for name in SETS):
            return DataSource("omniglot", form, place)
    for place in (folder, folder / TORCHVISION_FOLDER):
        if all((place / f"{name}.zip").is_file() for name in SETS):
            return DataSource("omniglot", "zips", place)
    return None


def cache_folder() -> Path:
    """Return the cache folder: in LEO_BENCH_CACHE, else in XDG_CACHE_HOME, else in ~/.cache. It may not exist yet."""
    base = os.environ.get("LEO_BENCH_CACHE") or os.environ.get("XDG_CACHE_HOME")
    if base:
        return as_typed(base) / "leo_bench"
    try:
        return Path.home() / ".cache" / "leo_bench"
    except RuntimeError:  # a user without a home
        return Path(tempfile.gettempdir()) / "leo_bench"


def _given_folder(folder: Path | None) -> tuple[Path | None, str]:
    """Return the folder that the user gave, or None, and a name of the option for messages."""
    if folder is not None:
        return as_typed(folder), "the data folder"
    if os.environ.get("LEO_BENCH_DATA"):
        return as_typed(os.environ["LEO_BENCH_DATA"]), "LEO_BENCH_DATA"
    return None, ""


def _source_in_given_folder(folder: Path, how: str) -> DataSource:
    source = source_at(folder)
    if source is not None:
        return source
    if not folder.is_dir():
        raise LeoBenchError(f"{how} {folder} is not a folder: name one that holds {ACCEPTED}")
    for place in (folder, folder / TORCHVISION_FOLDER):
        found = [name for name in SETS if (place / name).is_dir() or (place / f"{name}.zip").is_file()]
        if len(found) == 1:
            missing = next(name for name in SETS if name not in found)
            raise LeoBenchError(
                f"{how} {folder} is incomplete: {place / missing} (folder or .zip) is missing; both sets are needed"
            )
        if found:
            raise LeoBenchError(f"{how} {folder} holds one set as a folder, one as a zip: extract both or neither")
    raise LeoBenchError(f"{how} {folder} holds no Omniglot: expected {ACCEPTED}")


def _usual_places() -> list[Path]:
    checkout = Path(__file__).resolve().parents[2]
    roots = list(dict.fromkeys((Path.cwd(), checkout)))
    places = [root / "data" for root in roots]
    places += [root.parent / "shared" / "omniglot" for root in roots]
    return [*places, cache_folder() / "omniglot"]


def _download(target: Path) -> str | None:
    """Download Omniglot into target with torchvision. Returns None, or the reason of a failure in a few words."""
    if os.environ.get("LEO_BENCH_OFFLINE"):
        return "LEO_BENCH_OFFLINE is set"
    try:  # one small request first: without a network this fails before torchvision is imported
        request = urllib.request.Request(DOWNLOAD_URL, method="HEAD")
        urllib.request.urlopen(request, timeout=DOWNLOAD_TIMEOUT_SECONDS).close()
    except urllib.error.HTTPError as error:
        return f"the server answered {error.code}"
    except (OSError, ValueError):  # URLError and timeouts are OSErrors
        return "no network"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        return _download_with_torchvision(target)
    except (OSError, RuntimeError, EOFError) as error:  # RuntimeError: torchvision found a damaged file
        return f"{type(error).__name__}: {error}"


def _download_with_torchvision(target: Path) -> str | None:
    from filelock import FileLock
    from torchvision.datasets import Omniglot

    with FileLock(target.with_name("download.lock")):
        if source_at(target) is not None:  # another process was faster
            return None
        partial = Path(tempfile.mkdtemp(prefix="download-", dir=target.parent))
        try:
            print("Downloading Omniglot (about 14 MB) with torchvision ...", file=sys.stderr)
            with _socket_timeout(DOWNLOAD_TIMEOUT_SECONDS), contextlib.redirect_stdout(sys.stderr):
                for background in (True, False):
                    Omniglot(str(partial), background=background, download=True)
            if target.exists():
                shutil.rmtree(target)  # an incomplete copy: source_at found none
            partial.replace(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return None


@contextlib.contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _print_box(*lines: str) -> None:
    width = max(map(len, lines))
    rule = "+" + "=" * (width + 4) + "+"
    body = [f"|  {line.ljust(width)}  |" for line in lines]
    print("\n".join(["", rule, *body, rule, ""]), file=sys.stderr, flush=True)
