"""Files of the published models. No torch, so that the command line can name them at once."""

import importlib.metadata
from pathlib import Path

ENDING = ".safetensors"
CHECKOUT = Path(__file__).resolve().parents[2] / "models"
"""Folder of the published models in a checkout."""


def published_files() -> list[Path]:
    """Return the files of all published models, those of the checkout first."""
    found = sorted(CHECKOUT.glob(f"*{ENDING}"))
    try:
        installed = importlib.metadata.files("leo_bench") or []
    except importlib.metadata.PackageNotFoundError:
        installed = []
    paths = [Path(str(file.locate())) for file in installed if file.name.endswith(ENDING)]
    return [*found, *sorted(path for path in paths if path.is_file())]


def published_names() -> str:
    """Return the names of all published models, separated by commas, or `none`."""
    return ", ".join(dict.fromkeys(path.stem for path in published_files())) or "none"
