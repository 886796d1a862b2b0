"""Search for the Chromium or Chrome that the checks use."""

import os
import shutil

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> str | None:
    """Return the browser that the variable CHROMIUM names, or else the first on the PATH; None if there is none."""
    named = os.environ.get("CHROMIUM")
    return next(filter(None, map(shutil.which, [named] if named else BROWSERS)), None)


def missing(target: str) -> str:
    """Return the error message if there is no browser. target: make target to repeat."""
    named = f"at {os.environ['CHROMIUM']}" if os.environ.get("CHROMIUM") else "on the PATH"
    return (
        f"no Chromium or Chrome {named}; install one (Debian, Ubuntu: apt install chromium), "
        f"or name it: make {target} CHROMIUM=/path/to/chrome"
    )
