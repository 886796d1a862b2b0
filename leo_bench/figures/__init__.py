"""Figures of a study: each a function of a frame and an Axes, which it returns. No global style, no pyplot state.

Frames hold fractions; axes show percent. A variant keeps one colour and marker in every figure
(`variant_styles`); markers tell variants apart without colour too.
"""

from leo_bench.figures.across import score_profiles
from leo_bench.figures.axis import LEAST_SEEDS, interval_is_cut, near_ceiling, spread
from leo_bench.figures.cost import accuracy_by_cost
from leo_bench.figures.course import accuracy_by_step, learning_curves
from leo_bench.figures.effects import effects_forest, signed
from leo_bench.figures.hardest import error_by_group
from leo_bench.figures.setting import BANDS, accuracy_by_setting
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
    VariantStyle,
    dress,
    variant_styles,
)

__all__ = [
    "BAND",
    "BANDS",
    "COLOURS",
    "FONT",
    "GRID",
    "INK",
    "LABEL_WIDTH",
    "LEAST_SEEDS",
    "MUTED",
    "PAPER",
    "SMALL",
    "VariantStyle",
    "accuracy_by_cost",
    "accuracy_by_setting",
    "accuracy_by_step",
    "dress",
    "effects_forest",
    "error_by_group",
    "interval_is_cut",
    "learning_curves",
    "near_ceiling",
    "score_profiles",
    "signed",
    "spread",
    "variant_styles",
]
