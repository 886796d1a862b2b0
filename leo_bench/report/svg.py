"""A rendered SVG as part of another document."""

import html
import re

from leo_bench.figures.style import BAND, COLOURS, GRID, INK, MUTED, PAPER


def own_ids(svg: str, name: str) -> str:
    """Return the <svg> element with a prefix on its ids, so that several can stand in one document."""
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg[svg.index("<svg") :])


def inline_svg(svg: str, name: str, alt: str) -> str:
    """Return a rendered SVG as an element of a page: own ids, colours as the page's variables, alternative text."""
    colours = {"ink": INK, "muted": MUTED, "line": GRID, "paper": PAPER, "band": BAND}
    body = own_ids(svg, name)
    for variable, colour in {**colours, **{f"c{index}": colour for index, colour in enumerate(COLOURS)}}.items():
        body = body.replace(colour, f"var(--{variable})")
    return body.replace("<svg ", f'<svg role="img" aria-label="{html.escape(alt, quote=True)}" ', 1)
