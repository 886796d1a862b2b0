"""The one exception that a user is meant to read, a hint for its line, and the exit codes."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

EXIT_FAILED = 1
"""A run failed, bits differ, or the system refused to read or write."""
EXIT_USAGE = 2
"""Wrong input."""
EXIT_BUSY = 75
"""Another process does this run."""
EXIT_INTERRUPTED = 130
"""Stopped by the user."""
EXIT_PIPE_CLOSED = 141
"""The reader of the output, such as head, has ended; as for any program that SIGPIPE ends."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that looks most like another name; empty if none is near."""
    return next(iter(get_close_matches(name, list(known), n=1)), "")


def did_you_mean(name: str, known: Collection[str], otherwise: str = "there are") -> str:
    """Return a hint for a name that is not known: the nearest one, or else all, after the words of `otherwise`."""
    near = nearest(name, known)
    return f"did you mean {near!r}?" if near else f"{otherwise} {', '.join(known)}"


class LeoBenchError(Exception):
    """Error whose one line says what is wrong, what was expected and how to mend it; shown without a traceback."""

    def __str__(self) -> str:
        """Return the message. Signs that end a line or command a terminal, as a file name may have, are escaped."""
        message = super().__str__()
        return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in message)
