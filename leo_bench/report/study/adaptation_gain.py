"""Gain of the baseline by adapting: by shots, and by the error before adapting."""

from functools import partial

import pandas as pd

from leo_bench import figures
from leo_bench.report.panels import Panel, Plot
from leo_bench.report.study.adaptation_effect import scored_tests
from leo_bench.report.study.captions import n_words, over_seeds
from leo_bench.report.study.comparable import has_own_adaptation
from leo_bench.report.study.data import StudyData
from leo_bench.report.table import percent

COLUMNS = ["dataset", "data", "elsewhere", "n_way", "within", "shots", "seed", "error", "gain"]


def gain_frame(data: StudyData) -> pd.DataFrame:
    """Return the gains of the baseline, a row per test and seed: COLUMNS; error is that before adapting.

    Only tests with right labels and the adaptation that the settings name, in which at least one step is taken.
    """
    rows = [
        (
            kind.dataset, kind.data, kind.elsewhere, kind.n_way, kind.within, kind.k_shot, one.run.planned.seed,
            1 - one.test.accuracy_before, one.gain,
        )
        for one in scored_tests(data)
        for kind in [one.kind]
        if one.variant == data.plan.baseline
        and one.test.mislabelled is None
        and one.test.steps[-1] > 0
        and has_own_adaptation(one.run, one.test)
    ]  # fmt: skip
    order = ["elsewhere", "dataset", "n_way", "within", "shots", "seed"]
    return pd.DataFrame(rows, columns=COLUMNS).sort_values(order, kind="stable", ignore_index=True)


def shots_plot(data: StudyData) -> Plot | None:
    """Return the figure of gain by shots, a panel per data set and a line per kind of episodes.

    Episodes that are scored at one number of shots alone are left out. None if nothing is left.
    """
    frame = gain_frame(data)
    kinds = [
        f"{n_way}-way {'within alphabet' if within else 'mixed'}"
        for n_way, within in zip(frame["n_way"], frame["within"], strict=True)
    ]
    frame = frame.assign(variant=kinds, label=kinds)
    several = frame.groupby(["data", "variant"])["shots"].transform("nunique") > 1
    frame = frame[several]
    if frame.empty:
        return None
    styles = figures.series_styles(list(frame["variant"]))
    panels = [_shots_panel(data, rows, styles) for _, rows in frame.groupby("data", sort=False)]
    caption = (
        f"{data.label(data.plan.baseline)}: accuracy after adaptation minus before, by support images a class (shots), "
        "a line for each kind of episodes, labelled with the gain at the most shots. Each data set has a scale of its "
        f"own. Means over {n_words(frame)}; {over_seeds(frame, 'shaded')}. Green: gains within the margin that matters."
    )
    return Plot("gain-by-shots", "Gain by shots", caption, panels, columns=3)


def _shots_panel(data: StudyData, rows: pd.DataFrame, styles: figures.Styles) -> Panel:
    """Return the panel of one data set."""
    lines = []
    for name, own in rows.groupby("variant", sort=False):
        means = own.groupby("shots")["gain"].mean()
        gains = (f"{figures.signed(100 * gain)} at {shots}" for shots, gain in means.items())
        lines.append(f"{name} {', '.join(gains)}")
    alt = f"Gain in points by shots on {rows['dataset'].iloc[0]}: {'; '.join(lines)}"
    room = 0.6 + 0.062 * max(len(label) for label in rows["label"])
    return Panel(
        partial(figures.gain_by_shots, rows, styles, margin=data.plan.margin),
        str(rows["dataset"].iloc[0]),
        f"{rows['data'].iloc[0]}, {n_words(rows)}",
        width=2.6 + room,
        left=0.68,
        right=room,
        alt=alt,
    )


def distance_plot(data: StudyData) -> Plot | None:
    """Return the figure of gain by error before adapting, a mark per test; None with fewer than two data sets."""
    frame = gain_frame(data)
    if frame["data"].nunique() < 2:
        return None
    labels = [
        f"{row.dataset} {row.n_way}-way {row.shots}-shot{' within alphabet' if row.within else ''}"
        for row in frame.itertuples()
    ]
    frame = frame.assign(variant=labels, label=labels, group=frame["dataset"])
    tests = frame.groupby("label", sort=False)
    alt = "Gain in points by error before adapting: " + ", ".join(
        f"{name} {figures.signed(100 * rows['gain'].mean())} at {percent(rows['error'].mean())}%"
        for name, rows in tests
    )
    label = data.label(data.plan.baseline)
    panel = Panel(
        partial(figures.gain_by_distance, frame, figures.series_styles(list(frame["group"])), margin=data.plan.margin),
        f"{label}, all tests",
        f"{', '.join(frame['data'].unique())}, {n_words(frame)}",
        width=7.4,
        height=2.6 + 0.13 * tests.ngroups,
        left=0.68,
        right=0.25,
        alt=alt,
    )
    caption = (
        f"{label}: accuracy after adaptation minus before, by error before adapting (100% minus accuracy before), a "
        "mark for each test. This error measures here how far a test is from what the model was trained for; within "
        "one data set it also grows with more ways and with fewer shots. Alphabets are mixed unless the label says "
        f"otherwise. Means over {n_words(frame)}; {over_seeds(frame, 'bars')}. Green: gains within the margin that "
        "matters."
    )
    return Plot("gain-by-distance", "Gain by distance of the domain", caption, [panel], columns=1)
