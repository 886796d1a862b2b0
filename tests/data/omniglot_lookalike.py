"""A small look-alike of Omniglot: its folders, file names and PNGs, with few characters and random ink."""

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

SMALL = {
    "images_background": {
        "Balinese": 3,
        "Early_Aramaic": 2,
        "Futurama": 2,
        "Greek": 6,
        "Gujarati": 2,
        "Korean": 4,
        "Latin": 5,
    },
    "images_evaluation": {"Angelic": 4, "ULOG": 6},
}
"""Omniglot's structure with 34 characters, all five validation alphabets among them."""


def png(pixels: np.ndarray) -> bytes:
    """A 1-bit PNG of pixels (H, W), true where paper is."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def small_files() -> dict[str, bytes]:
    """path -> file of the small look-alike; each drawing is different: random ink on the upper left, numbers below."""
    rng = np.random.default_rng(5)
    files = {}
    number = 0
    for set_name, alphabets in SMALL.items():
        for alphabet, size in alphabets.items():
            for character in range(1, size + 1):
                number += 1
                for drawer in range(1, 21):
                    paper = np.ones((105, 105), dtype=bool)
                    paper[:60, :50] = rng.random((60, 50)) > 0.3
                    files[f"{set_name}/{alphabet}/character{character:02}/{number:04}_{drawer:02}.png"] = png(paper)
    return files


def write_folders(files: dict[str, bytes], root: Path) -> None:
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)


def write_zips(files: dict[str, bytes], root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    for set_name in SMALL:
        with zipfile.ZipFile(root / f"{set_name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for path, data in files.items():
                if path.startswith(set_name):
                    archive.writestr(path, data)
