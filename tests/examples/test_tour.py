"""The notebook of the tour: its cells run, and what it shows comes from a run of all of them in order."""

import json
import warnings
from pathlib import Path

import pytest

from leo_bench.statistics import VERDICTS

NOTEBOOK = Path(__file__).parents[2] / "examples" / "tour.ipynb"
CELLS = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]


def test_it_is_small_and_was_executed_in_order() -> None:
    assert NOTEBOOK.stat().st_size < 1e6
    assert [cell["execution_count"] for cell in CELLS] == list(range(1, len(CELLS) + 1))
    assert not [output for cell in CELLS for output in cell["outputs"] if output["output_type"] == "error"]


def test_its_cells_print_what_it_shows(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The verdict may change with what is published, and so is not compared."""
    monkeypatch.chdir(NOTEBOOK.parent)
    names: dict[str, object] = {}
    for cell in CELLS[:-1]:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            exec("".join(cell["source"]), names)
        shown = "".join("".join(part["text"]) for part in cell["outputs"] if part["output_type"] == "stream")
        assert capsys.readouterr().out == shown
    exec("".join(CELLS[-1]["source"]), names)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and all(line.rpartition(": ")[2] in VERDICTS for line in lines)
