"""Tables of a search's report: the choices on test, and the parts of each range. The dashboard has the trials."""

from typing import Any

import pandas as pd

from leo_bench.records import listed
from leo_bench.records.search import Choice
from leo_bench.report.search.data import SearchData, value_words
from leo_bench.report.study.main_table import main_numbers, main_words
from leo_bench.report.table import NONE, ReportTable, notes_of, p_value, percent, with_interval
from leo_bench.statistics import seed_interval
from leo_bench.statistics.studies.study import StudyData, cell_name

SAME = ("n_train_episodes", "train_classes", "dataset", "class_split", "image_size", "n_way", "k_shot", "n_query")
"""Settings that must be equal for trials and runs on test, or their accuracies on validation cannot be compared."""


def choices_table(data: SearchData) -> ReportTable | None:
    """Return the choices and the defaults on test, with what each reached on validation; None without a done run there.

    Numbers are those of the study's main table, and: trial (number of the chosen trial), validation (its accuracy, a
    fraction), and fresh_validation with low and high: fresh seeds on the same characters. NaN where there is none.
    """
    study, choices = data.study, {one.variant: one for one in data.choices}
    numbers = pd.DataFrame() if study is None else main_numbers(study)
    if study is None or numbers.empty or not choices.keys() & set(numbers["variant"]):
        return None
    numbers = numbers.sort_values("variant", key=lambda names: names == study.plan.baseline, kind="stable")
    numbers = numbers.reset_index(drop=True)
    found = [_on_validation(study, name, choices.get(name)) for name in numbers["variant"]]
    numbers = numbers.join(pd.DataFrame(found, dtype=float))
    test = f"{cell_name(study.headline)}, %"
    words = main_words(study, numbers)[["variant", test, "difference, points", "verdict", "seeds"]]
    words["trial"] = numbers["trial"].map("{:.0f}".format, na_action="ignore").fillna(NONE)
    words["trial, validation, %"] = numbers["validation"].map(percent)
    ends = numbers[["fresh_validation", "fresh_validation_low", "fresh_validation_high"]]
    words["fresh seeds, validation, %"] = [
        with_interval(mean, low, high, "seeds") for mean, low, high in ends.to_numpy()
    ]
    words["settings"] = [data.settings_words(study.settings[name]) for name in numbers["variant"]]
    trial = f", {data.n_episodes:,} episodes" if data.n_episodes else ""
    caption = (
        f"{study.data_name()}. Trial: one seed{trial}. Fresh seeds: the same settings trained again, on validation "
        f"({data.plan.test.get('n_val_episodes')} episodes) and on test, 95% t intervals over seeds (e: over the test "
        "episodes of one model). Difference: on test, paired with the defaults; it matters from "
        f'{100 * study.plan.margin:g} points on, or from a tenth of the error. "{NONE}": does not apply, or not '
        "recorded."
    )
    base, on_test = data.plan.base, data.plan.test
    unlike = [f"{name} {on_test[name]} against {base[name]}" for name in SAME if on_test.get(name) != base.get(name)]
    notes = [f"The trial cannot be compared with the fresh seeds: they have {listed(unlike)}."] if unlike else []
    return ReportTable("test", caption, numbers, words, [*notes_of(numbers), *notes])


def _on_validation(study: StudyData, variant: str, choice: Choice | None) -> dict[str, float | None]:
    """Return what a variant reached on validation: as a trial of the search, and with the fresh seeds of the study."""
    results = [study.runs[variant, int(seed)].result for seed in study.rows(study.headline, variant)["seed"]]
    last = [(one.validation[-1], one.n_train_episodes) for one in results if one is not None and one.validation]
    values = [point.accuracy for point, n_train_episodes in last if point.episode == n_train_episodes]
    fresh = seed_interval(values) if values else None
    return {
        "trial": choice.number if choice else None,
        "validation": choice.values[0] if choice else None,
        "fresh_validation": fresh.mean if fresh else None,
        "fresh_validation_low": fresh.low if fresh else None,
        "fresh_validation_high": fresh.high if fresh else None,
    }


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
            "Holm's p": numbers["p"].map(p_value),
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
