"""Gain of the baseline by adapting, by shots."""

import pandas as pd

from leo_bench import figures
from leo_bench.report.panels import Plot
from leo_bench.report.study.adaptation_effect import adaptation_frame, gain_panel, gain_words
from leo_bench.report.study.data import StudyData


def gain_frame(data: StudyData) -> pd.DataFrame:
    """Return the gains of the baseline, a row per test and seed, as adaptation_frame does.

    Only tests with right labels and the adaptation that the settings name.
    """
    frame = adaptation_frame(data)
    return frame[(frame["variant"] == data.plan.baseline) & (frame["mislabelled"] == 0) & frame["own"].astype(bool)]


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
