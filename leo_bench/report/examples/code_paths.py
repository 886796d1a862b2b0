"""Paths of class codes in two dimensions."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from leo_bench.figures import COLOURS, FONT, GRID, INK, MUTED


def code_paths(frame: pd.DataFrame, *, xlabel: str, ylabel: str, ax: Axes) -> Axes:
    """Draw paths of class codes in two dimensions: a ring at the start, a dot at the end, the name beside it.

    frame: columns name, step, x, y; a class's rows in order of step.
    """
    for index, (_, rows) in enumerate(frame.groupby("name", sort=False)):
        colour = COLOURS[index % len(COLOURS)]
        ax.plot(rows["x"], rows["y"], color=colour, linewidth=1.2, zorder=2)
        ax.plot(
            rows["x"].iloc[0],
            rows["y"].iloc[0],
            "o",
            markersize=8,
            markerfacecolor="none",
            markeredgecolor=colour,
            zorder=3,
        )
        ax.plot(rows["x"].iloc[-1], rows["y"].iloc[-1], "o", markersize=3.5, color=colour, zorder=3)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.margins(0.15)
    ax.set_aspect("equal", adjustable="datalim")
    ax.grid(True, color=GRID, linewidth=0.6)
    ax.set_axisbelow(True)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(MUTED)
    ax.tick_params(labelsize=FONT, colors=INK, length=3, color=MUTED)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(4))
        axis.label.set_fontsize(FONT)
        axis.label.set_color(INK)
    ax.apply_aspect()  # the axes' final limits: offsets of the names depend on them
    paths = {str(name): _on_paper(ax, rows) for name, rows in frame.groupby("name", sort=False)}
    ends = np.stack([path[-1] for path in paths.values()])
    ways = np.stack([path[-1] - path[0] for path in paths.values()])
    for name, offset, (_, rows) in zip(
        paths, label_offsets(ends, ways), frame.groupby("name", sort=False), strict=True
    ):
        end = (rows["x"].iloc[-1], rows["y"].iloc[-1])
        ax.annotate(
            name,
            end,
            xytext=offset,
            textcoords="offset points",
            ha="center",
            va="center",
            color=INK,
            fontsize=FONT,
            zorder=4,
        )
    return ax


def _on_paper(ax: Axes, rows: pd.DataFrame) -> np.ndarray:
    """Return a path's positions in points of print, float [n, 2]."""
    return np.asarray(ax.transData.transform(rows[["x", "y"]].to_numpy())) * 72 / ax.figure.dpi


def label_offsets(ends: np.ndarray, ways: np.ndarray) -> list[tuple[float, float]]:
    """Return offsets of short names from the ends of their paths, in points of print, float [n, 2].

    A name goes on in the direction of its path if there is room; else it is moved as little as possible so that it
    hides no other name or end. ends, ways (end minus start): float [n, 2], in points of print.
    """
    angles = np.pi / 4 * np.arange(8)
    taken, offsets = list(ends), []
    for end, way in zip(ends, ways, strict=True):
        around = sorted(angles, key=lambda angle: -(np.cos(angle) * way[0] + np.sin(angle) * way[1]))
        tries = [radius * np.array([np.cos(angle), np.sin(angle)]) for radius in (9, 16, 24) for angle in around]
        space = [min(float(np.hypot(*(end + offset - other))) for other in taken) for offset in tries]
        best = next((index for index, nearest in enumerate(space) if nearest >= 8.5), int(np.argmax(space)))
        taken.append(end + tries[best])
        offsets.append((float(tries[best][0]), float(tries[best][1])))
    return offsets
