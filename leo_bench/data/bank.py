"""Image bank: all drawings of a data set in one tensor, resized once and cached on disk by content digest."""

import json
import os
import sys
import tempfile
import zlib
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from leo_bench.data import DATASETS
from leo_bench.data.drawings import Drawings
from leo_bench.data.locate import DataSource, cache_folder
from leo_bench.errors import LeoBenchError

CACHE_FORMAT = 1
"""Part of every cache file's name: raise it when resizing or the file's layout changes."""
LARGEST_SIDE = 105
"""Side of Omniglot's drawings, pixels."""


@dataclass(frozen=True)
class ImageBank:
    """Every drawing of a data set at one size. C characters, D drawings of each, side H = W."""

    name: str
    """Name in DATASETS."""
    digest: str
    """SHA-256 of the original content; the same at every image size."""
    images: Tensor
    """uint8 (C, D, H, W), ink 255 on paper 0. The memory is shared with the disk cache: do not write into it."""
    alphabets: tuple[str, ...]
    """Alphabet of each character."""
    characters: tuple[str, ...]
    """Name of each character, "Alphabet/character01"."""
    background: tuple[bool, ...]
    """True for each character of the background set."""


def load_images(source: DataSource, image_size: int) -> ImageBank:
    """Return all drawings of a source at image_size x image_size pixels, from the cache if it has them undamaged.

    A notice on stderr says if the cache cannot be written. Raises LeoBenchError if the data is missing or damaged.
    """
    if not 1 <= image_size <= LARGEST_SIDE:
        raise LeoBenchError(f"image_size is {image_size}: expected 1 to {LARGEST_SIDE}, the size of the drawings")
    cache = cache_folder() / "images"
    dataset = import_module(f"leo_bench.data.{DATASETS[source.name].module}")
    key = dataset.fingerprint(source)
    note = cache / f"{key}.digest"
    digest = _read_note(note)
    if digest is not None:
        bank = _read_bank(_bank_file(cache, source.name, digest, image_size), source.name, digest)
        if bank is not None:
            return bank
    drawings = dataset.read(source)
    bank = ImageBank(
        source.name,
        drawings.digest,
        resize(drawings, image_size),
        drawings.alphabets,
        drawings.characters,
        drawings.background,
    )
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _write_bank(_bank_file(cache, source.name, bank.digest, image_size), bank)
        _replace_file(note, bank.digest.encode())
    except (OSError, SafetensorError) as error:
        print(f"NOTICE: cannot write the image cache {cache} ({error}); carrying on without it.", file=sys.stderr)
    return bank


def resize(drawings: Drawings, image_size: int) -> Tensor:
    """Resize drawings by torchvision's antialiased bilinear resize: uint8 (C, D, H, W)."""
    images = torch.from_numpy(drawings.images)
    if image_size == images.shape[-1]:
        return images
    from torchvision.transforms.v2.functional import resize as resize_images  # slow to import; not needed when warm

    return torch.cat([resize_images(part, [image_size, image_size], antialias=True) for part in images.split(64)])


def _bank_file(cache: Path, name: str, digest: str, image_size: int) -> Path:
    return cache / f"{name}-{digest[:16]}-{image_size}-v{CACHE_FORMAT}-tv{version('torchvision')}.safetensors"


def _read_note(note: Path) -> str | None:
    """Return the content digest stored for a fingerprint, or None."""
    try:
        text = note.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    return text if len(text) == 64 else None


def _read_bank(file: Path, name: str, digest: str) -> ImageBank | None:
    """Return the cached bank, or None if it is absent or damaged."""
    if not file.is_file():
        return None
    try:
        with safe_open(file, framework="pt") as stored:
            metadata = stored.metadata() or {}
            images = stored.get_tensor("images")
        facts = json.loads(metadata["bank"])
        if metadata["digest"] == digest and int(metadata["crc32"]) == _checksum(images):
            return ImageBank(
                name, digest, images, tuple(facts["alphabets"]), tuple(facts["characters"]), tuple(facts["background"])
            )
    except (OSError, SafetensorError, KeyError, ValueError):  # JSON errors are ValueErrors
        pass
    print(f"NOTICE: the cached images in {file} are damaged; rebuilding them.", file=sys.stderr)
    return None


def _write_bank(file: Path, bank: ImageBank) -> None:
    facts = {"alphabets": bank.alphabets, "characters": bank.characters, "background": bank.background}
    metadata = {"digest": bank.digest, "crc32": str(_checksum(bank.images)), "bank": json.dumps(facts)}
    with tempfile.TemporaryDirectory(prefix="writing-", dir=file.parent) as folder:
        temporary = Path(folder) / file.name
        save_file({"images": bank.images}, temporary, metadata)
        temporary.replace(file)


def _replace_file(file: Path, content: bytes) -> None:
    """Write content to a temporary file, then rename it to file."""
    handle, temporary = tempfile.mkstemp(prefix="writing-", dir=file.parent)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
    Path(temporary).replace(file)


def _checksum(images: Tensor) -> int:
    return zlib.crc32(images.contiguous().numpy().data)
