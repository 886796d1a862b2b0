"""SVG text: made smaller, and made part of a page in the page's colours."""

import html
import re

from leo_bench.figures import BAND, COLOURS, GRID, INK, MUTED, PAPER, RAMP


def compact(svg: str) -> str:
    """Return the SVG with coordinates to a hundredth of a point and without comments: fewer bytes, the same picture."""

    def shorter(match: re.Match[str]) -> str:
        numbers = re.sub(r"-?\d+\.\d{3,}", lambda number: f"{round(float(number[0]), 2):g}", match[2])
        return f'{match[1]}="{" ".join(numbers.split())}"'

    svg = re.sub(r'(?<=\s)(d|x|y|transform|points)="([^"]*)"', shorter, svg)
    return re.sub(r"\s*<!--.*?-->", "", svg)


def inline_svg(svg: str, name: str, alt: str) -> str:
    """Return a rendered SVG as an element of a page: own ids, colours as the page's variables, alternative text."""
    body = compact_for_page(own_ids(svg, name))
    for variable, colour in {"ink": INK, "muted": MUTED, "line": GRID, "paper": PAPER, "band": BAND}.items():
        body = body.replace(colour, f"var(--{variable})")
    for letter, colours in (("c", COLOURS), ("r", RAMP)):
        for index, colour in enumerate(colours):
            body = body.replace(colour, f"var(--{letter}{index})")
    return body.replace("<svg ", f'<svg role="img" aria-label="{html.escape(alt, quote=True)}" ', 1)


def compact_for_page(body: str) -> str:
    """Return an <svg> element without fonts (the page sets them), unused ids, rotations by 0 and indentation."""
    wanted = set(re.findall(r'(?:href="#|url\(#)([^")]+)', body))
    body = re.sub(r' id="([^"]+)"', lambda match: match[0] if match[1] in wanted else "", body)
    body = re.sub(r"font-family: [^;\"]*; ?", "", body)
    body = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", body)
    return without_bare_groups(re.sub(r"\n\s+", "\n", body))


def without_bare_groups(body: str) -> str:
    """Return an <svg> element without <g> tags that have no attributes; their content stays."""
    kept: list[bool] = []  # of the groups that are open here

    def tag(match: re.Match[str]) -> str:
        if match[0].startswith("</"):
            return match[0] if kept.pop() else ""
        if match[0].rstrip().endswith("/>"):
            return "" if match[0].startswith("<g/>") else match[0]
        kept.append(not match[0].startswith("<g>"))
        return match[0] if kept[-1] else ""

    return re.sub(r"<g(?: [^>]*)?/?>\n?|</g>\n?", tag, body)


def compact_page(page: str) -> str:
    """Return a page whose drawings share their styles and have short ids.

    Each distinct style of an <svg> element becomes a class, s0, s1, ..., with its rule at the end of the page's
    <style>. Ids inside drawings become i0, i1, ...
    """
    names: dict[str, str] = {}

    def drawing(svg: re.Match[str]) -> str:
        return re.sub(r'style="([^"]*)"', lambda style: f'class="{name(style[1])}"', svg[0])

    def name(style: str) -> str:
        return names.setdefault(style, f"s{len(names)}")

    page = re.sub(r"<svg.*?</svg>", drawing, page, flags=re.DOTALL)
    page = _with_short_ids(page)
    rules = "".join(f".{name}{{{html.unescape(style)}}}\n" for style, name in names.items())
    return page.replace("</style>", f"{rules}</style>", 1)


def _with_short_ids(page: str) -> str:
    """Return the page with the ids of its drawings numbered; they are unique already."""
    names: dict[str, str] = {}

    def drawing(svg: re.Match[str]) -> str:
        names.update({name: f"i{len(names) + i}" for i, name in enumerate(re.findall(r' id="([^"]+)"', svg[0]))})
        return re.sub(r'( id="|href="#|url\(#)([^")]+)', lambda found: found[1] + names.get(found[2], found[2]), svg[0])

    return re.sub(r"<svg.*?</svg>", drawing, page, flags=re.DOTALL)


def own_ids(svg: str, name: str) -> str:
    """Return the <svg> element with a prefix on its ids, so that several can stand in one document."""
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", svg[svg.index("<svg") :], count=1, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    return re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", body)
