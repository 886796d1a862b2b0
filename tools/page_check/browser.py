"""A page in Chromium: console, requests, axe-core, pictures, text in figures, width, print.

axe-core (https://github.com/dequelabs/axe-core) checks contrast, alternative text, headings, tables, names and
landmarks; measure.js what it passes over.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tools.page_check.finding import Finding
from tools.page_check.text import text_faults

MEASURE = (Path(__file__).parent / "measure.js").read_text()
AXE_OPTIONS = {
    "resultTypes": ["violations"],
    "rules": {"td-has-header": {"enabled": True}, "target-size": {"enabled": True}},
}
"""Two rules that axe-core leaves off: cells of large tables have headers, buttons can be hit on a phone."""
PRINT_WIDTH = 718
"""CSS pixels of an A4 page between margins of 1 cm."""


@dataclass(frozen=True)
class View:
    """A way to look at a page."""

    width: int
    height: int
    scheme: str
    phone: bool

    @property
    def name(self) -> str:
        return f"{'phone' if self.phone else 'desktop'} {self.scheme}"


VIEWS = [
    View(width, height, scheme, phone)
    for width, height, phone in ((1280, 900, False), (390, 844, True))
    for scheme in ("light", "dark")
]


@contextmanager
def chromium(program: str) -> Iterator[Browser]:
    """The browser at program, without a window."""
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=program, args=["--disable-quic", "--disable-gpu"])
        yield browser
        browser.close()


def check(browser: Browser, path: Path, name: str) -> list[Finding]:
    """Everything that the browser shows to be wrong with the page at path, called name in the findings."""
    found: list[Finding] = []
    for view in VIEWS:
        with opened(browser, path, name, view, found) as page:
            found += [Finding(name, *fault, view.name) for fault in faults(page, view)]
            if not view.phone:
                page.evaluate("for (const button of document.querySelectorAll('button')) button.click()")
    with opened(browser, path, name, View(PRINT_WIDTH, 1000, "light", False), found) as page:
        found += [Finding(name, *fault, "print") for fault in print_faults(page)]
    return found


@contextmanager
def opened(browser: Browser, path: Path, name: str, view: View, found: list[Finding]) -> Iterator[Page]:
    """The page, loaded, its closed parts opened; what it says to the console or asks of the network goes to found."""
    context = browser.new_context(
        viewport={"width": view.width, "height": view.height},
        color_scheme=view.scheme,
        is_mobile=view.phone,
        has_touch=view.phone,
    )
    context.route(re.compile("^(https?|wss?):"), lambda route: route.abort())
    page = context.new_page()

    def note(rule: str, element: str, message: str) -> None:
        found.append(Finding(name, rule, element, message[:200], view.name))

    page.on(
        "console", lambda line: note("console", line.type, line.text) if line.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: note("console", "script", str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(("file:", "data:", "blob:"))
            else note("request", request.resource_type, f"asks for {request.url[:120]}; a report must stand alone")
        ),
    )
    page.goto(path.resolve().as_uri(), wait_until="load")
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    yield page
    context.close()


def faults(page: Page, view: View) -> Iterator[tuple[str, str, str]]:
    """(rule, element, message) of what is wrong with the page on the screen."""
    for violation in Axe().run(page, options=AXE_OPTIONS).response["violations"]:
        for node in violation["nodes"]:
            yield violation["id"], " ".join(map(str, node["target"])), _axe_message(violation, node)
    facts = page.evaluate(MEASURE, view.width)
    if facts["pageWidth"] > view.width:
        yield (
            "width",
            ", ".join(facts["wide"]) or "body",
            f"the page is {facts['pageWidth']} px wide in a window of {view.width}",
        )
    for image in facts["brokenImages"]:
        yield "image", image, "cannot be shown"
    for table in facts["bareTables"]:
        yield "table-header", table, "a table without header cells"
    yield from text_faults(facts["texts"], view.phone)


def _axe_message(violation: dict[str, Any], node: dict[str, Any]) -> str:
    """The rule's own words, with what it measured on the element."""
    details = [check["message"] for kind in ("any", "all", "none") for check in node[kind]]
    return f"{violation['help']}: {' '.join(details[:1])}"[:240].replace("\n", " ")


def print_faults(page: Page) -> Iterator[tuple[str, str, str]]:
    """(rule, element, message) of what is wrong with the page on paper (A4)."""
    page.emulate_media(media="print")
    for element, hidden in page.evaluate(MEASURE, PRINT_WIDTH)["cut"]:
        yield "print", element, f"{hidden} px are cut off at the right on paper"
    pdf = page.pdf(format="A4", print_background=True, margin=dict.fromkeys(("top", "right", "bottom", "left"), "1cm"))
    if not pdf.startswith(b"%PDF") or not re.search(rb"/Type\s*/Page\b", pdf):
        yield "print", "body", "no PDF with a page could be made"
