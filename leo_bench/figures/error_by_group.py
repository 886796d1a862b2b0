"""Error rate by alphabet or character."""

import pandas as pd
from matplotlib.axes import Axes

from leo_bench.figures.intervals import interval_over_seeds
from leo_bench.figures.style import INK, MUTED, SMALL, VariantStyle, new_axes, style_axes


def error_by_group(frame: pd.DataFrame, style: VariantStyle, *, overall: float, ax: Axes | None = None) -> Axes:
    """Draw the error rate of one variant by group (alphabet or character), from top to bottom in the frame's order.

    frame: columns group, seed, error (fraction). Small points: seeds; large points: means, from three seeds on with 95%
    t interval. overall: error over all groups (fraction), drawn as a line.
    """
    ax = ax or new_axes()
    groups = list(dict.fromkeys(frame["group"]))
    ax.axvline(100 * overall, color=MUTED, linewidth=1.0, linestyle=(0, (5, 2)), zorder=1)
    for row, group in enumerate(groups):
        errors = 100 * frame.loc[frame["group"] == group, "error"]
        ax.plot(interval_over_seeds(errors), [row, row], color=style.colour, linewidth=1.4, zorder=2)
        if len(errors) > 1:
            ax.scatter(errors, [row] * len(errors), s=7, color=style.colour, alpha=0.45, linewidth=0, zorder=2.5)
        ax.plot(errors.mean(), row, marker=style.marker, color=style.colour, markersize=5, zorder=3)
        ax.text(
            1.02, row, f"{errors.mean():.1f}", transform=ax.get_yaxis_transform(), va="center", color=INK,
            fontsize=SMALL,
        )  # fmt: skip
    ax.set(ylim=(len(groups) - 0.4, -0.6), xlabel="error, %", ylabel="")
    ax.set_xlim(max(0.0, ax.get_xlim()[0]), min(100.0, ax.get_xlim()[1]))
    ax.text(100 * overall, -0.6, f" all {100 * overall:.1f}", va="bottom", color=MUTED, fontsize=SMALL, clip_on=False)
    ax.set_yticks(range(len(groups)), labels=groups)
    return style_axes(ax, grid="x")
