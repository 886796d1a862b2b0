"""Reading of TOML files: one-line errors, also for files that an editor saved in another encoding."""

import codecs
import tomllib
from pathlib import Path
from typing import Any

from leo_bench.errors import LeoBenchError

MARKS = {
    "UTF-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "UTF-8 with a byte order mark": (codecs.BOM_UTF8,),
}
"""Encoding that TOML does not allow -> the bytes with which its files begin."""


def read_toml(path: Path, name: str = "") -> dict[str, Any]:
    """Return the content of a TOML file. name: what messages call it, its path if empty. Raises LeoBenchError."""
    name = name or str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LeoBenchError(f"{name} cannot be read: {error.strerror}; check the path") from None
    for encoding, marks in MARKS.items():
        if data.startswith(marks):
            raise LeoBenchError(f"{name} is in {encoding}, but TOML is UTF-8 without a mark; save it as UTF-8")
    try:
        return toml_values(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise LeoBenchError(
            f"{name} is not UTF-8, as TOML must be (byte {error.start + 1}: {error.reason}); save it as UTF-8"
        ) from None
    except LeoBenchError as error:
        raise LeoBenchError(f"{name} is not valid TOML: {error}") from None


def toml_values(text: str) -> dict[str, Any]:
    """Return the content of a TOML text. Raises LeoBenchError, with the reason alone, if it is not TOML.

    Python's reader alone would also end in errors of its own for endless nesting and for numbers of thousands of
    digits, and would take numbers that nothing can print.
    """
    try:
        values = tomllib.loads(text)
        if not _fits(values):
            raise LeoBenchError("a whole number has more than 64 bits")
        return values
    except tomllib.TOMLDecodeError as error:
        raise LeoBenchError(str(error)) from None
    except RecursionError:
        raise LeoBenchError("its tables and lists are nested too deeply") from None
    except ValueError:
        raise LeoBenchError("a whole number has thousands of digits") from None


def _fits(value: Any) -> bool:
    """Return True if every whole number in nested tables and lists has at most 64 bits, as TOML's have."""
    if isinstance(value, dict | list):
        return all(map(_fits, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, int) or -(2**63) <= value < 2**63
