"""Figure of training: accuracy on training and validation episodes."""

import pandas as pd

from leo_bench import figures
from leo_bench.report.panels import Plot
from leo_bench.report.sentences import error_words
from leo_bench.report.study.captions import (
    cut_words,
    lines_panel,
    n_words,
    over_seeds,
    rows_of,
    variant_groups,
)
from leo_bench.report.study.data import StudyData
from leo_bench.report.table import percent


def curves_plot(data: StudyData) -> Plot | None:
    """Return the figure of training and validation accuracy, a panel per switch."""
    frame = curve_frame(data)
    panels, errors = [], []
    for group in variant_groups(data):
        rows = rows_of(data, frame, group)
        if rows["episode"].nunique() < 2:
            continue
        validation = rows[rows["part"] == "validation"]
        last = validation[validation["episode"] == validation.groupby("variant")["episode"].transform("max")]
        errors.append(figures.near_ceiling(last) if len(last) else False)
        ends = last.groupby("variant", sort=False)["accuracy"].mean()
        alt = f"Training and validation accuracy for {group.title}; last validation: " + ", ".join(
            f"{data.label(str(name))} {percent(value)}%" for name, value in ends.items()
        )
        panels.append(lines_panel(data, group, rows, group.title, figures.learning_curves, errors[-1], alt))
    if not panels:
        return None
    caption = (
        f"Accuracy on validation episodes (solid) and on training episodes (dashed) while training, means over "
        f"{n_words(frame)}; {over_seeds(frame, 'shaded')}."
        f"{cut_words(frame[frame['part'] == 'validation'], ['variant', 'episode'])}"
    )
    return Plot("curves", "Training and validation curves", caption + error_words(errors), panels, columns=3)


def curve_frame(data: StudyData) -> pd.DataFrame:
    """Return training and validation curves: columns variant, label, seed, episode, accuracy, part."""
    rows = []
    kept = set(data.scores["run_key"])
    for run in data.view.done:
        if run.result is None or run.planned.run_key not in kept:
            continue
        one = {"variant": run.planned.variant, "label": data.label(run.planned.variant), "seed": run.planned.seed}
        rows += [
            {**one, "episode": p.episode, "accuracy": p.train_accuracy, "part": "training"} for p in run.result.curve
        ]
        rows += [
            {**one, "episode": p.episode, "accuracy": p.accuracy, "part": "validation"} for p in run.result.validation
        ]
    return pd.DataFrame(rows, columns=["variant", "label", "seed", "episode", "accuracy", "part"])
