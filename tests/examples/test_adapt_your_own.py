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
