"""Text from records as a reader sees it."""

import re
from pathlib import Path


def without_paths(text: str, root: Path) -> str:
    """Return the text with absolute paths cut to what is below the results folder, or to their last part.

    A report names no machine.
    """
    for prefix in {f"{root}/", f"{root.resolve()}/"}:
        text = text.replace(prefix, "")
    return re.sub(r"(?<![\w.~:/])/(?:[^\s/:'\"]+/)+([^\s/:'\"]+)", r".../\1", text)


def shortened(value: object, most: int = 80) -> str:
    """Return a value as text of at most so many characters, cut with dots."""
    text = str(value)
    return text if len(text) <= most else text[: most - 3] + "..."
