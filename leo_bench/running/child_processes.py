"""Child processes that do runs and trials: how they, and who started them, are stopped."""

import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE = 30
"""Seconds that a process has to end after SIGTERM."""


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Within, a SIGTERM to this process raises KeyboardInterrupt, as Ctrl-C does."""
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def stop_all(processes: Iterable["subprocess.Popen[bytes]"], patience: float = PATIENCE) -> None:
    """Ask all to end, wait for them, and kill those that do not within patience seconds each."""
    processes = list(processes)
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
