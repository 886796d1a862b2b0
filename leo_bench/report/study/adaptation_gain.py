"""Gain of the baseline by adapting: by shots, and by the error before adapting."""

from functools import partial

import pandas as pd

from leo_bench import figures
from leo_bench.report.panels import Panel, Plot
from leo_bench.report.study.adaptation_effect import adaptation_frame, gain_panel, gain_words
from leo_bench.report.study.captions import rows_height
from leo_bench.report.study.data import StudyData
from leo_bench.report.table import percent
from leo_bench.statistics import seed_interval

LABEL_WIDTH = 40
"""Characters of a label on one line, in a wide panel."""


def gain_frame(data: StudyData) -> pd.DataFrame:
    """Return the gains of the baseline, a row per test and seed, as adaptation_frame does.

    Only tests with right labels and the adaptation that the settings name. error: before adapting.
    """
    frame = adaptation_frame(data)
    chosen = (frame["variant"] == data.plan.baseline) & (frame["mislabelled"] == 0) & frame["own"].astype(bool)
    return frame.assign(error=1 - frame["accuracy_before"])[chosen]


def shots_plot(data: StudyData) -> Plot | None:
    """Return the figure of gain by shots, a panel per data set and a line per kind of episodes.

    Episodes that are scored at one number of shots alone are left out. None if nothing is left.
    """
    frame = gain_frame(data)
    frame = frame[frame.groupby(["data", "n_way", "within"])["k_shot"].transform("nunique") > 1]
    if frame.empty:
        return None
    lines = frame["n_way"].astype(str) + frame["within"].map({True: "-way within alphabet", False: "-way mixed"})
    frame = frame.assign(variant=lines, label=lines)
    styles = figures.series_styles(list(lines))
    panels = [
        gain_panel(data, rows, "k_shot", (str(rows["dataset"].iloc[0]), str(name)), styles)
        for name, rows in frame.groupby("data", sort=False)
    ]
    caption = (
        f"{data.label(data.plan.baseline)}: accuracy after adaptation minus before, by support images of a class "
        "(shots), a line for each kind of episodes, labelled with the gain at the most shots. Each data set has a "
        f"scale of its own. {gain_words(frame)}"
    )
    return Plot("gain-by-shots", "Gain by shots", caption, panels)


def distance_plot(data: StudyData) -> Plot | None:
    """Return the figure of gain by error before adapting, a row per test; None with fewer than two data sets."""
    frame = gain_frame(data)
    if frame["data"].nunique() < 2:
        return None
    rows = []
    for (dataset, test), own in frame.groupby(["dataset", "test"], sort=False):
        gain, error = seed_interval(own["gain"]), float(own["error"].mean())
        low, high = (gain.low, gain.high) if len(own) >= figures.LEAST_SEEDS else (None, None)
        words = f"{figures.signed(100 * gain.mean)} at {percent(error)}%"
        rows.append((dataset, f"{dataset} {test}", error, gain.mean, low, high, "seeds", words))
    columns = "variant label error difference low high kind words".split()
    shown = pd.DataFrame(rows, columns=columns).sort_values("error", kind="stable", ignore_index=True)
    styles, label = figures.series_styles(list(frame["dataset"])), data.label(data.plan.baseline)
    draw = partial(
        figures.forest_plot, shown, styles, margin=data.plan.margin, xlabel="gain, points", label_width=LABEL_WIDTH,
        whole=True,
    )  # fmt: skip
    panel = Panel(
        draw,
        f"{label}, all tests",
        ", ".join(frame["data"].unique()),
        width=7.4,
        height=rows_height(list(shown["label"]), LABEL_WIDTH),
        alt="Gain in points by error before adapting: " + ", ".join(shown["label"] + " " + shown["words"]),
    )
    caption = (
        f"{label}: accuracy after adaptation minus before, a row for each test, from low to high error before adapting "
        "(the second number on the right). This error measures how far a test is from what the model was trained for; "
        "within one data set it also grows with more ways and with fewer shots. "
        f"{gain_words(frame.assign(variant=frame['test']), 'bars')}"
    )
    return Plot("gain-by-distance", "Gain by distance of the domain", caption, [panel])
