"""Effect of adaptation: losses, changed answers, moved codes and gain of every test."""

from typing import Any

import numpy as np
import pandas as pd

from leo_bench.records import SCORE_COLUMNS, AdaptationRecord, score_row
from leo_bench.report.table import NONE, ReportTable, difference, percent
from leo_bench.statistics import seed_interval
from leo_bench.statistics.studies.comparable import has_own_adaptation
from leo_bench.statistics.studies.study import StudyData

NOT_FINITE = "not finite"
CONDITIONS = "elsewhere dataset n_way within k_shot mislabelled data".split()
"""Columns that identify the conditions of a test; the report sorts tests by them."""
LOOP = "place variant label test inner_steps finetune_steps".split()
CAPTION = (
    "One row per test and variant, means over seeds. Steps: on the codes, + fine-tuning on the decoded weights. "
    "Support loss: mean cross-entropy of the inner loop's examples at inner_temperature (of a generated CNN at 1), "
    "before -> after it (-> of the support set after "
    f"fine-tuning); {NOT_FINITE}: the loop diverged. Answers changed: share of the queries with another answer after "
    "the last step, and of the episodes with such a query; to right, to wrong: share of the queries whose answer "
    "becomes right or wrong. Codes: mean distance that a class code moves, divided by the mean distance between two "
    "class codes before. Gain: accuracy after minus "
    f'before, with the 95% t interval over seeds. "{NONE}": not recorded.'
)


def adaptation_frame(data: StudyData) -> pd.DataFrame:
    """Return a row for every test in which a step is taken, of the runs that count, in the report's order.

    Columns: CONDITIONS, LOOP, seed, own (True if the adaptation is the one that the run's settings name), by_step
    (steps taken -> accuracy), gain, and those of scores.csv. Fractions.
    """
    places = {variant: place for place, variant in enumerate(data.variants)}
    rows = [
        {
            **score_row(data.plan, run, test),
            "label": data.label(run.planned.variant),
            "place": places[run.planned.variant],
            "own": has_own_adaptation(run, test),
            "by_step": dict(zip(test.steps, test.accuracy_by_step, strict=True)),
            "n_steps": test.steps[-1],
        }
        for run in data.runs.values()
        for test in run.tests
        if test.steps[-1] > 0
    ]
    frame = pd.DataFrame(rows, columns=[*SCORE_COLUMNS, *"label place own by_step n_steps".split()])
    wrong = frame["mislabelled"].map(lambda n: f", {n} mislabelled" if n else "")
    ways, shots = (frame[name].astype(str) for name in ("n_way", "k_shot"))
    frame = frame.assign(
        elsewhere=frame["dataset"] != frame["trained_on"],
        within=frame["episode_mode"] != "mixed",
        data=frame["dataset"] + " " + frame["data_digest"].str[:8],
        test=ways + "-way " + shots + "-shot " + frame["episode_mode"].str.replace("_", " ") + wrong,
        finetune_steps=frame["n_steps"] - frame["inner_steps"],
        gain=frame["accuracy"] - frame["accuracy_before"],
    ).astype(dict.fromkeys(AdaptationRecord.model_fields, float))
    return frame.sort_values([*CONDITIONS, "place", "seed"], kind="stable", ignore_index=True)


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
    intervals = [seed_interval(values) for _, values in groups["gain"]]
    ends = [(gain.mean, gain.low, gain.high) for gain in intervals]
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
        "in episodes, %": f"{100 * row['episodes_changed']:.1f}",
        "to right, %": f"{100 * row['corrected']:.2f}",
        "to wrong, %": f"{100 * row['spoiled']:.2f}",
        "codes moved / apart": NONE if np.isnan(row["move_by_distance"]) else f"{row['move_by_distance']:.3g}",
    }
