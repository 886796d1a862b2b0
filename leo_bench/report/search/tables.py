"""Tables of a search's report."""

from typing import Any

import numpy as np
import pandas as pd

from leo_bench.records import without_paths
from leo_bench.report.search.data import SearchData, millions, value_words
from leo_bench.report.search.on_test import chosen_on_test, differing
from leo_bench.report.sentences import listed
from leo_bench.report.study.data import cell_name
from leo_bench.report.table import NONE, ReportTable, difference, p_value, percent, with_interval

GAIN_PLACE, TRIAL_PLACE = "gain on validation in interval on test", "trial in fresh seeds' interval"
"""Columns of words: the place of a value, `above`, `within` or `below`, in an interval."""


def choices_table(data: SearchData) -> ReportTable | None:
    """Return the choices and the defaults on test; None if none has a done run there."""
    numbers, study = chosen_on_test(data), data.study
    if numbers.empty or study is None:
        return None
    names = [one.name for one in data.space]
    words = [
        {
            "variant": row["label"],
            "test, %": with_interval(row["accuracy"], row["accuracy_low"], row["accuracy_high"], row["interval_over"]),
            "gain on test, points": difference(
                row["difference"], row["difference_low"], row["difference_high"], str(row["difference_over"])
            ),
            "verdict": row["verdict"],
            "seeds": str(row["n_seeds"]),
            "trial": NONE if pd.isna(row["number"]) else f"{row['number']:.0f}",
            "trial, validation, %": percent(row["validation"]),
            "fresh seeds, validation, %": with_interval(
                row["fresh_validation"], row["fresh_validation_low"], row["fresh_validation_high"], "seeds"
            ),
            TRIAL_PLACE: row["trial_place"],
            "gain on validation, points": difference(row["gain_on_validation"], np.nan, np.nan, ""),
            GAIN_PLACE: row["gain_place"],
            "settings": ", ".join(f"{name} {row[name]}" for name in names if pd.notna(row.get(name))),
        }
        for row in numbers.to_dict("records")
    ]
    trial = f", {data.n_episodes:,} episodes" if data.n_episodes else ""
    caption = (
        f"{study.data_name()}, {cell_name(study.headline)}. Trial: one seed{trial}. Fresh seeds: its settings trained "
        f"again, on validation ({data.plan.test.get('n_val_episodes')} episodes) and on test, 95% t intervals over "
        "seeds (e: over the test episodes of one model). Gain on validation: the trial minus the defaults' fresh "
        "seeds. Gain on test: paired difference with the defaults; margin "
        f'{100 * study.plan.margin:g} points, at most a tenth of the error. "{NONE}": does not apply, or not recorded.'
    )
    notes = [f"{row['label']}: {row['note']}." for row in numbers.to_dict("records") if row["note"]]
    if differing(data):
        notes.append(f"Gains are not compared: the runs on test have {listed(differing(data))}.")
    return ReportTable("test", caption, numbers, pd.DataFrame(words), notes)


def front_table(data: SearchData) -> ReportTable | None:
    """Return the Pareto front, from low to high cost; None with one objective, or without a complete trial."""
    if not data.has_cost or data.complete.empty:
        return None
    trials, chosen = trials_table(data), {one.number: one.variant for one in data.choices}
    rows = trials.numbers[trials.numbers["number"].isin(data.front["number"])].sort_values("multiply_adds")
    words = trials.words.loc[rows.index].drop(columns=["state", "repeats", "command", "message"])
    words.insert(1, "chosen as", [chosen.get(number, NONE) for number in rows["number"]])
    caption = (
        f"Pareto front of n = {len(data.complete)} complete trials: accuracy on validation characters, multiply-adds "
        "to answer one episode. Chosen: to be measured on test. One seed each, so a place on the front is no verdict."
    )
    return ReportTable("front", caption, rows, words)


def ranges_table(data: SearchData) -> ReportTable | None:
    """Return every part of every range; None if the analysis has none."""
    numbers = data.ranges
    if numbers.empty:
        return None
    words = pd.DataFrame(
        {
            "setting": numbers["parameter"],
            "part": [part_words(row) for row in numbers.to_dict("records")],
            "trials": numbers["n_trials"].map(str),
            "mean accuracy, %": numbers["mean"].map(percent),
            "standard error, points": numbers["std_error"].map(percent),
            "best, %": numbers["best"].map(percent),
            **({"Holm's p": numbers["p"].map(p_value)} if "p" in numbers else {}),
            "verdict": numbers["verdict"],
        }
    )
    caption = (
        f"Each range in at most four parts (equal on its own scale), n = {len(data.complete)} complete trials: mean "
        "accuracy in the part, and a test against the trials elsewhere (Welch's t test, Holm over all parts). "
        f'"{NONE}": too few trials.'
    )
    return ReportTable("ranges", caption, numbers, words)


def part_words(row: dict[Any, Any]) -> str:
    """Return a part of a range, or a choice: `32 to 56`, `shared`."""
    if pd.notna(row["choice"]):
        return str(row["choice"]).lower() if row["choice"] in ("True", "False") else str(row["choice"])
    return " to ".join(dict.fromkeys(value_words(float(row[end])) for end in ("low", "high")))


def trials_table(data: SearchData) -> ReportTable:
    """Return every trial with its settings, and the command that repeats its run."""
    numbers = data.frame.copy() if data.has_cost else data.frame.drop(columns="multiply_adds")
    trials = sorted(data.trials.trials, key=lambda trial: trial.number)
    for one in data.plan.space:
        numbers[one.name] = [trial.parameters.get(one.name) for trial in trials]
    for name in ("run_key", "retry_of"):
        numbers[name] = [getattr(trial, name) for trial in trials]
    numbers["message"] = [without_paths(trial.message, data.folder.parent) for trial in trials]
    doing = {trial.number: "reproduce" if trial.state == "complete" else "run" for trial in trials}
    numbers["command"] = [f"leo-bench {doing[one.number]} --key {one.run_key}" if one.run_key else "" for one in trials]
    words = pd.DataFrame(
        {
            "trial": numbers["number"].map(str),
            "state": numbers["state"],
            "accuracy, %": numbers["accuracy"].map(percent),
            **({"multiply-adds": numbers["multiply_adds"].map(millions, na_action="ignore")} if data.has_cost else {}),
            **{one.name: numbers[one.name].map(value_words, na_action="ignore") for one in data.plan.space},
            "repeats": numbers["retry_of"].map("trial {:.0f}".format, na_action="ignore"),
            "command": numbers["command"],
            "message": numbers["message"],
        }
    )
    caption = (
        "Accuracy on validation characters, of complete trials; repeats: the trial that died and is repeated here. The "
        "command repeats a complete trial's run and compares "
        "bit for bit; it trains any other run to the end."
    )
    return ReportTable("trials", caption, numbers, words.astype(object).replace("", None).fillna(NONE))
