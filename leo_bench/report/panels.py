"""Panels of a figure, and their rendering as SVG and PNG.

The same panel gives the same bytes: ids come from its content, no date is written.
"""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from leo_bench.figures.style import FONT, INK, MUTED, PAPER, PNG_DPI, figure_style

ROOM = 0.08
"""Inches left free beside what is drawn."""
MOST_SAID = 12
"""Most values that an alternative text names: a listener cannot skip them, and the tables have all."""


@dataclass(frozen=True)
class Panel:
    """One Axes of a figure: a function that draws it, its title, its size in inches.

    Left and right of the Axes there is as much room as what is drawn there needs.
    """

    draw: Callable[..., Axes]
    title: str
    subtitle: str
    width: float = 3.9
    height: float = 2.75
    top: float = 0.47
    bottom: float = 0.48
    alt: str = ""
    """Alternative text: the content of the panel in words."""


@dataclass(frozen=True)
class Drawing:
    """A rendered panel: SVG text and a PNG picture with the same content, and its size in inches."""

    svg: str
    png: bytes
    width: float
    height: float
    alt: str


def alt_text(what: str, values: Iterable[str], between: str = ", ") -> str:
    """Return alternative text: `what: value, value, ... and 5 more`, with at most MOST_SAID values."""
    said = list(values)
    rest = f"{between}and {len(said) - MOST_SAID} more" if len(said) > MOST_SAID else ""
    return f"{what}: {between.join(said[:MOST_SAID])}{rest}"


def render(panel: Panel) -> Drawing:
    """Draw a panel. The same panel gives the same bytes: no date, no random ids."""
    with figure_style():
        figure = Figure(figsize=(panel.width, panel.height), facecolor=PAPER, dpi=PNG_DPI)
        canvas = FigureCanvasAgg(figure)
        ax = figure.add_axes(_box(panel, 0.6, 0.6))
        panel.draw(ax=ax)
        drawn, inside = ax.get_tightbbox(canvas.get_renderer()), ax.get_window_extent()
        assert drawn is not None
        ax.set_position(_box(panel, (inside.x0 - drawn.x0) / PNG_DPI + ROOM, (drawn.x1 - inside.x1) / PNG_DPI + ROOM))
        left, height = 0.08 / panel.width, panel.height
        figure.text(left, 1 - 0.07 / height, panel.title, va="top", fontsize=FONT + 1, weight="bold", color=INK)
        figure.text(left, 1 - 0.25 / height, panel.subtitle, va="top", fontsize=FONT - 1.5, color=MUTED)
        canvas.draw()
        png, svg = io.BytesIO(), io.StringIO()
        Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").save(png, "PNG", compress_level=1)
        figure.savefig(svg, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return Drawing(svg.getvalue(), png.getvalue(), panel.width, panel.height, panel.alt)


def _box(panel: Panel, left: float, right: float) -> tuple[float, float, float, float]:
    """Return the place of the Axes in its figure, as fractions, with these margins in inches."""
    width, height = panel.width - left - right, panel.height - panel.bottom - panel.top
    return left / panel.width, panel.bottom / panel.height, width / panel.width, height / panel.height


@dataclass(frozen=True)
class Plot:
    """A figure of one or more panels."""

    name: str
    title: str
    caption: str
    panels: list[Panel]
    columns: int = 2
