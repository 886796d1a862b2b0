"""Stopping of processes, and their exit codes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from leo_bench.errors import LeoBenchError
from leo_bench.running.child_processes import exit_code, import_path, signals_interrupt, stop_all

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"


def started(code: str) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"ready\n"
    return process


@pytest.mark.parametrize(
    ("given", "plain", "with_first"),
    [
        ("/one:/two", "/one:/two", "/first:/one:/two"),
        (":/one::/two:", "/one:/two", "/first:/one:/two"),
        (":", "", "/first"),
        ("", "", "/first"),
        (None, "", "/first"),
    ],
)
def test_empty_entries_of_the_import_path_are_left_out(
    monkeypatch: pytest.MonkeyPatch, given: str | None, plain: str, with_first: str
) -> None:
    if given is None:
        monkeypatch.delenv("PYTHONPATH", raising=False)
    else:
        monkeypatch.setenv("PYTHONPATH", given)
    assert import_path() == {"PYTHONPATH": plain}
    assert import_path(Path("/first")) == {"PYTHONPATH": with_first}


def test_all_are_asked_and_the_deaf_are_killed() -> None:
    willing = started("import time; print('ready', flush=True); time.sleep(60)")
    deaf = started(DEAF)
    stop_all([willing, deaf], patience=0.5)
    assert [willing.returncode, deaf.returncode] == [-signal.SIGTERM, -signal.SIGKILL]


def test_a_process_that_has_ended_is_left_in_peace() -> None:
    done = started("print('ready', flush=True)")
    done.wait()
    stop_all([done])
    assert done.returncode == 0


def test_signals_interrupt_within_and_not_after() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), signals_interrupt():
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()
    assert signal.getsignal(signal.SIGTERM) is before


class Busy(LeoBenchError):
    """Error with its own exit code."""


@pytest.mark.parametrize(
    ("raised", "code", "message"),
    [
        (None, 0, ""),
        (KeyboardInterrupt(), 130, ""),
        (LeoBenchError("no data"), 1, "error: no data\n"),
        (Busy("being done"), 75, "error: being done\n"),
    ],
)
def test_the_exit_code_says_how_the_work_of_a_process_ended(
    capsys: pytest.CaptureFixture[str], raised: BaseException | None, code: int, message: str
) -> None:
    def work() -> None:
        if raised is not None:
            raise raised

    assert exit_code(work, {Busy: 75}) == code
    assert capsys.readouterr().err == message


def test_an_error_that_is_no_ones_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        exit_code(lambda: 1 // 0)
