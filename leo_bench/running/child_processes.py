"""Processes that do runs and trials: how they stop, and their exit codes."""

import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE = 30
"""Seconds that a process may take to end after SIGTERM."""


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Make SIGTERM raise KeyboardInterrupt in this process, as Ctrl-C does, inside the `with` block."""
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def stop_all(processes: Iterable["subprocess.Popen[bytes]"], patience: float = PATIENCE) -> None:
    """Send SIGTERM to all processes, wait up to `patience` seconds for each, and kill those still running."""
    processes = list(processes)
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
