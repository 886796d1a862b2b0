"""Stopping processes, and being stopped."""

import os
import signal
import subprocess
import sys

import pytest

from leo_bench.running.child_processes import sigterm_interrupts, stop_all

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"


def started(code: str) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"ready\n"
    return process


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


def test_sigterm_interrupts_within_and_not_after() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), sigterm_interrupts():
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()
    assert signal.getsignal(signal.SIGTERM) is before
