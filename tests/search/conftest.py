"""Fixtures of the search's tests."""

from pathlib import Path

import pytest
from small_search import FILE, small_plan

from leo_bench.records.search import SearchPlan


@pytest.fixture
def plan() -> SearchPlan:
    return small_plan()


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    folder = tmp_path / "studies"
    folder.mkdir()
    (folder / "search.toml").write_text(FILE)
    return folder
