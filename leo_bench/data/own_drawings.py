"""Reading your own drawings from a folder: pictures in a folder for each class, or pictures without classes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from leo_bench.config.paths import as_typed
from leo_bench.data.prepare_drawing import SIDE, prepare_drawing
from leo_bench.errors import LeoBenchError

ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff")
"""Endings of the files that are read as pictures. Other files are left out."""
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

    def __len__(self) -> int:
        return len(self.files)

    def part(self, chosen: np.ndarray) -> "OwnDrawings":
        """Return the drawings at these indices, int64, or where this is True, bool [M]."""
        places = np.arange(len(self))[chosen]
        files = tuple(self.files[place] for place in places)
        return OwnDrawings(files, self.images[places], self.labels[places], self.classes)

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
    LeoBenchError for what class_folders refuses.
    """
    found = class_folders(as_typed(folder), classes)
    return found.tensor(image_size), found.label_tensor(), found.classes


def class_folders(folder: Path, classes: tuple[str, ...] | None = None) -> OwnDrawings:
    """Return the drawings of a folder with a folder of pictures for each class.

    classes: the classes that are allowed, and their order; by default those of the folder. Raises LeoBenchError if
    there are fewer than two classes, an unknown or empty class, pictures beside the class folders, folders in them, or
    a picture that cannot be read or prepared.
    """
    entries = _entries(folder)
    folders = [entry for entry in entries if entry.is_dir()]
    loose = [entry for entry in entries if _is_picture(entry)]
    if loose:
        raise LeoBenchError(
            f"{loose[0]} lies beside the folders of the classes: expected a folder for each class with its pictures; "
            "move it into one"
        )
    if classes is None and len(folders) < 2:
        raise LeoBenchError(f"{folder} has {len(folders)} folders of pictures: expected at least 2, one for each class")
    names = tuple(entry.name for entry in folders) if classes is None else classes
    unknown = [entry.name for entry in folders if entry.name not in names]
    if unknown:
        raise LeoBenchError(
            f"{folder / unknown[0]} is no class of the support images: expected {', '.join(names)}; rename or remove it"
        )
    files, labels = [], []
    for entry in folders:
        own = _pictures(entry)
        if not own:
            raise LeoBenchError(f"{entry} has no picture: expected files that end with {', '.join(ENDINGS)}")
        files += own
        labels += [names.index(entry.name)] * len(own)
    return OwnDrawings(tuple(files), _prepared(files), np.array(labels, dtype=np.int64), names)


def query_folder(folder: Path, classes: tuple[str, ...]) -> OwnDrawings:
    """Return the drawings to classify: pictures in folders named as the classes, or pictures without classes.

    Raises LeoBenchError if there is none, and as class_folders does.
    """
    entries = _entries(folder)
    if any(entry.is_dir() for entry in entries):
        return class_folders(folder, classes)
    files = _pictures(folder)
    if not files:
        raise LeoBenchError(f"{folder} has no picture: expected files that end with {', '.join(ENDINGS)}")
    return OwnDrawings(tuple(files), _prepared(files), np.full(len(files), -1, dtype=np.int64), classes)


def _entries(folder: Path) -> list[Path]:
    """Return files and folders in a folder, sorted by name, without hidden ones. Raises LeoBenchError if it is none."""
    if not folder.is_dir():
        raise LeoBenchError(f"{folder} is not a folder: expected one with a folder of pictures for each class")
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith((".", "__")))


def _is_picture(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in ENDINGS


def _pictures(folder: Path) -> list[Path]:
    """Return the pictures of one class. Raises LeoBenchError if there is a folder among them."""
    entries = _entries(folder)
    nested = [entry for entry in entries if entry.is_dir()]
    if nested:
        raise LeoBenchError(
            f"{nested[0]} is a folder inside the folder of a class: expected pictures there; name the folder whose "
            f"folders are the classes, such as {folder}"
        )
    return [entry for entry in entries if _is_picture(entry)]


def _prepared(files: list[Path]) -> np.ndarray:
    """Return prepared drawings, uint8 [M, SIDE, SIDE]. Raises LeoBenchError naming the first file that fails."""
    return np.stack([_prepare(file) for file in files]) if files else np.zeros((0, SIDE, SIDE), np.uint8)


def _prepare(file: Path) -> np.ndarray:
    try:
        with Image.open(file) as picture:
            if picture.width * picture.height > LARGEST:
                raise LeoBenchError(f"has {picture.width}x{picture.height} pixels, too many")
            picture.load()
            return prepare_drawing(picture)
    except LeoBenchError as problem:
        raise LeoBenchError(
            f"{file} {problem}; expected one character, in ink that stands out from plain paper"
        ) from None
    except Exception as error:  # noqa: BLE001  # each decoder has errors of its own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise LeoBenchError(f"{file} cannot be read as a picture ({reason}); replace or remove it") from None
