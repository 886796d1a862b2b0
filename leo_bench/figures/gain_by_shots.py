"""Change of accuracy by adaptation, against the support images of a class."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from leo_bench.figures.gain_lines import draw_gain_lines, label_gains
from leo_bench.figures.style import Styles, new_axes, style_axes


def gain_by_shots(frame: pd.DataFrame, styles: Styles, *, margin: float, ax: Axes | None = None) -> Axes:
    """Draw accuracy after adaptation minus before, in points, by shots, on a log scale with a tick for each number.

    Lines are those of `draw_gain_lines`, labelled at their ends with the gain at most shots. frame: columns variant
    (the line), label, seed, shots, gain (fraction).
    """
    ax = ax or new_axes()
    means = draw_gain_lines(ax, frame, styles, x="shots", margin=margin)
    shots = sorted(frame["shots"].unique())
    ax.set_xscale("log")
    ax.set_xlim(shots[0] / 1.15, 1.15 * shots[-1])
    ax.xaxis.set_major_locator(FixedLocator(shots))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda shot, _: f"{shot:.0f}"))
    ax.set(xlabel="support images a class (log scale)", ylabel="gain, points")
    label_gains(ax, means, frame, styles)
    return style_axes(ax)
