"""The one exception that a user is meant to read."""


class LeoBenchError(Exception):
    """What is wrong, what was expected and how to mend it, in one line; shown without a traceback."""
