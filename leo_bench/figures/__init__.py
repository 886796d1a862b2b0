"""Figures of a study or of a search: each a function of a frame and an Axes, which it returns. No global style, no
pyplot state.

Frames hold fractions; axes show percent. A variant keeps one colour and marker in every figure
(`variant_styles`); markers tell variants apart without colour too.
"""

from leo_bench.figures.accuracy_axis import near_ceiling
from leo_bench.figures.accuracy_by_cost import accuracy_by_cost
from leo_bench.figures.accuracy_by_setting import accuracy_by_setting
from leo_bench.figures.forest_plot import forest_plot, signed
from leo_bench.figures.gains import gain_by_error, gains
from leo_bench.figures.importance import importance_floor, search_importance
from leo_bench.figures.intervals import LEAST_SEEDS
from leo_bench.figures.latent_directions import directions_size, latent_directions
from leo_bench.figures.learning_curves import accuracy_by_time, learning_curves
from leo_bench.figures.style import (
    BAND,
    COLOURS,
    FONT,
    GRID,
    INK,
    LABEL_WIDTH,
    MUTED,
    PAPER,
    SMALL,
    Styles,
    VariantStyle,
    series_styles,
    style_axes,
    variant_styles,
)
from leo_bench.figures.waterfall import waterfall

__all__ = [
    "BAND",
    "COLOURS",
    "FONT",
    "GRID",
    "INK",
    "LABEL_WIDTH",
    "LEAST_SEEDS",
    "MUTED",
    "PAPER",
    "SMALL",
    "Styles",
    "VariantStyle",
    "accuracy_by_cost",
    "accuracy_by_setting",
    "accuracy_by_time",
    "directions_size",
    "forest_plot",
    "gain_by_error",
    "gains",
    "importance_floor",
    "latent_directions",
    "learning_curves",
    "near_ceiling",
    "search_importance",
    "series_styles",
    "signed",
    "style_axes",
    "variant_styles",
    "waterfall",
]  # fmt: skip
