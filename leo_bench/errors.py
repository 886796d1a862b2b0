"""The one exception that a user is meant to read, and the exit codes."""

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


class LeoBenchError(Exception):
    """Error whose one line says what is wrong, what was expected and how to mend it; shown without a traceback."""

    def __str__(self) -> str:
        """Return the message. Signs that end a line or command a terminal, as a file name may have, are escaped."""
        message = super().__str__()
        return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in message)
