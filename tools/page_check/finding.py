"""What a check found, and how it is said."""

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
    """How the page was looked at, such as "phone dark"; empty where that does not matter."""


def lines(findings: Iterable[Finding], most: int = 5) -> list[str]:
    """A line per page, rule and element, the views in which it was found joined; a rule's elements beyond `most` are
    counted."""
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
