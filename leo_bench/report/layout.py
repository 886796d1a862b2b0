"""Several rendered panels side by side in one SVG or PNG file."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageColor

from leo_bench.figures import BAND, COLOURS, INK, MUTED, PAPER, RAMP
from leo_bench.report.panels import PNG_DPI, Drawing
from leo_bench.report.svg import own_ids

MEANINGFUL = (*COLOURS, *RAMP, INK, MUTED, BAND, PAPER)
"""Colours that tell variants, accuracies, references and bands apart."""


def panel_rows(drawings: Sequence[Drawing], columns: int) -> list[list[Drawing]]:
    """Return the panels in rows, from left to right."""
    return [list(drawings[start : start + columns]) for start in range(0, len(drawings), columns)]


def compose_svg(drawings: Sequence[Drawing], columns: int) -> str:
    """Return panels side by side in one SVG file."""
    parts, y = [], 0.0
    for number, row in enumerate(panel_rows(drawings, columns)):
        x = 0.0
        for index, drawing in enumerate(row):
            body = own_ids(drawing.svg, f"p{number}-{index}")
            parts.append(body.replace("<svg ", f'<svg x="{72 * x:.2f}" y="{72 * y:.2f}" ', 1))
            x += drawing.width
        y += max(drawing.height for drawing in row)
    width = max(sum(drawing.width for drawing in row) for row in panel_rows(drawings, columns))
    size = f'width="{72 * width:.2f}pt" height="{72 * y:.2f}pt" viewBox="0 0 {72 * width:.2f} {72 * y:.2f}"'
    head = f'<?xml version="1.0" encoding="utf-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" {size}>'
    return "\n".join([head, *parts, "</svg>", ""])


def compose_png(drawings: Sequence[Drawing], columns: int) -> bytes:
    """Return panels side by side in one PNG file."""
    rows = [[Image.open(io.BytesIO(drawing.png)) for drawing in row] for row in panel_rows(drawings, columns)]
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
    """Return the picture in 256 colours, a third of the bytes; unchanged if that would alter a colour of MEANINGFUL."""
    few = sheet.quantize(256, dither=Image.Dither.NONE)
    before, after = np.asarray(sheet), np.asarray(few.convert("RGB"))
    changed = {tuple(colour) for colour in np.unique(before[(before != after).any(axis=-1)], axis=0).tolist()}
    return sheet if changed & {ImageColor.getrgb(colour) for colour in MEANINGFUL} else few
