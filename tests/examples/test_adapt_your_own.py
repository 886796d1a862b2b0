"""The example that adapts a model to ten pictures: its drawings are there, and it answers most of the others."""

import re
import runpy
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "adapt_your_own.py"


def test_it_adapts_to_ten_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE)])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    out = capsys.readouterr().out
    assert "10 pictures of 10 classes, 30 others to classify" in out
    shares = [float(share) for share in re.findall(r"([\d.]+)%", out)]
    assert len(shares) == 2 and min(shares) >= 80
    assert (tmp_path / "adapt_your_own.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_goes_into_a_new_folder_and_one_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [str(EXAMPLE.parent / "drawings" / name) for name in ("support", "query")]
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), *folders, str(tmp_path / "new" / "out.png")])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert (tmp_path / "new" / "out.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "file").touch()
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), *folders, str(tmp_path / "file" / "out.png")])
    with pytest.raises(SystemExit, match=r"^error: cannot make the folder .*/file"):
        runpy.run_path(str(EXAMPLE), run_name="__main__")
