"""From timings to reports/bench: report.md, report.html, a figure, and tables as CSV."""

import base64
import html
import json
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.suite import GROWTHS, RATIOS, Growth, Ratio
from leo_bench.records import write_atomic

HELP_SECONDS, PEAK_GB = 0.5, 3.0
"""Asked of `leo-bench --help`, and of a 105x105 training step's memory."""


def summary(timings: pd.DataFrame) -> pd.DataFrame:
    """One row per case: median and quartiles of its timings in milliseconds, and its peak memory."""
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
    """The ratio in each round, of medians within it; the case below is the one that is fastest over all rounds."""
    medians = timings.groupby(["case", "round"])["seconds"].median()
    fastest = min(ratio.below, key=lambda name: medians[name].median())
    return (medians[ratio.above] / medians[fastest]).to_numpy()


def ratio_table(timings: pd.DataFrame) -> pd.DataFrame:
    """Ratios that were measured, with the range over rounds, and whether they are as asked."""
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
    """Least-squares slope of log(value) against log(setting): 1 is in proportion, 0 is no growth."""
    return float(np.polyfit(np.log(growth.values), np.log([values[case] for case in growth.cases]), 1)[0])


def growth_table(timings: pd.DataFrame) -> pd.DataFrame:
    """How time and memory grow with each setting, over those that were measured."""
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


def figure(timings: pd.DataFrame, folder: Path) -> None:
    """Step times at both image sizes, as bars.{png,svg}: medians, with the quartiles as lines."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "bench"
    import matplotlib.pyplot as plt

    table = summary(timings)
    panels = [
        (group, table.loc[list(timings.loc[timings["group"] == group, "case"].unique())])
        for group in ("28x28", "105x105")
        if group in set(timings["group"])
    ]
    if not panels:
        return
    drawn, axes = plt.subplots(1, len(panels), figsize=(5.5 * len(panels), 3.4), squeeze=False)
    for axis, (group, rows) in zip(axes[0], panels, strict=True):
        rows = rows[::-1]
        median = rows["median, ms"]
        spread = [median - rows["lower quartile, ms"], rows["upper quartile, ms"] - median]
        axis.barh(rows.index, median, xerr=spread, color="#4477aa", ecolor="#222222")
        for position, (value, end) in enumerate(zip(median, rows["upper quartile, ms"], strict=True)):
            axis.text(end, position, f"  {value:,.0f}", va="center", ha="left", fontsize=8)
        axis.set_xlim(0, 1.2 * rows["upper quartile, ms"].max())
        axis.set_xlabel("milliseconds a step of 4 episodes, 320 images")
        axis.set_title(f"{group}, 5-way 1-shot, 1 thread", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    drawn.tight_layout()
    folder.mkdir(parents=True, exist_ok=True)
    drawn.savefig(folder / "steps.png", dpi=150, metadata={"Software": None})
    drawn.savefig(folder / "steps.svg", metadata={"Date": None})
    plt.close(drawn)


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
    """Write everything from results/bench/{timings.csv,machine.json} into out. Returns report.html."""
    timings = pd.read_csv(results / "timings.csv")
    machine = json.loads((results / "machine.json").read_text())
    figure(timings, out / "figures")
    tables = {
        "Ratios": ratio_table(timings),
        "Growth": growth_table(timings),
        "Timings": summary(timings).round(1).reset_index(),
    }
    facts = pd.DataFrame(machine.items(), columns=["what", "value"])
    notes = NOTES.replace("\n", " ")
    markdown, page = [f"# Benchmarks\n\n{notes}\n"], [f"<h1>Benchmarks</h1><p>{html.escape(notes)}</p>"]
    alt = "Bars: milliseconds of a training step of each preset, of the bare CNN and of the literal algorithm"
    if (out / "figures" / "steps.png").exists():
        markdown.append(f"![{alt}](figures/steps.png)\n")
        drawn = base64.b64encode((out / "figures" / "steps.png").read_bytes()).decode()
        page.append(f'<img alt="{alt}" src="data:image/png;base64,{drawn}">')
    for title, table in [*tables.items(), ("Machine", facts)]:
        if table.empty:
            continue
        markdown.append(f"## {title}\n\n{table.to_markdown(index=False, disable_numparse=True)}\n")
        page.append(f"<h2>{title}</h2><div>{table.to_html(index=False, border=0)}</div>")
        if title != "Machine":
            write_atomic(out / "tables" / f"{title.lower()}.csv", table.to_csv(index=False).encode())
    write_atomic(out / "report.md", "\n".join(markdown).encode())
    write_atomic(out / "report.html", (HEAD + "\n".join(page) + "</body></html>\n").encode())
    return out / "report.html"


HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>leo_bench: benchmarks</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
body { color: #1a1a1a; background: #fff; color-scheme: light dark; }
div { overflow-x: auto; } img { max-width: 100%; background: #fff; } table { border-collapse: collapse; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #bbb; vertical-align: top; }
@media (prefers-color-scheme: dark) { body { color: #e6e6e6; background: #161616; } }
</style></head><body>
"""
