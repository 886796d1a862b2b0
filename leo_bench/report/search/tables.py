"""Tables of a search's report."""

from typing import Any

import numpy as np
import pandas as pd

from leo_bench.figures.search.parameter_axis import number_words
from leo_bench.records import without_paths
from leo_bench.report.search.data import SearchData, millions, settings_words, value_words
from leo_bench.report.search.on_test import choice_numbers, choices_on_test
from leo_bench.report.study.data import cell_name
from leo_bench.report.table import NONE, ReportTable, difference, p_value, percent, with_interval


def choices_table(data: SearchData) -> ReportTable | None:
    """Return the choices and the defaults on test; None if none has a done run there."""
    found, study = choices_on_test(data), data.study
    if not found or study is None:
        return None
    numbers = choice_numbers(data, found)
    settings = {one.choice.variant: settings_words(one.choice.parameters, list(data.scales)) for one in found}
    words = []
    for row in numbers.to_dict("records"):
        own = {str(name): value for name, value in row.items()}
        defaults = {name: own[name] for name in data.scales if name in own and not pd.isna(own[name])}
        words.append(
            {
                "variant": own["label"],
                "trial": NONE if pd.isna(own["number"]) else f"{own['number']:.0f}",
                "settings": settings.get(own["variant"]) or ", ".join(f"{name} {defaults[name]}" for name in defaults),
                "trial, validation, %": percent(own["validation"]),
                "fresh seeds on validation, %": with_interval(
                    own["fresh_validation"], own["fresh_validation_low"], own["fresh_validation_high"], "seeds"
                ),
                "test, %": with_interval(
                    own["accuracy"], own["accuracy_low"], own["accuracy_high"], own["interval_over"]
                ),
                "gain on validation, points": difference(own["promised"], np.nan, np.nan, ""),
                "gain on test, points": difference(
                    own["difference"], own["difference_low"], own["difference_high"], str(own["difference_over"])
                ),
                "verdict": own["verdict"],
                "seeds": str(own["n_seeds"]),
            }
        )
    caption = (
        f"{study.data_name()}, {cell_name(study.headline)}. Trial: its accuracy on validation characters, one seed. "
        "Fresh seeds: its settings trained again, on validation and on test characters, 95% t intervals over seeds "
        "(e: over the test episodes of one model). Gain on validation: the trial minus the defaults' fresh seeds. Gain "
        "on test: paired difference with the defaults; margin "
        f'{100 * study.plan.margin:g} points. "{NONE}": does not apply, or not recorded.'
    )
    notes = [f"{row['label']}: {row['note']}." for row in numbers.to_dict("records") if row["note"]]
    return ReportTable("test", caption, numbers, pd.DataFrame(words), notes)


def front_table(data: SearchData) -> ReportTable | None:
    """Return the Pareto front, from low to high cost; None with one objective, or without a complete trial."""
    if not data.has_cost or not data.complete:
        return None
    numbers = data.front
    words = [
        {
            "trial": str(row["number"]),
            "accuracy, %": percent(row["accuracy"]),
            "multiply-adds": millions(row["multiply_adds"]),
            **{name: _cell(row[name]) for name in data.scales},
        }
        for row in numbers.to_dict("records")
    ]
    caption = (
        f"Pareto front of n = {len(data.complete)} complete trials: accuracy on validation characters, multiply-adds "
        "to answer one episode. One seed each, so a place on the front is no verdict."
    )
    return ReportTable("front", caption, numbers, pd.DataFrame(words))


def importance_table(data: SearchData) -> ReportTable | None:
    """Return the importance of each parameter; None if the analysis has none."""
    numbers = data.importance
    if numbers.empty:
        return None
    words = [
        {
            "parameter": str(row["parameter"]),
            "importance": f"{row['importance']:.2f}",
            "5th to 95th percentile": f"{row['low']:.2f} to {row['high']:.2f}",
            "what it is": "a random number, never used" if row["planted"] else "searched",
        }
        for row in numbers.to_dict("records")
    ]
    first = numbers.iloc[0]
    caption = (
        f"Share of the variance of accuracy, by {first['evaluator']}, over n = {first['n_trials']} complete trials: "
        "mean and percentiles over bootstrap resamples of the trials."
    )
    return ReportTable("importance", caption, numbers, pd.DataFrame(words))


def ranges_table(data: SearchData) -> ReportTable | None:
    """Return every part of every range; None if the analysis has none."""
    numbers = data.ranges
    if numbers.empty:
        return None
    words = [
        {
            "parameter": str(row["parameter"]),
            "part": part_words(row),
            "trials": str(row["n_trials"]),
            "mean accuracy, %": percent(row["mean"]),
            "standard error, points": percent(row["std_error"]),
            "best, %": percent(row["best"]),
            **({"Holm's p": p_value(row["p"])} if "p" in numbers else {}),
            "verdict": str(row["verdict"]),
        }
        for row in numbers.to_dict("records")
    ]
    caption = (
        f"Each range in at most four parts (equal on its own scale), n = {len(data.complete)} complete trials: mean "
        "accuracy in the part, and a test against the trials elsewhere (Welch's t test, Holm over all parts). "
        f'"{NONE}": too few trials.'
    )
    return ReportTable("ranges", caption, numbers, pd.DataFrame(words))


def part_words(row: dict[Any, Any]) -> str:
    """Return a part of a range, or a choice: `32 to 56`, `shared`."""
    if not pd.isna(row["choice"]):
        text = str(row["choice"])
        return text.lower() if text in ("True", "False") else text
    low, high = (number_words(float(row[end])) for end in ("low", "high"))
    return low if low == high else f"{low} to {high}"


def trials_table(data: SearchData) -> ReportTable:
    """Return every trial with all recorded fields, and the command that repeats its run."""
    numbers, words = [], []
    for trial in sorted(data.trials.trials, key=lambda trial: trial.number):
        shown = data.frame[data.frame["number"] == trial.number].iloc[0]
        message = without_paths(trial.message, data.folder.parent)
        doing = "reproduce" if trial.state == "complete" else "run"
        command = f"leo-bench {doing} --key {trial.run_key}" if trial.run_key else ""
        row: dict[str, Any] = {"number": trial.number, "state": trial.state, "run_key": trial.run_key or ""}
        text = {"trial": str(trial.number), "state": trial.state, "accuracy, %": percent(shown["accuracy"])}
        row["accuracy"] = shown["accuracy"]
        if data.has_cost:
            row["multiply_adds"] = cost = shown["multiply_adds"]
            text["multiply-adds"] = NONE if np.isnan(cost) else millions(cost)
        row |= {"episodes": shown["episodes"], **trial.parameters}
        text["episodes"] = NONE if np.isnan(shown["episodes"]) else f"{shown['episodes']:,.0f}"
        text |= {
            parameter.name: value_words(trial.parameters[parameter.name])
            if parameter.name in trial.parameters
            else NONE
            for parameter in data.plan.space
        }
        row |= {"started": trial.started or "", "finished": trial.finished or "", "retry_of": trial.retry_of}
        row |= {"message": message, "command": command}
        text |= {"repeats": NONE if trial.retry_of is None else f"trial {trial.retry_of}"}
        text |= {"command": command or NONE, "message": message or NONE}
        text |= {"started": _time(trial.started), "finished": _time(trial.finished)}
        numbers.append(row)
        words.append(text)
    caption = (
        "Accuracy on validation characters, of complete trials; episodes: training episodes at the last report; "
        "repeats: the trial that died and is repeated here. The command repeats a complete trial's run with its "
        "settings and seed and compares bit for bit; it trains any other run to the end."
    )
    return ReportTable("trials", caption, pd.DataFrame(numbers), pd.DataFrame(words))


def _cell(value: Any) -> str:
    """Return a parameter's value in a frame as text: a float for a range, else the text of a choice."""
    if isinstance(value, str):
        return value
    return value_words(int(value) if float(value).is_integer() else float(value))


def _time(text: str | None) -> str:
    """Return `2026-01-02 03:04`."""
    return text[:16].replace("T", " ") if text else NONE
