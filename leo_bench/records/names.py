"""Names that become parts of folders and files: what they may be, and the folder name of a study."""

import re
from typing import Annotated

from pydantic import AfterValidator

from leo_bench.errors import LeoBenchError

NAME = r"[A-Za-z0-9_][A-Za-z0-9_.+-]*"
"""Study, search, variant or switch. It is no path, and no shell and no address reads anything else in it."""
PROFILE = r"[A-Za-z0-9_][A-Za-z0-9_.+]*"
"""Profile. Without a hyphen, so that the last hyphen of a folder name ends the name of the study."""


def name_fault(name: str, profile: bool = False) -> str:
    """Return why a text is no name that may become a part of a path; empty if it is one."""
    if re.fullmatch(PROFILE if profile else NAME, name):
        return ""
    signs = "_ . and +" if profile else "_ . + and -"
    return f"{name!r} is no name; expected letters A to Z, digits, {signs}, with a letter, a digit or _ first"


def _checked(name: str) -> str:
    if fault := name_fault(name):
        raise ValueError(fault)
    return name


def _checked_profile(name: str) -> str:
    if fault := name_fault(name, profile=True):
        raise ValueError(fault)
    return name


Name = Annotated[str, AfterValidator(_checked)]
ProfileName = Annotated[str, AfterValidator(_checked_profile)]


def check_name(name: str, what: str) -> str:
    """Return a name that may become a part of a path. what: its kind, such as "study". Raises LeoBenchError."""
    if fault := name_fault(name, what == "profile"):
        raise LeoBenchError(f"{what} {fault}; a path is not taken")
    return name


def folder_name(name: str, profile: str, what: str = "study") -> str:
    """Return the name of the folder of a study or search at one profile. Raises LeoBenchError for wrong names.

    Different names and profiles have different folders.
    """
    return f"{check_name(name, what)}-{check_name(profile, 'profile')}"
