"""Findings of a check, and their lines of text."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """One fault of one element of a page."""

    page: str
    rule: str
    element: str
    message: str
    view: str = ""
    """View in which the fault was found, such as "phone dark"; empty if it does not depend on the view."""


def lines(findings: Iterable[Finding], most: int = 5) -> list[str]:
    """Return one line per page, rule and element, with all its views.

    For each page and rule at most `most` elements are listed. Further ones are only counted.
    """
    views: dict[tuple[str, str], dict[tuple[str, str], list[str]]] = {}
    for found in sorted(set(findings)):
        elements = views.setdefault((found.page, found.rule), {})
        elements.setdefault((found.element, found.message), []).append(found.view)
    result = []
    for (page, rule), elements in views.items():
        for (element, message), seen in list(elements.items())[:most]:
            where = f" ({', '.join(filter(None, seen))})" if any(seen) else ""
            result.append(f"{page}: {rule}: {element}: {message}{where}")
        if len(elements) > most:
            result.append(f"{page}: {rule}: and {len(elements) - most} elements more")
    return result
