"""python -m tools.dashboard_check [PICTURE]: start the dashboard on results/ and check each of its studies in Chromium.

PICTURE (default: build/dashboard.png) becomes a picture of one study. Exit code 0: nothing found; 1: faults, one line
each; 2: the dashboard did not start, or there is no browser.
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.chromium import find_browser, missing
from tools.page_check.finding import lines

COMMAND = (".venv/bin/python", "-m", "leo_bench.commands.cli", "dashboard", "--port", "0")


@contextmanager
def dashboard() -> Iterator[str | None]:
    """Yield the address of a dashboard that shows everything; None if it did not start and has said why."""
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = None
        for line in process.stdout:
            found = re.match(r"dashboard: (http://127\.0\.0\.1:\d+)/", line)
            address = found[1] if found else address
            if line.startswith("shown: "):
                break
            if not found:
                print(line, end="")
        try:
            yield address if process.poll() is None else None
        finally:
            process.terminate()


def main(arguments: list[str]) -> int:
    """Check the dashboard. Returns the exit code."""
    picture, browser = Path(*arguments or ["build/dashboard.png"]), find_browser()
    if browser is None:
        print(f"error: {missing('check-dashboard')}", file=sys.stderr)
        return 2
    from tools.dashboard_check.browser import check
    from tools.page_check.browser import chromium

    began = time.monotonic()
    with dashboard() as address:
        if address is None:
            return 2
        print(f"the dashboard shows everything after {time.monotonic() - began:.0f} s")
        with chromium(browser) as opened:
            studies, found = check(opened, address, picture)
    print("\n".join(lines(found) or ["nothing found"]))
    print(f"{studies} studies, six pages each: {len(lines(found, len(found)))} faults; picture: {picture}")
    return 1 if found or not studies else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
