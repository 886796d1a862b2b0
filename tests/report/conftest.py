"""Fixtures that tests of reports share."""

import io

import pytest
from PIL import Image

from leo_bench.report.panels import Drawing


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace every drawn panel by a stub, for tests of words and tables, which need no picture."""
    picture = io.BytesIO()
    Image.new("RGB", (4, 4)).save(picture, "PNG")
    stub = Drawing("<svg ></svg>", picture.getvalue(), 1.0, 1.0, "a stub")
    monkeypatch.setattr("leo_bench.report.pages.render", lambda panel: stub)
