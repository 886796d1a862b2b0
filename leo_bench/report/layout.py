"""Several rendered panels side by side in one SVG or PNG file."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageColor

from leo_bench.figures.style import BAND, COLOURS, INK, MUTED, PAPER, PNG_DPI
from leo_bench.report.panels import Drawing
from leo_bench.report.svg import own_ids

MEANINGFUL = (*COLOURS, INK, MUTED, BAND, PAPER)
"""Colours that tell variants, references and bands apart."""
N_COLOURS = 64
"""Colours of a PNG file, which then has a quarter of the bytes; the repository has two hundred such files."""


def places(sizes: Sequence[tuple[float, float]], columns: int) -> tuple[list[tuple[float, float]], float, float]:
    """Return left and top of each panel, row by row from left to right, and the width and height of all together."""
    found, width, top = [], 0.0, 0.0
    for start in range(0, len(sizes), columns):
        row, left = sizes[start : start + columns], 0.0
        for size in row:
            found.append((left, top))
            left += size[0]
        width, top = max(width, left), top + max(height for _, height in row)
    return found, width, top


def compose_svg(drawings: Sequence[Drawing], columns: int) -> str:
    """Return panels side by side in one SVG file."""
    corners, width, height = places([(72 * drawing.width, 72 * drawing.height) for drawing in drawings], columns)
    parts = [
        own_ids(drawing.svg, f"p{index}").replace("<svg ", f'<svg x="{left:.2f}" y="{top:.2f}" ', 1)
        for index, (drawing, (left, top)) in enumerate(zip(drawings, corners, strict=True))
    ]
    size = f'width="{width:.2f}pt" height="{height:.2f}pt" viewBox="0 0 {width:.2f} {height:.2f}"'
    head = f'<?xml version="1.0" encoding="utf-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" {size}>'
    return "\n".join([head, *parts, "</svg>", ""])


def compose_png(drawings: Sequence[Drawing], columns: int) -> bytes:
    """Return panels side by side in one PNG file of N_COLOURS colours, which alters no colour of MEANINGFUL."""
    pictures = [Image.open(io.BytesIO(drawing.png)) for drawing in drawings]
    corners, width, height = places([picture.size for picture in pictures], columns)
    sheet = Image.new("RGB", (int(width), int(height)), PAPER)
    for picture, (left, top) in zip(pictures, corners, strict=True):
        sheet.paste(picture, (int(left), int(top)))
    few = _quantized(sheet, N_COLOURS)
    before, after = np.asarray(sheet), np.asarray(few.convert("RGB"))
    changed = {tuple(colour) for colour in np.unique(before[(before != after).any(axis=-1)], axis=0).tolist()}
    file = io.BytesIO()
    kept = _with_meaningful(sheet) if changed & {ImageColor.getrgb(colour) for colour in MEANINGFUL} else few
    kept.save(file, "PNG", dpi=(PNG_DPI, PNG_DPI), optimize=True)
    return file.getvalue()


def _quantized(sheet: Image.Image, n_colours: int) -> Image.Image:
    """Return a picture in a palette that leaves no colour far from its own.

    The usual median cut gives rare colours, such as those of thin lines, to frequent ones that differ visibly.
    """
    return sheet.quantize(n_colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)


def _with_meaningful(sheet: Image.Image) -> Image.Image:
    """Return a picture in N_COLOURS colours, among which are those of MEANINGFUL."""
    colours = [ImageColor.getrgb(colour) for colour in MEANINGFUL]
    n_others = N_COLOURS - len(colours)
    few = _quantized(sheet, n_others)
    others = (few.getpalette() or [])[: 3 * n_others]
    before, places = np.asarray(sheet), np.asarray(few).copy()
    for place, colour in enumerate(colours, start=n_others):
        places[(before == colour).all(axis=-1)] = place
    exact = Image.fromarray(places, "P")
    exact.putpalette(others + [0] * (3 * n_others - len(others)) + [part for colour in colours for part in colour[:3]])
    return exact
