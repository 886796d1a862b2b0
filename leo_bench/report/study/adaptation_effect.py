"""Effect of adaptation: losses, changed answers and moved codes of every test, and the gain by steps taken."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from leo_bench.figures.forest_plot import signed
from leo_bench.figures.gains import gains
from leo_bench.figures.style import LABEL_WIDTH
from leo_bench.records import AdaptationRecord, RunState, TestResult
from leo_bench.report.panels import Panel, Plot
from leo_bench.report.study.captions import OVER_SEEDS, lines_height, n_words
from leo_bench.report.study.comparable import has_own_adaptation
from leo_bench.report.study.data import StudyData
from leo_bench.report.table import NONE, ReportTable, difference, percent
from leo_bench.statistics import seed_interval

NOT_FINITE = "not finite"
CONDITIONS = "elsewhere dataset n_way within k_shot mislabelled data".split()
"""Columns that identify the conditions of a test; the report sorts tests by them."""
LOOP = "place variant label test inner_steps finetune_steps".split()
CAPTION = (
    "One row per test and variant, means over seeds. Steps: on the codes, + fine-tuning on the decoded weights. "
    "Support loss: mean cross-entropy of the inner loop's examples, before -> after it (-> of the support set after "
    f"fine-tuning); {NOT_FINITE}: the loop diverged. Answers changed: share of the queries with another answer after "
    "the last step; to right, to wrong: share of the queries whose answer becomes right or wrong. Codes: mean distance "
    "that a class code moves, divided by the mean distance between two class codes before. Gain: accuracy after minus "
    f'before, with the 95% t interval over seeds. "{NONE}": not recorded.'
)


def adaptation_frame(data: StudyData) -> pd.DataFrame:
    """Return a row for every test in which a step is taken, of the runs that count, in the report's order.

    Columns: CONDITIONS, LOOP, seed, own (True if the adaptation is the one that the run's settings name), by_step
    (steps taken -> accuracy), accuracy_before, accuracy, gain, and the fields of AdaptationRecord. Fractions.
    """
    places = {variant: place for place, variant in enumerate(data.variants)}
    rows = [
        _row(run, test) | {"label": data.label(run.planned.variant), "place": places[run.planned.variant]}
        for run in data.view.done
        if (run.planned.variant, run.planned.seed) in data.counted
        for test in run.tests
        if test.steps[-1] > 0
    ]
    frame = pd.DataFrame(rows, columns=[*CONDITIONS, *LOOP, *_ROW, *AdaptationRecord.model_fields])
    frame = frame.astype(dict.fromkeys(AdaptationRecord.model_fields, float))
    return frame.sort_values([*CONDITIONS, "place", "seed"], kind="stable", ignore_index=True)


_ROW = "seed own by_step accuracy_before accuracy gain".split()


def _row(run: RunState, test: TestResult) -> dict[str, Any]:
    settings, within, wrong = run.planned.settings, test.episode_mode != "mixed", test.mislabelled or 0
    steps = settings["inner_steps"] if test.inner_steps is None else test.inner_steps
    words = f"{test.n_way}-way {test.k_shot}-shot {'within alphabet' if within else 'mixed'}"
    return {
        **test.model_dump(include={"dataset", "n_way", "k_shot", "accuracy_before", "accuracy"}),
        **(test.adaptation.model_dump() if test.adaptation else {}),
        "elsewhere": test.dataset != settings["dataset"],
        "within": within,
        "mislabelled": wrong,
        "data": f"{test.dataset} {test.data_digest[:8]}",
        "test": words + (f", {wrong} mislabelled" if wrong else ""),
        "variant": run.planned.variant,
        "seed": run.planned.seed,
        "inner_steps": steps,
        "finetune_steps": test.steps[-1] - steps,
        "own": has_own_adaptation(run, test),
        "by_step": dict(zip(test.steps, test.accuracy_by_step, strict=True)),
        "gain": test.accuracy - test.accuracy_before,
    }


def effect_table(data: StudyData) -> ReportTable | None:
    """Return what adaptation does by test and variant; None if no test has it on record."""
    frame = adaptation_frame(data)
    frame = frame[frame["queries_changed"].notna()]
    if frame.empty:
        return None
    moved = (frame["code_move"] / frame["class_distance"]).replace([np.inf, -np.inf], np.nan)
    groups = frame.assign(move_by_distance=moved).groupby([*CONDITIONS, *LOOP], sort=False)
    measures = [*AdaptationRecord.model_fields, "move_by_distance", "accuracy_before", "accuracy"]
    numbers = groups[measures].mean(skipna=False)  # NaN if a seed has no value
    gains = [seed_interval(values) for _, values in groups["gain"]]
    ends = [(gain.mean, gain.low, gain.high) for gain in gains]
    numbers[["gain", "gain_low", "gain_high"]] = np.array(ends, float)  # no interval is NaN
    numbers = numbers.assign(n_seeds=groups.size()).reset_index()
    words = pd.DataFrame([_words(row) for row in numbers.to_dict("records")])
    return ReportTable("adaptation", CAPTION, numbers.drop(columns=["place", "label"]), words)


def _words(row: dict[Any, Any]) -> dict[str, str]:
    names = ["loss_before", "loss_after", *(["loss_finetuned"] if row["finetune_steps"] else [])]
    losses = " -> ".join(NOT_FINITE if np.isnan(row[name]) else f"{row[name]:.3g}" for name in names)
    return {
        "variant": row["label"],
        "test": row["test"],
        "data": row["data"],
        "gain, points": difference(row["gain"], row["gain_low"], row["gain_high"], "seeds"),
        "accuracy, %": f"{percent(row['accuracy_before'])} -> {percent(row['accuracy'])}",
        "steps": str(row["inner_steps"]) + (f" + {row['finetune_steps']}" if row["finetune_steps"] else ""),
        "support loss": NONE if np.isnan(row["loss_before"]) else losses,
        "answers changed, %": f"{100 * row['queries_changed']:.2f}",
        "to right, %": f"{100 * row['corrected']:.2f}",
        "to wrong, %": f"{100 * row['spoiled']:.2f}",
        "codes moved / apart": NONE if np.isnan(row["move_by_distance"]) else f"{row['move_by_distance']:.3g}",
    }


def gain_plot(data: StudyData) -> Plot | None:
    """Return the figure of the gain in accuracy by steps taken, a panel per test; None if no variant takes a step."""
    frame = adaptation_frame(data)
    frame = frame[frame["own"]]
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
        draw = partial(gains, rows, data.styles)
        alt = f"Gain in points by step, {' '.join(title)}: {'; '.join(words)}"
        height = lines_height(list(rows["label"].unique()), LABEL_WIDTH - 5)
        panels.append(Panel(draw, *title, width=4.4, height=height, alt=alt))
    caption = (
        "Accuracy minus that before adaptation, by steps taken on codes and then on decoded weights; each line ends "
        f"with its last gain. Means over {n_words(frame)}; shaded: {OVER_SEEDS}."
    )
    return Plot("gain-by-step", "Gain by steps taken", caption, panels)
