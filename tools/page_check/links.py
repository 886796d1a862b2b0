"""Check for broken links and images of a page, relative files and anchors, without a browser."""

from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tools.page_check.finding import Finding

ADDRESSES = ("href", "src", "data", "poster")
OUTSIDE = ("http", "https", "mailto")
"""Schemes of links to other sites. Whatever the page itself fetches is checked in the browser."""


class _Page(HTMLParser):
    """Anchors of a page and the addresses in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" or (tag == "a" and name == "name"):
                self.ids.append(value or "")
            elif name.removeprefix("xlink:") in ADDRESSES and value is not None:
                self.links.append((tag, value))


@cache
def _read(path: Path) -> _Page:
    return _Page(path.read_text(encoding="utf-8"))


def broken_links(path: Path, name: str) -> list[Finding]:
    """Return the broken links and repeated ids of the page at path. name: name of the page in the findings."""
    page = _read(path)
    found = []
    for tag, address in dict.fromkeys(page.links):
        message = _fault(path, page, address)
        if message:
            found.append(Finding(name, "link", f'<{tag} "{address[:80]}">', message))
    twice = sorted({one for one in page.ids if page.ids.count(one) > 1})
    found += [Finding(name, "id", f"#{one}", "the page gives this id more than once") for one in twice]
    return found


def _fault(path: Path, page: _Page, address: str) -> str:
    """Return the fault of an address in the page; empty if there is none."""
    parts = urlsplit(address)
    if parts.scheme in OUTSIDE or parts.scheme == "data":
        return ""
    if parts.scheme or parts.netloc or parts.path.startswith("/"):
        return "an address that holds on one machine only; make it relative"
    target = path.parent / unquote(parts.path) if parts.path else path
    if not target.is_file():
        return f"there is no file {target}"
    if parts.fragment and target.suffix in (".html", ".htm"):
        ids = page.ids if target == path else _read(target.resolve()).ids
        if unquote(parts.fragment) not in ids:
            return f"{target.name} has no element with the id {parts.fragment}"
    return ""
