"""Style shared by all figures: one colour and marker per variant, colours of text and background, sizes of text."""

import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from leo_bench.records import Plan

INK, MUTED, GRID, PAPER, BAND = "#1b1f24", "#5b6470", "#dce1e7", "#ffffff", "#d3ead9"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#aa4499", "#a87b00", "#3d9bd1")
"""Distinguishable under the common kinds of colour blindness, with a contrast of at least 3 to white."""
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "p", "h", "*", "d", "8")
"""No arrowheads: those mark values beyond an axis."""
EPISODE_DASH = (0, (1.5, 1.2))
"""Dotted: an interval over one model's test episodes. An interval over seeds is solid."""
LABEL_WIDTH = 26
"""Characters after which a variant's label continues on another line."""
FONT, SMALL = 8.5, 7.5
"""Text sizes in points, at a panel's own size; a phone shows a panel of 3.9 inches about a quarter larger."""

PNG_DPI = 100

FONTS = ["DejaVu Sans", "Arial", "Helvetica", "sans-serif"]
RC: Any = {
    "svg.hashsalt": "leo_bench",
    "svg.fonttype": "none",
    "font.family": ["sans-serif"],
    "font.sans-serif": FONTS,
    "text.color": INK,  # pages replace the colours of this module in the dark, and no other
    "text.parse_math": False,  # a dollar sign in a label is a dollar sign
}
"""matplotlib's parameters where they are not its own defaults."""


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw with matplotlib's own defaults and RC, whatever a matplotlibrc, a notebook or another style has set.

    What was set before applies again afterwards.
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(RC)
        yield


Styles = Mapping[str, "VariantStyle"]
"""Variant -> its style."""


@dataclass(frozen=True)
class VariantStyle:
    colour: str
    marker: str


def variant_styles(plan: Plan) -> dict[str, VariantStyle]:
    """Return colour and marker of each variant: the baseline is black, references are grey.

    Variants of a switch follow each other in the colours; no two variants share both colour and marker while there are
    enough of them.
    """
    styles = {plan.baseline: VariantStyle(INK, "o")}
    for index, name in enumerate(plan.references):
        styles[name] = VariantStyle(MUTED, MARKERS[-1 - index % 3])
    names = [*(name for variants in plan.switches.values() for name in variants), *(run.variant for run in plan.runs)]
    marks = cycle([VariantStyle(colour, marker) for marker in MARKERS[1:-3] for colour in COLOURS])
    return styles | {name: next(marks) for name in dict.fromkeys(names) if name not in styles}


def series_styles(names: Iterable[str]) -> dict[str, VariantStyle]:
    """Return colour and marker of lines or points that are not variants, such as data sets, in their order."""
    return {name: VariantStyle(colour, marker) for name, colour, marker in zip(names, cycle(COLOURS), cycle(MARKERS))}


def style_axes(ax: Axes, grid: Literal["x", "y", "both"] = "y") -> Axes:
    """Set spines, grid and text sizes, the same in every figure. grid: the axis whose ticks have lines."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(MUTED)
    ax.grid(True, axis=grid, color=GRID, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=FONT, colors=INK, length=3, color=MUTED)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set_fontsize(FONT)
        axis.label.set_color(INK)
    return ax


def as_png(figure: Figure) -> bytes:
    """Return a figure as a PNG picture, the same bytes each time."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=PNG_DPI, metadata={"Software": None})
    return content.getvalue()
