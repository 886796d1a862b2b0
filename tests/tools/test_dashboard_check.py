"""The check of the dashboard, as far as it needs no browser."""

import sys
from pathlib import Path

import pytest

from tools.dashboard_check import __main__ as check

LINE = "dashboard: http://127.0.0.1:4321/  (Ctrl-C stops it)"


def test_without_a_browser_one_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    assert check.main([]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "no Chromium or Chrome on the PATH" in line and "make check-dashboard CHROMIUM=" in line


@pytest.mark.parametrize(
    ("program", "address"),
    [
        (f"import time; print('{LINE}'); print('shown: 2', flush=True); time.sleep(60)", True),
        ("import sys; sys.exit('error: no study')", False),
    ],
)
def test_it_waits_until_everything_is_shown(
    program: str, address: bool, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "COMMAND", (sys.executable, "-c", program))
    with check.dashboard() as found:
        assert found == ("http://127.0.0.1:4321" if address else None)
    assert ("error: no study" in capfd.readouterr().err) != address


def test_what_goes_wrong_while_it_is_shown_stops_the_dashboard(monkeypatch: pytest.MonkeyPatch) -> None:
    program = f"import time; print('{LINE}'); print('shown: 2', flush=True); time.sleep(600)"
    monkeypatch.setattr(check, "COMMAND", (sys.executable, "-c", program))
    with pytest.raises(RuntimeError, match="no browser"), check.dashboard():
        raise RuntimeError("no browser")
