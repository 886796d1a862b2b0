"""Error rate by alphabet or character."""

import pandas as pd
from matplotlib.axes import Axes

from leo_bench.figures.intervals import interval_over_seeds
from leo_bench.figures.rows import draw_row, row_axes
from leo_bench.figures.style import MUTED, SMALL, VariantStyle, new_axes

LONGEST = 40
"""Characters of a label on one line."""


def error_by_group(frame: pd.DataFrame, style: VariantStyle, *, overall: float, ax: Axes | None = None) -> Axes:
    """Draw the error rate of one variant by group (alphabet or character), from top to bottom in the frame's order.

    frame: columns group, seed, error (fraction). Small points: seeds; large points: means, from three seeds on with 95%
    t interval. overall: error over all groups (fraction), drawn as a line.
    """
    ax = ax or new_axes()
    ax.axvline(100 * overall, color=MUTED, linewidth=1.0, linestyle=(0, (5, 2)), zorder=1)
    means = []
    for row, (_, own) in enumerate(frame.groupby("group", sort=False)):
        errors = 100 * own["error"]
        means.append(errors.mean())
        draw_row(ax, row, errors.mean(), interval_over_seeds(errors), style, (0.0, 100.0))
        if len(errors) > 1:
            ax.scatter(errors, [row] * len(errors), s=7, color=style.colour, alpha=0.45, linewidth=0, zorder=2.5)
    ax.set_xlim(max(0.0, ax.get_xlim()[0]), min(100.0, ax.get_xlim()[1]))
    ax.set_xlabel("error, %")
    ax.text(100 * overall, -0.6, f" all {100 * overall:.1f}", va="bottom", color=MUTED, fontsize=SMALL, clip_on=False)
    return row_axes(ax, list(dict.fromkeys(frame["group"])), [f"{mean:.1f}" for mean in means], label_width=LONGEST)
