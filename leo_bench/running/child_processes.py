"""Processes that do runs and trials: how they stop, and their exit codes."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from leo_bench.errors import EXIT_FAILED, EXIT_INTERRUPTED, LeoBenchError

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


def exit_code(work: Callable[[], object], codes: Mapping[type[LeoBenchError], int] | None = None) -> int:
    """Do the work of a child process, print the LeoBenchError that it raises, and return the exit code.

    It is 0, EXIT_INTERRUPTED after Ctrl-C or SIGTERM, or else the code of the class of the error in codes, EXIT_FAILED
    if codes has none.
    """
    try:
        with sigterm_interrupts():
            work()
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except LeoBenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return (codes or {}).get(type(error), EXIT_FAILED)
    return 0


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
