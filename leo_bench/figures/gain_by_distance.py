"""Change of accuracy by adaptation, against the error before it."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from leo_bench.figures.gain_lines import draw_margin, gain_interval, gain_limits
from leo_bench.figures.limits import mark_below
from leo_bench.figures.point_labels import label_points
from leo_bench.figures.style import Styles, new_axes, style_axes

TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def gain_by_distance(frame: pd.DataFrame, styles: Styles, *, margin: float, ax: Axes | None = None) -> Axes:
    """Draw accuracy after adaptation minus before, in points, by error before it: a labelled mark for each test.

    Marks are means over seeds, with 95% t interval of the gain or single seeds as small points. The margin that matters
    is shaded; a mean below the axis has an arrowhead at its edge. Errors are on a log scale if they differ by more than
    a factor of 5 and none is 0. frame: columns label (the test), group (whose style it has), seed, error and gain
    (fractions).
    """
    ax = ax or new_axes()
    draw_margin(ax, margin)
    shown = frame.assign(error=100 * frame["error"], points=100 * frame["gain"])
    tests = [(str(label), rows) for label, rows in shown.groupby("label", sort=False)]
    means = [(float(rows["error"].mean()), float(rows["points"].mean())) for _, rows in tests]
    bars = [gain_interval(rows["points"]) for _, rows in tests]
    for (_, rows), (x, y), bar in zip(tests, means, bars, strict=True):
        style = styles[str(rows["group"].iloc[0])]
        ax.plot([x, x], bar, color=style.colour, linewidth=1.2, zorder=2)
        if bar[0] == bar[1] and len(rows) > 1:
            ax.scatter(rows["error"], rows["points"], s=7, color=style.colour, alpha=0.5, linewidth=0, zorder=2)
        ax.plot(x, y, marker=style.marker, color=style.colour, markersize=6, linestyle="none", zorder=3)
    _error_axis(ax, [x for x, _ in means])
    ax.margins(y=0.12)
    low, high = gain_limits([y for _, y in means], ax.get_ylim(), margin)
    ax.set_ylim(low, high)
    below = [
        (x, styles[str(rows["group"].iloc[0])].colour)
        for (_, rows), (x, y) in zip(tests, means, strict=True)
        if y < low
    ]
    mark_below(ax, [x for x, _ in below], [colour for _, colour in below])
    ax.set(
        xlabel=f"error before adapting, %{' (log scale)' if ax.get_xscale() == 'log' else ''}", ylabel="gain, points"
    )
    label_points(ax, [(x, max(y, low)) for x, y in means], [label for label, _ in tests], bars)
    return style_axes(ax)


def _error_axis(ax: Axes, errors: list[float]) -> None:
    """Set the x axis for these errors, percent."""
    low, high = min(errors), max(errors)
    if low <= 0 or high <= 5 * low:
        room = 0.08 * max(high - low, 1.0)
        ax.set_xlim(max(low - room, -room), high + room)
        return
    ax.set_xscale("log")
    ax.set_xlim(low / 1.3, 1.3 * high)
    ax.xaxis.set_major_locator(FixedLocator([tick for tick in TICKS if low / 1.3 <= tick <= 1.3 * high]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda error, _: f"{error:g}"))
