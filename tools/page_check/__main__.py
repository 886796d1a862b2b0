"""Check of every report.html and index.html below folders: python -m tools.page_check [FOLDER ...] (default: reports).

Exit code 0: no faults; 1: faults, one line each; 2: no page, or no browser.
"""

import sys
from pathlib import Path

from tools.chromium import find_browser, missing
from tools.page_check.finding import Finding, lines
from tools.page_check.links import broken_links

PAGES = ("report.html", "index.html")


def find_pages(folders: list[Path]) -> list[Path]:
    """Return the report pages below the folders, in name order."""
    return sorted({path for folder in folders for name in PAGES for path in folder.rglob(name)})


def main(arguments: list[str]) -> int:
    """Check the pages and print their faults. Returns the exit code."""
    folders = [Path(name) for name in arguments] or [Path("reports")]
    pages, browser = find_pages(folders), find_browser()
    if not pages:
        print(
            f"error: no report page below {', '.join(map(str, folders))}; write reports first: make report",
            file=sys.stderr,
        )
        return 2
    if browser is None:
        print(f"error: {missing('check-pages')}", file=sys.stderr)
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
