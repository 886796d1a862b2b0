"""Check of the dashboard's pages in Chromium: plots are drawn, parameters and notes are shown, and nothing fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page
from playwright.sync_api import Error as BrowserError

from tools.page_check.finding import Finding

SECONDS = 20
"""Longest wait for a plot, on a busy machine."""
PICTURE_SIZE = {"width": 1300, "height": 1560}

MARKS = ".point, .points path, .js-line, .bars path"
"""Elements in which plotly draws data as SVG."""
PAINTED = """
(canvases) => canvases.map((canvas) => {
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [canvas.width, canvas.height];
    if (!copy.width || !copy.height) return 0;
    const context = copy.getContext("2d");
    context.drawImage(canvas, 0, 0);
    const data = context.getImageData(0, 0, copy.width, copy.height).data;
    let painted = 0;
    for (let i = 3; i < data.length; i += 4) painted += data[i] > 0;
    return painted;
})
"""
"""Script that counts the pixels of each canvas that are not transparent. WebGL draws into no element that could be
searched."""


def check(browser: Browser, address: str, picture: Path) -> tuple[int, list[Finding]]:
    """Check every study. Returns the number of studies, and the faults.

    picture: file for a picture of the study with the most pruned trials (a search), or else the most complete ones.
    """
    found: list[Finding] = []
    with opened(browser, "list", found) as page:
        page.goto(f"{address}/dashboard", wait_until="networkidle")
        studies = page.request.get(f"{address}/api/studies").json()["study_summaries"]
        for study in studies:
            if not _appears(page.get_by_text(study["study_name"])):
                found.append(Finding("list", "study", study["study_name"], "is not listed"))
    ended: dict[int, tuple[int, int]] = {}
    for study in studies:
        number, name = study["study_id"], study["study_name"]
        with opened(browser, name, found) as page:
            detail = page.request.get(f"{address}/api/studies/{number}").json()
            states = [trial["state"] for trial in detail["trials"]]
            ended[number] = (states.count("Pruned"), states.count("Complete"))
            for fault in faults(page, f"{address}/dashboard/studies/{number}", detail):
                found.append(Finding(name, *fault))
    if ended:
        best = max(ended, key=lambda number: ended[number])
        with opened(browser, "picture", found) as page:
            page.set_viewport_size(PICTURE_SIZE)
            page.goto(f"{address}/dashboard/studies/{best}", wait_until="networkidle")
            page.locator("#plot-history .main-svg").first.wait_for(timeout=1000 * SECONDS)
            page.wait_for_timeout(1000)
            picture.parent.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=picture)
    return len(studies), found


@contextmanager
def opened(browser: Browser, name: str, found: list[Finding]) -> Iterator[Page]:
    """Yield a page that adds its errors and failed requests to found."""
    page = browser.new_page(viewport={"width": 1300, "height": 1000})

    def note(rule: str, element: str, message: str) -> None:
        found.append(Finding(name, rule, element, message[:200]))

    page.on("console", lambda line: note("console", line.type, line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: note("console", "script", str(error)))
    page.on(
        "requestfailed",
        lambda request: (  # aborted: by going to the next page
            None if "ERR_ABORTED" in str(request.failure) else note("request", request.url, str(request.failure))
        ),
    )
    page.on("response", lambda reply: note("request", reply.url, str(reply.status)) if reply.status >= 400 else None)
    try:
        yield page
    except BrowserError as error:
        note("browser", page.url, str(error).splitlines()[0])
    finally:
        page.close()


def faults(page: Page, study: str, detail: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the faults of a study's pages as (rule, element, message). detail: the study as the dashboard's API gives
    it."""
    complete = [trial for trial in detail["trials"] if trial["state"] == "Complete"]
    page.goto(study, wait_until="networkidle")
    if len(complete) > 1:
        yield from undrawn(page, "plot-history", "graph-hyperparameter-importances", "graph-timeline")
        if detail["has_intermediate_values"] and len(detail["directions"]) == 1:
            yield from undrawn(page, "graph-intermediate-values")
        page.goto(f"{study}/analytics", wait_until="networkidle")
        yield from undrawn(page, "plot-slice")
        page.goto(f"{study}/smartSelection", wait_until="networkidle")
        yield from unpainted(page, "plot-parallel-coordinate")
    page.goto(f"{study}/note", wait_until="networkidle")
    yield from unsaid(page, "note", ["leo-bench "])
    for link in page.locator("a[href^='/reports/']").all():
        reply = page.request.get(page.evaluate("link => link.href", link.element_handle()))
        if not reply.ok:
            yield "link", reply.url, str(reply.status)
    for trial in complete[:1]:
        page.goto(f"{study}/trials?numbers={trial['number']}", wait_until="networkidle")
        words = [f"{parameter['name']} {parameter['param_external_value']}" for parameter in trial["params"]]
        yield from unsaid(page, f"trial {trial['number']}", [*words, "leo-bench reproduce --key"])
    page.goto(f"{study}/trialTable", wait_until="networkidle")


def undrawn(page: Page, *plots: str) -> Iterator[tuple[str, str, str]]:
    """Yield a fault for each SVG plot that shows no data."""
    for plot in plots:
        marks = page.locator(f"#{plot} .main-svg").locator(MARKS)
        if not _appears(marks):
            yield "plot", plot, "shows no data"


def unpainted(page: Page, plot: str) -> Iterator[tuple[str, str, str]]:
    """Yield a fault if a WebGL plot shows no lines."""
    canvas = page.locator(f"#{plot} canvas").first
    if not _appears(canvas):
        yield "plot", plot, "has no canvas"
        return
    page.wait_for_timeout(1000)
    if max(page.locator(f"#{plot} canvas").evaluate_all(PAINTED)) < 1000:
        yield "plot", plot, "shows no lines"


def unsaid(page: Page, element: str, words: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield a fault for each text that the page does not show."""
    page.wait_for_timeout(500)
    text = " ".join(page.inner_text("body").split())
    for word in words:
        if word not in text:
            yield "text", element, f"does not say {word!r}"


def _appears(element: Locator) -> bool:
    """Return True if the element is there, or comes within SECONDS."""
    try:
        element.first.wait_for(state="attached", timeout=1000 * SECONDS)
    except BrowserError:
        return False
    return True
