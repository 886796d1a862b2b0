"""Reading your own drawings from a folder: pictures in a folder for each class, or pictures without classes."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from leo_bench.config.paths import as_typed
from leo_bench.data.image_size import check_image_size
from leo_bench.data.prepare_drawing import SIDE, prepare_drawing
from leo_bench.errors import LeoBenchError

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")
"""Formats that are read. What a file holds decides, not how its name ends."""
FORMAT_WORDS = "PNG, JPEG, GIF, BMP, WebP or TIFF"
ENDINGS = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".webp", ".tif", ".tiff"),
    *(".heic", ".heif", ".hif", ".avif", ".jp2", ".jxl", ".svg", ".ico", ".psd", ".xcf"),
    *(".dng", ".raw", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2"),
)
"""Endings of pictures. Such a file is refused if it cannot be read; another one that holds no picture is left out."""
LARGEST = 100_000_000
"""Largest number of pixels of a picture."""


@dataclass(frozen=True)
class OwnDrawings:
    """M prepared drawings, in the order of their classes and file names."""

    files: tuple[Path, ...]
    """File of each drawing."""
    images: np.ndarray
    """uint8 [M, 105, 105], ink 255 on paper 0."""
    labels: np.ndarray
    """Index of each drawing's class in `classes`, int64 [M]; -1 for a drawing without a class."""
    classes: tuple[str, ...]
    """Names of the classes: their folders."""
    left_out: tuple[Path, ...] = ()
    """Files that lie among them and hold no picture, without hidden ones."""

    def __len__(self) -> int:
        return len(self.files)

    def part(self, chosen: np.ndarray) -> "OwnDrawings":
        """Return the drawings at these indices, int64, or where this is True, bool [M]."""
        places = np.arange(len(self))[chosen]
        files = tuple(self.files[place] for place in places)
        return OwnDrawings(files, self.images[places], self.labels[places], self.classes, self.left_out)

    def tensor(self, image_size: int) -> Tensor:
        """Return the drawings as a model of this image size sees them, float32 [M, 1, image_size, image_size]."""
        images = torch.from_numpy(self.images)[:, None]
        if image_size != SIDE:
            from torchvision.transforms.v2.functional import resize  # slow to import

            images = resize(images, [image_size, image_size], antialias=True)
        return images.float().div_(255)

    def label_tensor(self) -> Tensor:
        """Return the labels, int64 [M]."""
        return torch.from_numpy(self.labels)


def read_drawings(
    folder: str | Path, image_size: int = 28, classes: tuple[str, ...] | None = None
) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Return images, labels and class names of a folder with a folder of pictures for each class.

    Images: float32 [M, 1, image_size, image_size], ink 1 on paper 0, prepared as prepare_drawing.py says. Labels: int64
    [M], the index of the class among the sorted names, or among classes, such as those of a support set. Raises
    LeoBenchError for what class_folders refuses, and for another size or classes that are no names.
    """
    check_image_size(image_size)
    if isinstance(classes, str):
        raise LeoBenchError(
            f"read_drawings: classes is {classes!r}: expected several names, such as ({classes!r}, ...)"
        )
    if classes is not None and not len(classes):
        raise LeoBenchError("read_drawings: classes is empty: expected the names of classes, or None for all folders")
    found = class_folders(as_typed(folder), None if classes is None else tuple(classes))
    return found.tensor(image_size), found.label_tensor(), found.classes


def class_folders(folder: Path, classes: tuple[str, ...] | None = None) -> OwnDrawings:
    """Return the drawings of a folder with a folder of pictures for each class.

    classes: the classes that are allowed, and their order; by default those of the folder. Raises LeoBenchError if
    there are fewer than two classes, an unknown or empty class, pictures beside the class folders, folders in them, or
    a picture or link that cannot be read or prepared.
    """
    folders, loose, left_out = _sorted_out(folder)
    if loose:
        raise LeoBenchError(
            f"{loose[0]} lies beside the folders of the classes: expected a folder for each class with its pictures; "
            "move it into one"
        )
    if classes is None and len(folders) < 2:
        raise LeoBenchError(
            f"{folder} has {len(folders) or 'no'} folder{'s' * (len(folders) != 1)} of pictures: expected at least 2, "
            "one for each class"
        )
    names = tuple(entry.name for entry in folders) if classes is None else classes
    unknown = [entry.name for entry in folders if entry.name not in names]
    if unknown:
        raise LeoBenchError(
            f"{folder / unknown[0]} is no class of the support images: expected {', '.join(names)}; rename or remove it"
        )
    files, labels = [], []
    for entry in folders:
        own, others = _pictures(entry, classes)
        files += own
        left_out += others
        labels += [names.index(entry.name)] * len(own)
    return OwnDrawings(tuple(files), _prepared(files), np.array(labels, dtype=np.int64), names, tuple(left_out))


def query_folder(folder: Path, classes: tuple[str, ...]) -> OwnDrawings:
    """Return the drawings to classify: pictures in folders named as the classes, or pictures without classes.

    Raises LeoBenchError if there is none, and as class_folders does.
    """
    if any(entry.is_dir() for entry in _entries(folder)):
        return class_folders(folder, classes)
    files, left_out = _pictures(folder, classes)
    labels = np.full(len(files), -1, dtype=np.int64)
    return OwnDrawings(tuple(files), _prepared(files), labels, classes, tuple(left_out))


OF_ARCHIVES = ("__MACOSX", "__pycache__")
"""Folders that programs leave beside pictures."""


def _entries(folder: Path) -> list[Path]:
    """Return files and folders in a folder, sorted by name, without hidden ones. Raises LeoBenchError if it is none."""
    if not folder.is_dir():
        raise LeoBenchError(
            f"{folder} is not a folder: expected one with pictures, or with a folder of them for each class"
        )
    return sorted(
        entry for entry in folder.iterdir() if not entry.name.startswith(".") and entry.name not in OF_ARCHIVES
    )


def _sorted_out(folder: Path) -> tuple[list[Path], list[Path], list[Path]]:
    """Return folders in a folder, pictures, and files that are none. Raises LeoBenchError for links to nothing."""
    entries = _entries(folder)
    for entry in entries:
        if not entry.exists():
            raise LeoBenchError(f"{entry} cannot be read as a picture (a link to nothing); replace or remove it")
    folders = [entry for entry in entries if entry.is_dir()]
    pictures = [entry for entry in entries if entry.is_file() and _is_picture(entry)]
    return folders, pictures, [entry for entry in entries if entry not in (*folders, *pictures)]


def _is_picture(file: Path) -> bool:
    """Return True if a file is named as a picture, holds one, or cannot be opened, so that nobody knows."""
    if file.suffix.lower() in ENDINGS:
        return True
    try:
        with _opened(file):
            return True
    except UnidentifiedImageError:
        return False
    except Exception:  # noqa: BLE001  # reading it says what is wrong
        return True


def _pictures(folder: Path, classes: tuple[str, ...] | None) -> tuple[list[Path], list[Path]]:
    """Return the pictures of one class, and the files that are none.

    classes: the classes that are allowed, None for any. Raises LeoBenchError if there is no picture, or a folder.
    """
    nested, pictures, left_out = _sorted_out(folder)
    if nested:
        way_out = f"move its pictures into {folder}, or remove it"
        if not pictures and _has_classes(nested, classes):
            way_out = f"name the folder whose folders are the classes, such as {folder}"
        raise LeoBenchError(f"{nested[0]} is a folder inside the folder of a class: expected pictures there; {way_out}")
    if not pictures:
        raise LeoBenchError(f"{folder} has no picture: expected {FORMAT_WORDS}; add one, or remove the folder")
    return pictures, left_out


def _has_classes(folders: list[Path], classes: tuple[str, ...] | None) -> bool:
    """Return True if folders can be those of classes: enough of them, of allowed names, with pictures and no folder."""
    if len(folders) < 2 if classes is None else any(folder.name not in classes for folder in folders):
        return False
    inside = [_entries(folder) for folder in folders]
    return all(entries and all(entry.is_file() for entry in entries) for entries in inside)


def _prepared(files: list[Path]) -> np.ndarray:
    """Return prepared drawings, uint8 [M, SIDE, SIDE]. Raises LeoBenchError naming the first file that fails."""
    return np.stack([_prepare(file) for file in files]) if files else np.zeros((0, SIDE, SIDE), np.uint8)


def _prepare(file: Path) -> np.ndarray:
    """Return a prepared drawing, uint8 [SIDE, SIDE]. Raises LeoBenchError naming the file."""
    try:
        with _opened(file) as picture:
            if picture.width * picture.height > LARGEST:
                raise _too_large(f"{picture.width}x{picture.height} pixels")
            picture.load()
            return prepare_drawing(picture)
    except LeoBenchError as problem:
        raise LeoBenchError(f"{file} {problem}") from None
    except UnidentifiedImageError:
        raise LeoBenchError(
            f"{file} cannot be read as a picture (it holds no {FORMAT_WORDS}); save it as PNG or JPEG, or remove it"
        ) from None
    except Image.DecompressionBombError:  # so many that not even its size is read
        raise LeoBenchError(f"{file} {_too_large('far more pixels')}") from None
    except Exception as error:  # noqa: BLE001  # each decoder has errors of its own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise LeoBenchError(f"{file} cannot be read as a picture ({reason}); replace or remove it") from None


def _too_large(what: str) -> LeoBenchError:
    return LeoBenchError(f"has {what}: expected at most {LARGEST // 1_000_000} million; make it smaller, or crop it")


@contextmanager
def _opened(file: Path) -> Iterator[Image.Image]:
    """Open a picture. What decoders warn of is no news: LARGEST is checked, and other warnings are of details.

    Raises what PIL raises: UnidentifiedImageError if the file holds none of FORMATS.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        warnings.simplefilter("ignore", UserWarning)
        with Image.open(file, formats=FORMATS) as picture:
            yield picture
