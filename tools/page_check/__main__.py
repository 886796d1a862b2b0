"""python -m tools.page_check [FOLDER ...]: check every report.html and index.html below the folders (default: reports).

Exit code 0: nothing found; 1: faults, a line each; 2: no page, or no browser.
"""

import os
import shutil
import sys
from pathlib import Path

from tools.page_check.finding import Finding, lines
from tools.page_check.links import broken_links

PAGES = ("report.html", "index.html")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_pages(folders: list[Path]) -> list[Path]:
    """The report pages below the folders, in name order."""
    return sorted({path for folder in folders for name in PAGES for path in folder.rglob(name)})


def find_browser() -> str | None:
    """Chromium or Chrome: the one that CHROMIUM names, or where it names none the first on the PATH."""
    named = os.environ.get("CHROMIUM")
    return next(filter(None, map(shutil.which, [named] if named else BROWSERS)), None)


def main(arguments: list[str]) -> int:
    folders = [Path(name) for name in arguments] or [Path("reports")]
    pages, browser = find_pages(folders), find_browser()
    if not pages:
        print(f"error: no page below {', '.join(map(str, folders))}; make some first: make report", file=sys.stderr)
        return 2
    if browser is None:
        named = f"at {os.environ['CHROMIUM']}" if os.environ.get("CHROMIUM") else "on the PATH"
        print(
            f"error: no Chromium or Chrome {named}; install one (Debian, Ubuntu: apt install chromium), "
            "or name it: make check-pages CHROMIUM=/path/to/chrome",
            file=sys.stderr,
        )
        return 2
    from tools.page_check.browser import VIEWS, check, chromium

    found: list[Finding] = []
    with chromium(browser) as opened:
        for page in pages:
            here = [*broken_links(page, str(page)), *check(opened, page, str(page))]
            print("\n".join(lines(here) or [f"{page}: nothing found"]), flush=True)
            found += here
    views = ", ".join(view.name for view in VIEWS)
    print(f"{len(pages)} pages, each as {views} and in print: {len(lines(found, len(found)))} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
