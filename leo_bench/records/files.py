"""Reading and writing of records: atomic writes, and one-line errors."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from leo_bench.config import SCHEMA_VERSION, Settings, differing, make_settings
from leo_bench.errors import LeoBenchError
from leo_bench.records import schema_1
from leo_bench.records.schema import RERUN, Plan, Record, RecordT
from leo_bench.records.text import shortened


def file_state(path: Path) -> tuple[int, ...]:
    """Return what changes when a file is replaced or written: inode, time and size. Empty if it cannot be looked at."""
    try:
        state = path.stat()
    except OSError:
        return ()
    return state.st_ino, state.st_mtime_ns, state.st_size


def make_folder(folder: Path) -> None:
    """Make the folder and those above it that are missing. Raises LeoBenchError if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LeoBenchError(
            f"cannot make the folder {folder}: {error.strerror}; name a folder that can be written, or free disk space"
        ) from None


def write_atomic(path: Path, data: bytes) -> None:
    """Write data to path atomically: temporary file in the same folder, fsync, rename. Raises LeoBenchError."""
    make_folder(path.parent)
    if path.exists() and not (path.is_file() or path.is_dir()):  # a device, which a rename would replace
        raise LeoBenchError(f"cannot write {path}: it is a device; name a file")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if path.is_dir():
            raise LeoBenchError(f"cannot write {path}: it is a folder; name a file") from error
        raise LeoBenchError(
            f"cannot write {path}: {error.strerror}; free disk space, or check the permissions of the folder"
        ) from error


T = TypeVar("T")

DIGEST = "digest"
"""Last entry in the file of a sealed record: SHA-256 over the others."""


def write_record(path: Path, record: Record) -> None:
    """Write a record as JSON, atomically: one line for each field, and for each object or row of a list."""
    fields = record.model_dump(mode="json")
    if record.sealed:
        fields[DIGEST] = record_digest(fields)
    write_fields(path, fields)


def write_fields(path: Path, fields: Mapping[str, Any]) -> None:
    """Write the fields of a record, JSON values, as `write_record` does."""
    write_atomic(path, as_text(fields))


def as_text(fields: Mapping[str, Any]) -> bytes:
    """Return the fields of a record, JSON values, as the content of its file."""
    lines = [f"{json.dumps(name)}: {_json(name, value)}" for name, value in fields.items()]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def record_digest(fields: Mapping[str, Any]) -> str:
    """Return SHA-256 over the fields of a record as JSON values, whatever their order and layout."""
    others = {name: value for name, value in fields.items() if name != DIGEST}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()


TABLES = ("curve", "validation")
"""Fields of records that are long lists of the same kind of object. A file has each as a table: its columns once, and
a row for each object."""
COLUMNS, ROWS = "columns", "rows"


def _json(name: str, value: Any) -> str:
    """Return the value of a field as text: a list of objects has a line for each."""
    if not (isinstance(value, list) and value and isinstance(value[0], dict)):
        return json.dumps(value, allow_nan=False)
    if name in TABLES and _is_uniform(value):
        return (
            f'{{"{COLUMNS}": {json.dumps(list(value[0]))}, "{ROWS}": {_lines([list(one.values()) for one in value])}}}'
        )
    return _lines(value)


def _lines(elements: list[Any]) -> str:
    return "[\n " + ",\n ".join(json.dumps(element, allow_nan=False) for element in elements) + "\n]"


def _is_uniform(elements: list[Any]) -> bool:
    """Return True if all elements are objects with the same keys in the same order."""
    return all(isinstance(one, dict) and list(one) == list(elements[0]) for one in elements)


def _from_table(value: Any) -> Any:
    """Return the list of objects that a table stands for; another value as it is.

    Raises ValueError if the columns are not names, each once, or if a row does not have a value for each.
    """
    if not isinstance(value, dict) or set(value) != {COLUMNS, ROWS}:
        return value
    columns, rows = value[COLUMNS], value[ROWS]
    are_names = isinstance(columns, list) and all(isinstance(name, str) for name in columns)
    if not are_names or len(set(columns)) < len(columns):
        raise ValueError("the columns of a table are not names, or one stands twice")
    if not (isinstance(rows, list) and all(isinstance(row, list) and len(row) == len(columns) for row in rows)):
        raise ValueError("a row of a table does not have a value for each column")
    return [dict(zip(columns, row, strict=True)) for row in rows]


def write_settings(folder: Path, settings: Settings) -> None:
    """Write settings.json of a run: its settings when it was trained."""
    write_atomic(folder / "settings.json", (json.dumps(settings.canonical(), indent=1) + "\n").encode())


def copy_settings(source: Path, target: Path) -> None:
    """Write settings.json of the run in source into the folder target, without what is at its default.

    Raises LeoBenchError if settings.json is missing, damaged or out of range.
    """
    values = differing(read_settings(source).canonical())
    write_atomic(target / "settings.json", (json.dumps(values, indent=1) + "\n").encode())


def read_settings(folder: Path) -> Settings:
    """Return the settings of the run in folder when it was trained.

    Raises LeoBenchError if settings.json is missing, damaged or out of range.
    """
    path = folder / "settings.json"
    try:
        values = read_json(path)
    except LeoBenchError as error:
        raise LeoBenchError(f"{error}; run the study again") from None
    if not isinstance(values, dict):
        raise LeoBenchError(f"{path} holds no settings; run the study again")
    return make_settings(values, where=str(path))


def read_json(path: Path, remedy: str = RERUN) -> Any:
    """Return the content of a JSON file, with TABLES as lists of objects. remedy: how to mend a damaged one.

    Raises LeoBenchError if it is missing or not JSON, or if a table is broken.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            content |= {name: _from_table(content[name]) for name in TABLES if name in content}
        return content
    except FileNotFoundError:
        raise LeoBenchError(f"{path} is missing") from None
    except OSError as error:
        raise LeoBenchError(f"{path} cannot be read: {error.strerror}; check the path and its permissions") from None
    except (ValueError, RecursionError) as error:  # not UTF-8 or JSON, a number of thousands of digits, nested deeply
        raise LeoBenchError(f"{path} is truncated or not JSON ({error}); {remedy}") from None


def read_record(path: Path, kind: type[RecordT], remedy: str | None = None) -> RecordT:
    """Read and validate a record. Raises LeoBenchError naming the file, the fault and the remedy (None: of the kind).

    A plan of schema 1 is converted (schema_1.py). Other records of schema 1 that are read here have not changed.
    """
    remedy = remedy or kind.remedy
    raw = read_json(path, remedy)
    if schema_1.is_old(raw):
        raw = converted(path, raw, schema_1.new_plan) if kind is Plan else {**raw, "schema_version": SCHEMA_VERSION}
    record = validated(path, raw, kind, remedy)
    check_digest(path, raw, remedy)
    return record


def converted(path: Path, raw: Any, convert: Callable[[Any], T]) -> T:
    """Return a record of schema 1 in today's schema. Raises LeoBenchError if it lacks what schema 1 has."""
    try:
        return convert(raw)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = shortened(f"{type(error).__name__}: {error}", 200)
        raise LeoBenchError(f"{path} has schema version 1, but is no such record ({reason}); {RERUN}") from None


def validated(path: Path, raw: Any, kind: type[RecordT], remedy: str = RERUN) -> RecordT:
    """Return a record from the JSON value in the file at path.

    Raises LeoBenchError naming the fault: a field that is missing, unknown, of a wrong type or out of range.
    """
    if isinstance(raw, dict) and raw.get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
        raise LeoBenchError(
            f"{path} has schema version {raw['schema_version']}, but this program reads 1 to {SCHEMA_VERSION}; "
            "use the version of leo_bench that wrote it"
        )
    if isinstance(raw, dict) and kind.sealed:
        raw = {name: value for name, value in raw.items() if name != DIGEST}
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{part}: " for part in [".".join(map(str, first["loc"]))] if part)
        message = first["msg"].removeprefix("Value error, ")
        raise LeoBenchError(f"{path}: {where}{message}; {remedy}") from None


def check_digest(path: Path, raw: Any, remedy: str = RERUN) -> None:
    """Raise LeoBenchError if the JSON value of a record is not the one that was written. Old records have no digest."""
    if isinstance(raw, dict) and raw.get(DIGEST, None) not in (None, record_digest(raw)):
        raise LeoBenchError(
            f"{path} was changed after it was written: its content does not have the digest that stands at its end; "
            f"{remedy}"
        )
