"""Figures of the gain by adapting: by steps taken, by shots, and by the distance of the domain."""

from functools import partial

import pandas as pd

from leo_bench.figures.gains import MOST_SHADED, gain_by_error, gains
from leo_bench.figures.style import LABEL_WIDTH, series_styles, variant_styles
from leo_bench.records import signed
from leo_bench.report.panels import Panel, Plot, alt_text
from leo_bench.report.study.adaptation_effect import CONDITIONS, adaptation_frame
from leo_bench.report.study.captions import OVER_SEEDS, lines_height, n_words
from leo_bench.statistics.studies.study import StudyData

SHADED = f"shaded, in panels of at most {MOST_SHADED} lines: {OVER_SEEDS}"
MOST_LINES = 20
"""Lines that a reader can tell apart in a panel; a test with more has none."""


def steps_plot(data: StudyData) -> Plot | None:
    """Return the figure of the gain in accuracy by steps taken, a panel per test; None if no variant takes a step.

    A test of more than MOST_LINES variants that take steps has no panel.
    """
    frame = adaptation_frame(data)
    frame = frame[frame["own"]]
    if frame.empty:
        return None
    n_lines = frame.groupby(CONDITIONS)["variant"].transform("nunique")
    frame, crowded = frame[n_lines <= MOST_LINES], bool((n_lines > MOST_LINES).any())
    if frame.empty:
        return None
    frame = frame.assign(step=frame["by_step"].map(list), after=frame["by_step"].map(lambda steps: [*steps.values()]))
    frame = frame.explode(["step", "after"]).astype({"step": int, "after": float})
    frame["gain"] = frame["after"] - frame["accuracy_before"]
    panels = []
    for _, rows in frame.groupby(CONDITIONS, sort=False):
        title = rows["test"].iloc[0], rows["data"].iloc[0]
        last = rows[rows["step"] == rows.groupby("label")["step"].transform("max")]
        words = [
            f"{label} {signed(100 * own['gain'].mean())} at {own['step'].iloc[0]}"
            for label, own in last.groupby("label", sort=False)
        ]
        draw = partial(gains, rows, variant_styles(data.plan))
        alt = alt_text(f"Gain in points by step, {' '.join(title)}", words, between="; ")
        height = lines_height(list(rows["label"].unique()), LABEL_WIDTH - 5)
        panels.append(Panel(draw, *title, width=4.4, height=height, alt=alt))
    caption = (
        "Accuracy minus that before adaptation, by steps taken on codes and then on decoded weights; each line ends "
        f"with its last gain. Means over {n_words(frame)}; {SHADED}."
    )
    if crowded:
        caption += f" Tests of more than {MOST_LINES} variants that take steps are left out."
    return Plot("gain-by-step", "Gain by steps taken", caption, panels)


def gain_frame(data: StudyData) -> pd.DataFrame:
    """Return the gains of the baseline, a row per test and seed, as adaptation_frame does.

    Only tests with right labels and the adaptation that the settings name. error: before adapting. variant and label
    are the kind of episodes.
    """
    frame = adaptation_frame(data)
    frame = frame[(frame["variant"] == data.plan.baseline) & (frame["mislabelled"] == 0) & frame["own"].astype(bool)]
    kinds = frame["n_way"].astype(str) + frame["within"].map({True: "-way within alphabet", False: "-way mixed"})
    return frame.assign(variant=kinds, label=kinds, error=1 - frame["accuracy_before"])


def gain_plots(data: StudyData) -> list[Plot]:
    """Return the figures of the baseline's gain by shots, a panel per data set, and by error before adapting.

    The first needs a kind of episodes that is scored at several numbers of shots, the second two data sets.
    """
    frame = gain_frame(data)
    name, seeds = data.label(data.plan.baseline), n_words(frame.assign(variant=frame["test"])) if len(frame) else ""
    opening = f"{name}: accuracy after adaptation minus before, "
    several = frame[frame.groupby(["data", "variant"])["k_shot"].transform("nunique") > 1]
    plots = []
    if len(several):
        styles = series_styles(list(frame["variant"].unique()))
        panels = []
        for place, rows in several.groupby("data", sort=False):
            draw = partial(gains, rows, styles, x="k_shot")
            most = rows[rows["k_shot"] == rows.groupby("variant")["k_shot"].transform("max")]
            words = [
                f"{kind} {signed(100 * own['gain'].mean())} at {own['k_shot'].iloc[0]}"
                for kind, own in most.groupby("variant", sort=False)
            ]
            alt = alt_text(f"Gain in points by shots on {place}", words, between="; ")
            panels.append(Panel(draw, str(rows["dataset"].iloc[0]), str(place), width=4.4, height=2.8, alt=alt))
        by = "by support images of a class, a line for each kind of episodes"
        plots.append(Plot("gain-by-shots", "Gain by shots", f"{opening}{by}. Means over {seeds}; {SHADED}.", panels))
    if frame["data"].nunique() > 1:
        draw = partial(gain_by_error, frame, series_styles(list(frame["dataset"].unique())))
        alt = "Gain in points against error before adapting, a point for each test of each data set"
        by = (
            "against the error before adapting, a point for each test. This error measures how far a test is from what "
            "the model was trained for; within one data set it also grows with more ways and with fewer shots"
        )
        panel = Panel(draw, f"{name}, all tests", ", ".join(frame["data"].unique()), width=4.4, height=3.0, alt=alt)
        caption = f"{opening}{by}. Means over {seeds}; {OVER_SEEDS}."
        plots.append(Plot("gain-by-distance", "Gain by distance of the domain", caption, [panel]))
    return plots
