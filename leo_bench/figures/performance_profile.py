"""Performance profiles over all tests."""

from textwrap import fill

import pandas as pd
from matplotlib.axes import Axes

from leo_bench.figures.labels import write_key
from leo_bench.figures.style import MUTED, SMALL, Styles, new_axes, style_axes


def performance_profiles(frame: pd.DataFrame, styles: Styles, *, ax: Axes | None = None) -> Axes:
    """Draw the share of all scores (seeds times tests) above each accuracy, a curve per variant.

    frame: columns variant, label, threshold (fraction), share (fraction of scores above it, up to the next threshold),
    middle (the variant's mean score). Markers stand at the medians; the key on the right is in order of the mean score,
    which it shows.
    """
    ax = ax or new_axes()
    entries = []
    for name, rows in frame.groupby("variant", sort=False):
        style, middle = styles[str(name)], float(rows["middle"].iloc[0])
        ax.plot(
            100 * rows["threshold"], 100 * rows["share"], color=style.colour, linewidth=1.5, linestyle=style.dash,
            drawstyle="steps-post",
        )  # fmt: skip
        median = 50 * (
            rows.loc[rows["share"] <= 0.5, "threshold"].min() + rows.loc[rows["share"] < 0.5, "threshold"].min()
        )
        ax.plot(median, 50, marker=style.marker, color=style.colour, markersize=5, linestyle="none")
        entries.append((middle, fill(f"{rows['label'].iloc[0]} {100 * middle:.1f}", 20), style, False))
    ordered = sorted(entries, key=lambda entry: entry[0])
    ax.axhline(50, color=MUTED, linewidth=0.6, linestyle=(0, (1, 2)), zorder=0.5)
    scores = frame.loc[(frame["threshold"] > 0) & (frame["threshold"] < 1), "threshold"]
    if len(scores):
        ax.set_xlim(max(0.0, 100 * scores.min() - 4), min(100.0, 100 * scores.max() + 4))
    ax.set(ylim=(-2, 103), xlabel="accuracy, %", ylabel="scores above it, %")
    write_key(ax, [(1.0 - 0.01 * (len(ordered) - index), *entry[1:]) for index, entry in enumerate(ordered)])
    ax.text(0.01, 50, "half", transform=ax.get_yaxis_transform(), va="bottom", color=MUTED, fontsize=SMALL)
    return style_axes(ax)
