"""The place where numba keeps machine code, also in an installation that nobody may write."""

import os
import shutil
from pathlib import Path

import pytest
from as_user import ROOT, forbid_writing, python

from leo_bench.models import compiled_code


def test_nothing_is_said_or_set_if_the_usual_places_can_be_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delenv(compiled_code.VARIABLE, raising=False)
    monkeypatch.setattr(compiled_code, "user_cache", lambda: tmp_path)
    compiled_code.find_place_for_compiled_code()
    assert compiled_code.VARIABLE not in os.environ
    assert capsys.readouterr().err == ""


def test_a_folder_that_is_not_there_yet_can_be_written_if_the_one_above_can(tmp_path: Path) -> None:
    assert compiled_code.can_be_written(tmp_path / "a" / "b")
    (tmp_path / "file").touch()
    assert not compiled_code.can_be_written(tmp_path / "file" / "b")


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(compiled_code.VARIABLE, "mine")
    monkeypatch.setattr(compiled_code, "can_be_written", lambda folder: False)
    compiled_code.find_place_for_compiled_code()
    assert os.environ[compiled_code.VARIABLE] == "mine"


@pytest.mark.slow
def test_a_read_only_installation_works_without_a_home_that_can_be_written(tmp_path: Path) -> None:
    installed, home, scratch = tmp_path / "installed", tmp_path / "home", tmp_path / "scratch"
    shutil.copytree(ROOT / "leo_bench", installed / "leo_bench", ignore=shutil.ignore_patterns("__pycache__"))
    home.mkdir()
    scratch.mkdir()
    for folder in (installed, home):
        forbid_writing(folder)
    surroundings = {"PYTHONPATH": str(installed), "HOME": str(home), "TMPDIR": str(scratch)}
    surroundings |= dict.fromkeys(("XDG_CACHE_HOME", compiled_code.VARIABLE))
    compiles = (
        "import leo_bench, numpy as np\nassert leo_bench.__file__.startswith({place!r}), leo_bench.__file__\n{door}\n"
        "from leo_bench.models import kernels\nprint('compiled')"
    ).format
    works = python("-c", compiles(place=str(installed), door="leo_bench.LEOEncoder"), cwd=scratch, **surroundings)
    assert works.stdout == "compiled\n", works.stderr
    assert works.stderr.startswith("NOTICE: compiled code cannot be kept") and works.stderr.count("\n") == 1
    assert list(scratch.iterdir()) == []  # the temporary folder is gone
    # without the search for a place, numba refuses
    fails = python("-c", compiles(place=str(installed), door=""), cwd=scratch, **surroundings)
    assert "cannot cache function" in fails.stderr
