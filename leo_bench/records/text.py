"""Texts from records, prepared for readers."""

import re
from pathlib import Path


def without_paths(text: str, root: Path) -> str:
    """Return the text with absolute paths shortened, so that a report names no machine.

    A path in the results folder becomes relative to it. Of any other path only the last part stays.
    """
    for prefix in {f"{root}/", f"{root.resolve()}/"}:
        text = text.replace(prefix, "")
    return re.sub(r"(?<![\w.~:/])/(?:[^\s/:'\"]+/)+([^\s/:'\"]+)", r".../\1", text)


def shortened(value: object, most: int = 80) -> str:
    """Return a value as text of at most `most` characters; a cut text ends with three dots."""
    text = str(value)
    return text if len(text) <= most else text[: most - 3] + "..."
