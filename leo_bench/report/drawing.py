"""From panels to pictures: SVG and PNG files, and SVG elements of a page in the page's colours.

The same panel gives the same bytes: ids come from its content, no date is written.
"""

import html
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageColor

from leo_bench.figures import BAND, COLOURS, FONT, GRID, INK, MUTED, PAPER, RAMP

PNG_DPI = 128
MEANINGFUL = (*COLOURS, *RAMP, INK, MUTED, BAND, PAPER)
"""Colours that a reader tells variants, accuracies, references and bands by."""
FONTS = ["DejaVu Sans", "Arial", "Helvetica", "sans-serif"]


@dataclass(frozen=True)
class Panel:
    """One Axes of a figure: what draws it, its title, and its size in inches."""

    draw: Callable[..., Axes]
    title: str
    subtitle: str
    width: float = 3.9
    height: float = 2.75
    left: float = 0.55
    right: float = 0.9
    top: float = 0.47
    bottom: float = 0.48
    alt: str = ""
    """What the panel shows, in words."""


@dataclass(frozen=True)
class Drawing:
    """A rendered panel: SVG text and a PNG picture of the same."""

    svg: str
    png: bytes
    width: float
    height: float
    """Inches."""
    alt: str


def render(panel: Panel) -> Drawing:
    """Draw a panel. The same panel gives the same bytes: no date, no random ids."""
    style: Any = {
        "svg.hashsalt": "leo_bench",
        "svg.fonttype": "none",
        "font.family": ["sans-serif"],
        "font.sans-serif": FONTS,
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(panel.width, panel.height), facecolor=PAPER, dpi=PNG_DPI)
        canvas = FigureCanvasAgg(figure)
        inside = (panel.width - panel.left - panel.right, panel.height - panel.bottom - panel.top)
        box = (panel.left / panel.width, panel.bottom / panel.height, inside[0] / panel.width, inside[1] / panel.height)
        panel.draw(ax=figure.add_axes(box))
        for text, below, size, weight, colour in (
            (panel.title, 0.07, FONT + 1, "bold", INK),
            (panel.subtitle, 0.25, FONT - 1.5, "normal", MUTED),
        ):
            place = (0.08 / panel.width, 1 - below / panel.height)
            figure.text(*place, text, va="top", fontsize=size, weight=weight, color=colour)
        canvas.draw()
        png, svg = io.BytesIO(), io.StringIO()
        Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").save(png, "PNG", compress_level=1)
        figure.savefig(svg, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return Drawing(lean(svg.getvalue()), png.getvalue(), panel.width, panel.height, panel.alt)


def lean(svg: str) -> str:
    """The SVG with coordinates to a hundredth of a point and without comments: fewer bytes, the same picture."""

    def shorter(match: re.Match[str]) -> str:
        numbers = re.sub(r"-?\d+\.\d{3,}", lambda number: f"{round(float(number[0]), 2):g}", match[2])
        return f'{match[1]}="{" ".join(numbers.split())}"'

    svg = re.sub(r'(?<=\s)(d|x|y|transform|points)="([^"]*)"', shorter, svg)
    return re.sub(r"\s*<!--.*?-->", "", svg)


def inline_svg(svg: str, name: str, alt: str) -> str:
    """A rendered SVG as an element of a page: own ids, colours as the page's variables, alternative text."""
    body = leaner(own_ids(svg, name))
    for variable, colour in {"ink": INK, "muted": MUTED, "line": GRID, "paper": PAPER, "band": BAND}.items():
        body = body.replace(colour, f"var(--{variable})")
    for letter, colours in (("c", COLOURS), ("r", RAMP)):
        for index, colour in enumerate(colours):
            body = body.replace(colour, f"var(--{letter}{index})")
    return body.replace("<svg ", f'<svg role="img" aria-label="{html.escape(alt, quote=True)}" ', 1)


def leaner(body: str) -> str:
    """An <svg> element without what a page says once for all (fonts), needs no more (ids that nothing refers to) or
    cannot see (turns by nothing, indentation)."""
    wanted = set(re.findall(r'(?:href="#|url\(#)([^")]+)', body))
    body = re.sub(r' id="([^"]+)"', lambda match: match[0] if match[1] in wanted else "", body)
    body = re.sub(r"font-family: [^;\"]*; ?", "", body)
    body = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", body)
    return without_bare_groups(re.sub(r"\n\s+", "\n", body))


def without_bare_groups(body: str) -> str:
    """An <svg> element whose groups without attributes, which change nothing, are gone; what they hold stays."""
    kept: list[bool] = []  # of the groups that are open here

    def tag(match: re.Match[str]) -> str:
        if match[0].startswith("</"):
            return match[0] if kept.pop() else ""
        if match[0].rstrip().endswith("/>"):
            return "" if match[0].startswith("<g/>") else match[0]
        kept.append(not match[0].startswith("<g>"))
        return match[0] if kept[-1] else ""

    return re.sub(r"<g(?: [^>]*)?/?>\n?|</g>\n?", tag, body)


def lean_page(page: str) -> str:
    """A page whose drawings name their styles instead of repeating them: each distinct style of an <svg> element is a
    class, s0, s1, ..., with its rule at the end of the page's <style>. Ids inside drawings become i0, i1, ..."""
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
    """The page with the ids of its drawings numbered; they are different from each other already."""
    names: dict[str, str] = {}

    def drawing(svg: re.Match[str]) -> str:
        names.update({name: f"i{len(names) + i}" for i, name in enumerate(re.findall(r' id="([^"]+)"', svg[0]))})
        return re.sub(r'( id="|href="#|url\(#)([^")]+)', lambda found: found[1] + names.get(found[2], found[2]), svg[0])

    return re.sub(r"<svg.*?</svg>", drawing, page, flags=re.DOTALL)


def own_ids(svg: str, name: str) -> str:
    """The <svg> element with its ids made the name's own, so that several can stand in one document."""
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", svg[svg.index("<svg") :], count=1, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    return re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", body)


def grid(drawings: Sequence[Drawing], columns: int) -> list[list[Drawing]]:
    """Panels in rows, from left to right."""
    return [list(drawings[start : start + columns]) for start in range(0, len(drawings), columns)]


def compose_svg(drawings: Sequence[Drawing], columns: int) -> str:
    """Panels side by side in one SVG file."""
    parts, y = [], 0.0
    for number, row in enumerate(grid(drawings, columns)):
        x = 0.0
        for index, drawing in enumerate(row):
            body = own_ids(drawing.svg, f"p{number}-{index}")
            parts.append(body.replace("<svg ", f'<svg x="{72 * x:.2f}" y="{72 * y:.2f}" ', 1))
            x += drawing.width
        y += max(drawing.height for drawing in row)
    width = max(sum(drawing.width for drawing in row) for row in grid(drawings, columns))
    size = f'width="{72 * width:.2f}pt" height="{72 * y:.2f}pt" viewBox="0 0 {72 * width:.2f} {72 * y:.2f}"'
    head = f'<?xml version="1.0" encoding="utf-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" {size}>'
    return "\n".join([head, *parts, "</svg>", ""])


def compose_png(drawings: Sequence[Drawing], columns: int) -> bytes:
    """Panels side by side in one PNG file."""
    rows = [[Image.open(io.BytesIO(drawing.png)) for drawing in row] for row in grid(drawings, columns)]
    heights = [max(picture.height for picture in row) for row in rows]
    sheet = Image.new("RGB", (max(sum(picture.width for picture in row) for row in rows), sum(heights)), PAPER)
    top = 0
    for row, height in zip(rows, heights, strict=True):
        left = 0
        for picture in row:
            sheet.paste(picture, (left, top))
            left += picture.width
        top += height
    file = io.BytesIO()
    _with_palette(sheet).save(file, "PNG", dpi=(PNG_DPI, PNG_DPI), optimize=True)
    return file.getvalue()


def _with_palette(sheet: Image.Image) -> Image.Image:
    """The picture in 256 colours, a third of the bytes; as it was where that would change a colour with a meaning."""
    few = sheet.quantize(256, dither=Image.Dither.NONE)
    before, after = np.asarray(sheet), np.asarray(few.convert("RGB"))
    changed = {tuple(colour) for colour in np.unique(before[(before != after).any(axis=-1)], axis=0).tolist()}
    return sheet if changed & {ImageColor.getrgb(colour) for colour in MEANINGFUL} else few
