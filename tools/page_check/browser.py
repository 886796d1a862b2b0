"""Checks of a page in Chromium: console, requests, axe-core, pictures, text in figures, width, print.

axe-core (https://github.com/dequelabs/axe-core) checks contrast, alternative text, headings, tables, names and
landmarks. measure.js measures the rest.
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

MEASURE = (Path(__file__).parent / "measure.js").read_text(encoding="utf-8")
AXE_OPTIONS = {
    "resultTypes": ["violations"],
    "rules": {"td-has-header": {"enabled": True}, "target-size": {"enabled": True}},
}
"""Options that switch on two rules: headers for the cells of large tables, and large enough buttons on a phone."""
PRINT_WIDTH = 718
"""Width of an A4 page between margins of 1 cm, CSS pixels."""


@dataclass(frozen=True)
class View:
    """Screen on which a page is checked: size in CSS pixels, colour scheme, phone or desktop."""

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
    """Start the browser at the path program, without a window, and close it at the end."""
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=program, args=["--disable-quic", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


def check(browser: Browser, path: Path, name: str) -> list[Finding]:
    """Return all faults of the page at path. name: name of the page in the findings."""
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
    """Open the page with all closed parts shown. Console messages and network requests are added to found."""
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
    try:
        page.goto(path.resolve().as_uri(), wait_until="load")
        page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
        yield page
    finally:
        context.close()


def faults(page: Page, view: View) -> Iterator[tuple[str, str, str]]:
    """Yield (rule, element, message) for each fault of the page on the screen."""
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
    """Return the help text of a rule with what it measured on the element."""
    details = [check["message"] for kind in ("any", "all", "none") for check in node[kind]]
    return f"{violation['help']}: {' '.join(details[:1])}"[:240].replace("\n", " ")


def print_faults(page: Page) -> Iterator[tuple[str, str, str]]:
    """Yield (rule, element, message) for each fault of the page on paper (A4)."""
    page.emulate_media(media="print")
    for element, hidden in page.evaluate(MEASURE, PRINT_WIDTH)["cut"]:
        yield "print", element, f"{hidden} px are cut off at the right on paper"
    pdf = page.pdf(format="A4", print_background=True, margin=dict.fromkeys(("top", "right", "bottom", "left"), "1cm"))
    if not pdf.startswith(b"%PDF") or not re.search(rb"/Type\s*/Page\b", pdf):
        yield "print", "body", "no PDF with a page could be made"
