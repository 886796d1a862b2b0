"""Which Chromium or Chrome the checks use."""

import os
import shutil

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> str | None:
    """Chromium or Chrome: the one that CHROMIUM names, or where it names none the first on the PATH."""
    named = os.environ.get("CHROMIUM")
    return next(filter(None, map(shutil.which, [named] if named else BROWSERS)), None)


def missing(target: str) -> str:
    """What to do where there is none, for a make target."""
    named = f"at {os.environ['CHROMIUM']}" if os.environ.get("CHROMIUM") else "on the PATH"
    return (
        f"no Chromium or Chrome {named}; install one (Debian, Ubuntu: apt install chromium), "
        f"or name it: make {target} CHROMIUM=/path/to/chrome"
    )
