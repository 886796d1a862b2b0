"""Panels of a figure, and their rendering as SVG and PNG.

The same panel gives the same bytes: ids come from its content, no date is written.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from leo_bench.figures import FONT, INK, MUTED, PAPER
from leo_bench.figures.style import figure_style
from leo_bench.report.svg import compact

PNG_DPI = 128


@dataclass(frozen=True)
class Panel:
    """One Axes of a figure: a function that draws it, its title, its size in inches."""

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
    """Alternative text: the content of the panel in words."""


@dataclass(frozen=True)
class Drawing:
    """A rendered panel: SVG text and a PNG picture with the same content."""

    svg: str
    png: bytes
    width: float
    height: float
    """Inches."""
    alt: str


def render(panel: Panel) -> Drawing:
    """Draw a panel. The same panel gives the same bytes: no date, no random ids."""
    with figure_style():
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
    return Drawing(compact(svg.getvalue()), png.getvalue(), panel.width, panel.height, panel.alt)


@dataclass(frozen=True)
class Plot:
    """A figure of one or more panels."""

    name: str
    title: str
    caption: str
    panels: list[Panel]
    columns: int = 2
