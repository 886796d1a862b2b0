"""Figures of a study or of a search: each a function of a frame and an Axes, which it returns. No global style, no
pyplot state.

Frames hold fractions; axes show percent. A variant keeps one colour and marker in every figure
(`variant_styles`); markers tell variants apart without colour too.
"""

from leo_bench.figures.across import score_profiles
from leo_bench.figures.axis import LEAST_SEEDS, UPPER_SHARE, best_view, interval_is_cut, near_ceiling, spread
from leo_bench.figures.cost import accuracy_by_cost
from leo_bench.figures.course import accuracy_by_step, learning_curves
from leo_bench.figures.effects import effects_forest, signed
from leo_bench.figures.hardest import error_by_group
from leo_bench.figures.ramp import ramp_bounds
from leo_bench.figures.search import (
    HISTORY_SHARE,
    importance_floor,
    range_parts,
    search_front,
    search_history,
    search_importance,
    trial_curves,
)
from leo_bench.figures.search_space import Scale, accuracy_map, accuracy_slice, parallel_coordinates
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
    RAMP,
    SMALL,
    VariantStyle,
    dress,
    variant_styles,
)
from leo_bench.figures.waterfall import waterfall

__all__ = [
    "BAND",
    "BANDS",
    "COLOURS",
    "FONT",
    "GRID",
    "HISTORY_SHARE",
    "INK",
    "LABEL_WIDTH",
    "LEAST_SEEDS",
    "MUTED",
    "PAPER",
    "RAMP",
    "SMALL",
    "UPPER_SHARE",
    "Scale",
    "VariantStyle",
    "accuracy_by_cost",
    "accuracy_by_setting",
    "accuracy_by_step",
    "accuracy_map",
    "accuracy_slice",
    "best_view",
    "dress",
    "effects_forest",
    "error_by_group",
    "importance_floor",
    "interval_is_cut",
    "learning_curves",
    "near_ceiling",
    "parallel_coordinates",
    "ramp_bounds",
    "range_parts",
    "score_profiles",
    "search_front",
    "search_history",
    "search_importance",
    "signed",
    "spread",
    "trial_curves",
    "variant_styles",
    "waterfall",
]
