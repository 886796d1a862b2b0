"""Entry of the command line: runs one command, and says in one line how it ended."""

import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from leo_bench.commands.outputs import check_outputs
from leo_bench.commands.parser import parser
from leo_bench.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_PIPE_CLOSED, EXIT_USAGE, LeoBenchError
from leo_bench.models.compiled_code import find_place_for_compiled_code
from leo_bench.running.child_processes import signals_interrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 (a run failed, bits differ, or the system refused to read or
    write), 2 (wrong input), 130 (interrupted) or 141 (nobody reads the output any more)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # a sign that the terminal's encoding lacks is no error, and progress reaches a pipe line by line
            stream.reconfigure(errors="backslashreplace", line_buffering=True)
    os.environ["MPLBACKEND"] = "agg"  # commands draw into files; what a notebook has set may not even be installed
    try:
        with signals_interrupt():
            options = parser().parse_args(arguments)
            check_outputs(options)
            find_place_for_compiled_code()
            code = int(options.command(options) or 0)
            sys.stdout.flush()
            return code
    except LeoBenchError as error:
        return _ended(EXIT_USAGE, f"error: {error}")
    except KeyboardInterrupt:
        return _ended(EXIT_INTERRUPTED, "interrupted")
    except BrokenPipeError:
        return _ended(EXIT_PIPE_CLOSED)
    except OSError as error:
        return _ended(EXIT_FAILED, f"error: {_refusal(error)}")


def _ended(code: int, message: str = "") -> int:
    """Print a message on stderr and return an exit code, whatever state the two outputs are in."""
    try:
        sys.stdout.flush()
    except OSError:  # or Python would try again at its end, and print a traceback
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if message:
        with suppress(OSError):  # a terminal that is closed
            print(message, file=sys.stderr, flush=True)
    return code


def _refusal(error: OSError) -> str:
    """Return an error of the system in one line."""
    reason = " ".join((error.strerror or str(error) or type(error).__name__).split())
    if error.filename is None:
        return f"the output cannot be written, or a file cannot be read: {reason}"
    return f"{error.filename}: {reason}; check the path, its permissions and the free disk space"


if __name__ == "__main__":
    sys.exit(main())
