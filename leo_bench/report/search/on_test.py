"""Chosen settings on test, with fresh seeds: selection on validation, confirmation on test."""

from typing import Any

import numpy as np
import pandas as pd

from leo_bench.report.search.data import SearchData, value_words
from leo_bench.report.study.data import StudyData
from leo_bench.report.study.differences import effects, mean_accuracy
from leo_bench.report.table import NONE
from leo_bench.statistics import Interval, seed_interval

SAME = ("n_train_episodes", "train_classes", "dataset", "class_split", "image_size", "n_way", "k_shot", "n_query")
"""Settings that must be equal for trials and runs on test before their gains are compared."""


def chosen_on_test(data: SearchData) -> pd.DataFrame:
    """Return one row for each choice that has a done run on test, and a last one for the defaults; fractions.

    validation: accuracy of the chosen trial. fresh_validation, fresh_sd: the same settings with fresh seeds, on the
    same characters. accuracy: on test. gain_on_validation: the trial minus the defaults' fresh seeds; NaN if the runs
    on test differ in a setting of SAME. difference: gain on test. gain_place: place (`place_of`) of the gain on
    validation in the interval of the gain on test. trial_place: place of the trial in the interval of its fresh seeds.
    Empty if no choice has a done run.
    """
    study = data.study
    if study is None or study.scores.empty:
        return pd.DataFrame()
    frame, base, unlike = effects(study, study.headline).set_index("variant"), study.plan.baseline, differing(data)
    defaults = _measured(study, base)
    rows = []
    for choice in data.choices:
        row = _measured(study, choice.variant)
        if not row or choice.variant not in frame.index:
            continue
        effect, trial = frame.loc[choice.variant], choice.values[0]
        gain = np.nan if unlike else trial - defaults.get("fresh_validation", np.nan)
        over_seeds = bool(effect["compared"]) and effect["kind"] == "seeds"
        ends = (effect["low"], effect["high"]) if over_seeds else (np.nan, np.nan)
        fresh = (np.nan, np.nan) if unlike else (row["fresh_validation_low"], row["fresh_validation_high"])
        row |= {name: value_words(value) for name, value in choice.parameters.items()}
        row |= {"number": choice.number, "validation": trial, "gain_on_validation": gain}
        row |= {"difference_low": effect["low"], "difference_high": effect["high"], "difference_over": effect["kind"]}
        row |= {name: effect[name] for name in ("difference", "holm_p", "verdict", "note")}
        rows.append(row | {"gain_place": place_of(gain, *ends), "trial_place": place_of(trial, *fresh)})
    if rows and defaults:
        settings = study.settings.get(base, {})
        defaults |= {one.name: value_words(settings[one.name]) for one in data.space if one.name in settings}
        rows.append(defaults | {"verdict": "baseline", "note": "", "gain_place": NONE, "trial_place": NONE})
    return pd.DataFrame(rows)


def _measured(study: StudyData, variant: str) -> dict[str, Any]:
    """Return what fresh seeds of a variant reach, on test and on validation; empty without a run on test."""
    accuracy = mean_accuracy(study, study.headline, variant)
    if accuracy is None:
        return {}
    values = final_validations(study, variant)
    return {
        "variant": variant,
        "label": study.label(variant),
        **_columns("fresh_validation", seed_interval(values) if values else None),
        "fresh_sd": float(np.std(values, ddof=1)) if len(values) > 1 else np.nan,
        **_columns("accuracy", accuracy),
        "n_seeds": accuracy.n if accuracy.kind == "seeds" else 1,
        "interval_over": accuracy.kind,
    }


def final_validations(study: StudyData, variant: str) -> list[float]:
    """Return the accuracy of a variant's trained models on validation characters, for the seeds that recorded it."""
    results = [study.run(variant, int(seed)).result for seed in study.rows(study.headline, variant)["seed"]]
    last = [(one.validation[-1], one.n_train_episodes) for one in results if one is not None and one.validation]
    return [point.accuracy for point, n_train_episodes in last if point.episode == n_train_episodes]


def place_of(value: float, low: float, high: float) -> str:
    """Return `above`, `within` or `below`: the place of a value relative to an interval; NONE if one is missing."""
    if np.isnan([value, low, high]).any():
        return NONE
    return "above" if value > high else "below" if value < low else "within"


def differing(data: SearchData) -> list[str]:
    """Return the settings of SAME in which the runs on test differ from the trials, in words."""
    base, test = data.plan.base, data.plan.test
    return [f"{name} {test[name]} against {base[name]}" for name in SAME if test.get(name) != base.get(name)]


def _columns(name: str, interval: Interval | None) -> dict[str, float]:
    """Return the columns of a mean and its interval."""
    ends = (None, None, None) if interval is None else (interval.mean, interval.low, interval.high)
    names = (name, f"{name}_low", f"{name}_high")
    return {column: np.nan if end is None else end for column, end in zip(names, ends, strict=True)}
