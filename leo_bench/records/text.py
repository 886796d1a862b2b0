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
    """Return a value as one line of at most `most` characters; a cut text ends with three dots."""
    text = " ".join(str(value).split())
    return text if len(text) <= most else text[: most - 3] + "..."


def listed(names: list[str], most: int = 5) -> str:
    """Return `a, b and c`; `a, b, c, d and 4 more`."""
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def signed(points: float, decimals: int = 1) -> str:
    """Return a difference in points with its sign; no negative zero."""
    return f"{round(points, decimals) + 0.0:+.{decimals}f}"


def markdown_text(text: str) -> str:
    """Return text so that Markdown shows it as it is: no tag, link, picture, emphasis, heading, list or formula.

    Text between backticks stays code, as in our own sentences.
    """
    parts = re.split(r"(`[^`]*`)", " ".join(text.splitlines()))
    plain = "".join(part if index % 2 else _plain(part) for index, part in enumerate(parts))
    return re.sub(r"^([#>]|[-+](?=\s)|\d+(?=[.)]\s))", lambda start: _escaped(start[0]), plain)


def _plain(text: str) -> str:
    """Escape the signs of Markdown; an interval [-0.3, +2.7], a list [5, 20] and a name inner_steps have none."""
    text = re.sub(r"&(?=#?\w+;)", "&amp;", text)
    text = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)
    interval = r"\[(?:[-+\d'][^\[\]]*)?\](?![(\[:])"
    signs = r"\\(?=[^\w\s])|[\[\]*$]|~~|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"
    return re.sub(f"({interval})|{signs}", lambda found: found[1] or "".join(map(_escaped, found[0])), text)


def _escaped(sign: str) -> str:
    """Return a sign with a backslash before it; of a number that would begin a list, before its full stop."""
    return f"{sign}\\" if sign.isdigit() else f"\\{sign}"
