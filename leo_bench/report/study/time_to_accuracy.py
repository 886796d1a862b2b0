"""Training time to a validation accuracy: a figure and a table of methods that learn at different speed."""

from functools import partial

import pandas as pd

from leo_bench.figures.learning_curves import accuracy_by_time
from leo_bench.figures.style import LABEL_WIDTH, variant_styles
from leo_bench.records import listed
from leo_bench.report.panels import Panel, Plot, alt_text
from leo_bench.report.study.captions import OVER_SEEDS, lines_height, n_words, subtitle
from leo_bench.report.study.learning_curves import one_for_each_training
from leo_bench.report.table import NONE, ReportTable, percent
from leo_bench.statistics.studies.study import StudyData, not_comparable

LEVELS = (0.90, 0.95, 0.97)
"""Validation accuracies whose times are shown, fractions."""
COLUMNS = "variant label seed seconds accuracy".split()
TIME = (
    "Time: processor time of one update, without validation, times the number of updates, seconds of one core. "
    "Learning rates fall during training, so a training planned to be shorter can reach an accuracy earlier."
)


def time_frame(data: StudyData) -> pd.DataFrame:
    """Return the validation curves over training time, COLUMNS, of the variants comparable with the baseline.

    Left out: curves on characters that were trained on, which say nothing about new ones, and runs without the time of
    an update. That time is averaged over the seeds of a variant. Empty unless learners differ.
    """
    return data.remembered("time", lambda: _time_frame(data))


def _time_frame(data: StudyData) -> pd.DataFrame:
    """Return time_frame, computed."""
    together = set(data.rows(data.headline)["variant"]) - set(not_comparable(data, data.headline))
    rows, learners = [], set()
    for run in data.runs.values():
        own, result = run.planned, run.result
        if result is None or own.variant not in together:
            continue
        if not own.settings["n_train_episodes"]:
            continue
        seconds = data.core_seconds(own.variant) / own.settings["n_train_episodes"]
        if not seconds > 0 or own.settings["train_classes"] != "train":
            continue
        learners.add(own.settings["learner"])
        for point in result.validation:
            rows.append((own.variant, data.label(own.variant), own.seed, seconds * point.episode, point.accuracy))
    return pd.DataFrame(rows if len(learners) > 1 else [], columns=COLUMNS)


def seconds_to(rows: pd.DataFrame, level: float) -> float:
    """Return the time of the first validation with at least this accuracy. NaN if there is none.

    rows: COLUMNS of one run.
    """
    return float(rows.loc[rows["accuracy"] >= level, "seconds"].min())


def time_table(data: StudyData) -> ReportTable | None:
    """Return the time to each of LEVELS; None if no two methods can be compared."""
    frame = time_frame(data)
    if frame.empty:
        return None
    numbers, words = [], []
    for variant, rows in frame.groupby("variant", sort=False):
        by_seed = [own for _, own in rows.groupby("seed")]
        row: dict[str, object] = {"variant": variant, "n_seeds": len(by_seed)}
        text = {"variant": str(rows["label"].iloc[0])}
        for level in LEVELS:
            times = pd.Series([seconds_to(own, level) for own in by_seed])
            name, reached = f"{100 * level:g}%", int(times.count())
            row |= {f"seconds_to_{100 * level:g}": times.mean(), f"seeds_to_{100 * level:g}": reached}
            some = f" ({reached} of {len(by_seed)} seeds)" if reached < len(by_seed) else ""
            text[f"to {name}, s"] = f"{times.mean():,.0f}{some}" if reached else NONE
        last = pd.Series([own["accuracy"].iloc[-1] for own in by_seed])
        numbers.append(row | {"seconds": rows["seconds"].max(), "accuracy": last.mean()})
        words.append(text | {"whole training, s": f"{rows['seconds'].max():,.0f}", "then, %": percent(last.mean())})
    caption = (
        f"Time to the first validation with that accuracy, means over the seeds that reach it. {TIME} "
        f'"{NONE}": reached by no seed.'
    )
    return ReportTable("time", caption, pd.DataFrame(numbers), pd.DataFrame(words))


def time_plot(data: StudyData) -> Plot | None:
    """Return the figure of validation accuracy against training time; None if no two methods can be compared."""
    frame = time_frame(data)
    frame = frame[frame["variant"].isin(one_for_each_training(data, list(frame["variant"].unique())))]
    if frame.empty or (frame.groupby(["variant", "seed"]).size() < 2).all():
        return None
    last = frame.groupby("label", sort=False).last()
    reached = (f"{label} {percent(row['accuracy'])}% after {row['seconds']:,.0f} s" for label, row in last.iterrows())
    alt = alt_text("Validation accuracy against training time; at the end", reached)
    draw = partial(accuracy_by_time, frame, variant_styles(data.plan), levels=LEVELS)
    height = max(3.6, lines_height(list(frame["label"].unique()), LABEL_WIDTH))
    panel = Panel(
        draw, "Validation accuracy by training time", subtitle(data, *frame["variant"].unique()), 6.4, height, alt=alt
    )
    caption = (
        f"Accuracy on characters that were not trained on; means over {n_words(frame)}; shaded: {OVER_SEEDS}. Dashed: "
        f"{listed([f'{100 * level:g}' for level in LEVELS])}%. Variants that test the same trained models have one "
        f"line. {TIME}"
    )
    return Plot("time", "Accuracy by training time", caption, [panel], columns=1)
