"""Databases of other versions of Optuna, and folders with signs that an address reads otherwise."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from leo_bench.errors import LeoBenchError
from leo_bench.search.storage import open_storage, sqlite_url


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Silence Optuna's log."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(level)


@pytest.mark.parametrize("name", ["a?b", "a#b", "a%20b", "a%b", "a b", "ä", "a@b:c", "a'b"])
def test_the_database_lies_in_the_folder_whatever_its_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    open_storage(sqlite_url(folder)).engine.dispose()
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*.db"))] == [f"{name}/optuna.db"]


@pytest.mark.parametrize(
    "change",
    [
        "update alembic_version set version_num = 'v2.6.0.a'",  # an older schema
        "update alembic_version set version_num = 'v99.0.0.a'",  # a newer one
    ],
)
def test_a_database_of_another_schema_is_one_line_with_its_mend(tmp_path: Path, change: str) -> None:
    open_storage(sqlite_url(tmp_path)).engine.dispose()
    with sqlite3.connect(tmp_path / "optuna.db") as database:
        database.execute(change)
    database.close()
    with pytest.raises(LeoBenchError) as raised:
        open_storage(sqlite_url(tmp_path))
    words = str(raised.value)
    assert "since another version made it with another schema; remove its file: the next call makes it again" in words
    assert f"{tmp_path}/optuna.db" in words and "\n" not in words
