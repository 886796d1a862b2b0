"""Report of the benchmarks in reports/bench: report.md, report.html, a figure, and tables as CSV."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benchmarks.suite import GROWTHS, RATIOS, Growth, Ratio
from leo_bench.figures.style import COLOURS, INK, SMALL, style_axes
from leo_bench.report.pages import show, write_tables
from leo_bench.report.pages import write_page as write_filled
from leo_bench.report.panels import Panel, Plot
from leo_bench.report.table import ReportTable

HELP_SECONDS, PEAK_GB = 0.5, 1.2
"""Limits for `leo-bench --help`, seconds, and for the memory of a 105x105 training step, GB."""


def summary(timings: pd.DataFrame) -> pd.DataFrame:
    """Return one row per case: median and quartiles of its timings, milliseconds, and its peak memory."""
    cases = timings.groupby("case", sort=False)
    quantiles = cases["seconds"].quantile(np.array([0.25, 0.5, 0.75])).unstack() * 1000
    return pd.DataFrame(
        {
            "threads": cases["threads"].first(),
            "timings": cases.size(),
            "median, ms": quantiles[0.5],
            "lower quartile, ms": quantiles[0.25],
            "upper quartile, ms": quantiles[0.75],
            "peak memory, MB": cases["peak_mb"].first(),
        }
    )


def round_ratios(ratio: Ratio, timings: pd.DataFrame) -> np.ndarray:
    """Return the ratio of medians in each round. The denominator is the case that is fastest over all rounds."""
    medians = timings.groupby(["case", "round"])["seconds"].median()
    fastest = min(ratio.below, key=lambda name: medians[name].median())
    return (medians[ratio.above] / medians[fastest]).to_numpy()


def ratio_table(timings: pd.DataFrame) -> pd.DataFrame:
    """Return the measured ratios with their range over rounds, and if they meet their limits."""
    rows, present = [], set(timings["case"])
    for ratio in RATIOS:
        if not {ratio.above, *ratio.below} <= present:
            continue
        found = round_ratios(ratio, timings)
        value = float(np.median(found))
        rows.append(
            {
                "ratio": ratio.words,
                "measured": f"{value:.2f}",
                "over rounds": f"{found.min():.2f} to {found.max():.2f}",
                "asked": _asked(ratio),
                "met": _met(value, ratio.at_most, ratio.at_least),
            }
        )
    medians = timings.groupby("case")["seconds"].median()
    peaks = timings.groupby("case")["peak_mb"].first()
    if "leo-bench --help" in medians:
        value = medians["leo-bench --help"]
        rows.append(_single("leo-bench --help, seconds", value, HELP_SECONDS))
    if "leo 105" in peaks:
        gigabytes = peaks["leo 105"] * 2**20 / 1e9
        rows.append(_single("peak memory of 105x105 training, preset leo, GB", gigabytes, PEAK_GB))
    return pd.DataFrame(rows)


def _asked(ratio: Ratio) -> str:
    if ratio.at_most is not None and ratio.at_least is not None:
        return f"{ratio.at_least:g} to {ratio.at_most:g}"
    if ratio.at_most is not None:
        return f"at most {ratio.at_most:g}"
    return "" if ratio.at_least is None else f"at least {ratio.at_least:g}"


def _met(value: float, at_most: float | None, at_least: float | None) -> str:
    if at_most is None and at_least is None:
        return ""
    good = (at_most is None or value <= at_most) and (at_least is None or value >= at_least)
    return "yes" if good else "no"


def _single(words: str, value: float, at_most: float) -> dict[str, str]:
    return {
        "ratio": words,
        "measured": f"{value:.2f}",
        "over rounds": "",
        "asked": f"below {at_most:g}",
        "met": "yes" if value < at_most else "no",
    }


def slope(growth: Growth, values: pd.Series) -> float:
    """Return the least-squares slope of log(value) against log(setting): 1 is in proportion, 0 is no growth."""
    return float(np.polyfit(np.log(growth.values), np.log([values[case] for case in growth.cases]), 1)[0])


def growth_table(timings: pd.DataFrame) -> pd.DataFrame:
    """Return the growth of time and memory with each setting that was measured."""
    medians = timings.groupby("case")["seconds"].median()
    peaks = timings.groupby("case")["peak_mb"].first()
    rows = [
        {
            "setting": growth.words,
            "values": ", ".join(f"{value:g}" for value in growth.values),
            "step, ms": ", ".join(f"{1000 * medians[case]:.0f}" for case in growth.cases),
            "slope of time": f"{slope(growth, medians):.2f}",
            "peak memory, MB": ", ".join(f"{peaks[case]:.0f}" for case in growth.cases),
            "slope of memory": f"{slope(growth, peaks):.2f}",
        }
        for growth in GROWTHS
        if set(growth.cases) <= set(medians.index)
    ]
    return pd.DataFrame(rows)


GROUPS_DRAWN = ("28x28", "105x105")


def step_bars(rows: pd.DataFrame, *, ax: Axes) -> Axes:
    """Time of a training step, a bar per case from top to bottom: medians, with the quartiles as lines.

    rows: as `summary` gives them, indexed by case.
    """
    median = rows["median, ms"]
    spread = [median - rows["lower quartile, ms"], rows["upper quartile, ms"] - median]
    ax.barh(rows.index, median, xerr=spread, color=COLOURS[0], error_kw={"ecolor": INK, "linewidth": 1.0})
    for position, (value, end) in enumerate(zip(median, rows["upper quartile, ms"], strict=True)):
        ax.text(end, position, f"   {value:,.0f}", va="center", color=INK, fontsize=SMALL)
    ax.set(xlim=(0, 1.25 * rows["upper quartile, ms"].max()), ylim=(len(rows) - 0.4, -0.6))
    ax.set(xlabel="milliseconds a step")
    ax.set_yticks(range(len(rows)), labels=list(rows.index))
    return style_axes(ax, grid="x")


def step_plot(timings: pd.DataFrame) -> Plot | None:
    """Return the figure of step times at both image sizes; None if neither was timed."""
    table, panels = summary(timings), []
    for group in (group for group in GROUPS_DRAWN if group in set(timings["group"])):
        rows = table.loc[list(timings.loc[timings["group"] == group, "case"].unique())]
        alt = f"Milliseconds of a training step, {group}: " + ", ".join(
            f"{case} {value:,.0f}" for case, value in rows["median, ms"].items()
        )
        height = 1.1 + 0.22 * len(rows)
        panels.append(Panel(partial(step_bars, rows), group, SUBTITLE, height=height, alt=alt))
    if not panels:
        return None
    caption = (
        "Time of a training step of 4 episodes, 320 images: medians, with the quartiles of all timings as lines. "
        "Shorter is faster."
    )
    return Plot("steps", "Training steps", caption, panels)


SUBTITLE = "5-way 1-shot, 1 thread"
NOTES = """Each case runs in a process of its own that is set up once; the processes of a group take turns, round after
round, and the first step of each turn does not count. Ratios are of medians within a round; the table gives their
median and range over rounds. "Bare CNN" is the forward and backward pass of the project's own Conv-4 on the step's 320
images, normalised by episode, in one pass or an episode a pass, whichever is faster; "stock layers" is the same
network of torch's layers, channels last. "Literal" is the source document's algorithm as a plain reader would write
it: one episode and one pair of classes at a time, support features computed again at each inner step. It and MAML
compute in float32 always, and in plain processes: the project's own also tell the C library to keep freed memory,
which at 105x105 is part of their lead.
All processes of a group live at once, so the group at 105x105 wants some 16 GB. Images are random numbers: what they
show does not change what they cost. The report's time is for made-up runs."""


def write_page(results: Path, out: Path) -> Path:
    """Write the report from timings.csv and machine.json in results into out. Returns report.html."""
    timings = pd.read_csv(results / "timings.csv")
    machine = json.loads((results / "machine.json").read_text(encoding="utf-8"))
    plot = step_plot(timings)
    ratios = ratio_table(timings)
    frames = {
        "Ratios": (ratios, "Ratio of two times, and its limit."),
        "Growth": (
            growth_table(timings),
            "Slopes of time and memory on log-log axes: 1 is in proportion, 0 is no growth.",
        ),
        "Timings": (summary(timings).round(1).reset_index(), "Median and quartiles of each case, and its peak memory."),
        "Machine": (pd.DataFrame(machine.items(), columns=["what", "value"]), "Machine and versions of the timings."),
    }
    tables = [
        (title, ReportTable(title.lower(), caption, frame, frame.astype(str)))
        for title, (frame, caption) in frames.items()
        if len(frame)
    ]
    write_tables([table for title, table in tables if title != "Machine"], out / "tables")
    content = {
        "title": "Benchmarks",
        "summary": bench_words(ratios),
        "notes": [NOTES.replace("\n", " ")],
        "figures": [show(plot, out / "figures")] if plot else [],
        "tables": tables,
    }
    write_filled(out / "report.md", "tables.md.j2", content)
    return write_filled(out / "report.html", "tables.html.j2", content)


def bench_words(ratios: pd.DataFrame) -> str:
    """Return one sentence about the benchmarks and the number of limits that are met."""
    asked = ratios[ratios["met"] != ""] if len(ratios) else ratios
    text = "How long training steps take, against the bare CNN, the literal algorithm and a public MAML"
    if asked.empty:
        return f"{text}."
    return f"{text}: {(asked['met'] == 'yes').sum()} of {len(asked)} limits that were set are met."
