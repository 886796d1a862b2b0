"""Processes that do runs and trials: what they import, how they stop, and their exit codes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType

from leo_bench.errors import EXIT_FAILED, EXIT_INTERRUPTED, LeoBenchError

PATIENCE = 30
"""Seconds that a process may take to end after SIGTERM."""
STOP_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""Signals that end a program besides Ctrl-C: from `kill` or a shutdown, from a closed terminal, from Ctrl-backslash."""
PYTHON = (sys.executable, "-P", "-m")
"""Start of a command that runs a module. -P: a file such as random.py in the working folder is not imported."""


def import_path(*first: Path) -> dict[str, str]:
    """Return the variable PYTHONPATH for a child process: that of this process, with the folders `first` before it.

    Empty entries are left out, because Python takes them for the working folder.
    """
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return {"PYTHONPATH": os.pathsep.join([*(str(folder.absolute()) for folder in first), *filter(None, given)])}


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Make STOP_SIGNALS raise KeyboardInterrupt in this process, as Ctrl-C does, inside the `with` block.

    A signal that is ignored, as SIGHUP is below nohup, stays ignored. In other threads than the main one, which get no
    signals, this does nothing.
    """
    if current_thread() is not main_thread():
        yield
        return
    taken = [number for number in STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, _interrupt) for number in taken}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def exit_code(work: Callable[[], object], codes: Mapping[type[LeoBenchError], int] | None = None) -> int:
    """Do the work of a child process, print the LeoBenchError that it raises, and return the exit code.

    It is 0, EXIT_INTERRUPTED after Ctrl-C or one of STOP_SIGNALS, or else the code of the class of the error in codes,
    EXIT_FAILED if codes has none.
    """
    try:
        with signals_interrupt():
            work()
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except LeoBenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return (codes or {}).get(type(error), EXIT_FAILED)
    return 0


def signal_name(number: int) -> str:
    """Return the name of a signal, such as SIGKILL. Most real-time signals have none and are named by their number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"real-time signal {number}"


def stop_all(processes: Iterable["subprocess.Popen[bytes]"], patience: float = PATIENCE) -> None:
    """Send SIGTERM to all processes, wait up to `patience` seconds for each, and kill those still running.

    A second Ctrl-C meanwhile kills at once what is still running.
    """
    processes = list(processes)
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            _kill(process)
        except KeyboardInterrupt:
            patience = 0
            _kill(process)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
