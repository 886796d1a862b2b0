"""Tests beyond those that a study compares: other shots, other data sets, wrong labels, other adaptation at test."""

from typing import Any

import numpy as np
import pandas as pd

from leo_bench.records import TestResult
from leo_bench.report.study.main_table import whole_ends
from leo_bench.report.table import NONE, ReportTable, difference, percent, with_interval
from leo_bench.statistics import seed_interval
from leo_bench.statistics.studies.comparable import has_own_adaptation, is_own
from leo_bench.statistics.studies.differences import effects
from leo_bench.statistics.studies.study import StudyData

CAPTION = (
    "Accuracy before -> after adaptation, %: means over seeds, ± half the 95% t interval over seeds (e: one seed, over "
    "its test episodes). These tests choose nothing; each row is a test of its own, and each variant has its own "
    "classifier, inner loop and copies there, unless the row names others. Differences after adaptation, in points: "
    "the variant minus the one it is compared with, paired by seed, on the same episodes. Each test is a family of its "
    f'own. "{NONE}": nothing to compare with.'
)
PAIRED = "n_seeds difference low high kind holm_p verdict against".split()
"""Columns of a paired difference in the table; there they begin with `paired_`."""


def other_tests_table(data: StudyData) -> ReportTable | None:
    """Return accuracy and paired difference by test and variant, in fractions; None if the study has no such tests."""
    found: dict[tuple[Any, ...], list[TestResult]] = {}
    for (variant, _), run in data.runs.items():
        for test in run.tests:
            if not is_own(run, test):
                name = test.asked.episodes_name if has_own_adaptation(run, test) else test.asked.name
                order = (test.dataset, test.n_way, test.episode_mode != "mixed", test.k_shot)
                key = (*order, name, test.data_digest[:8], data.variants.index(variant))
                found.setdefault(key, []).append(test)
    if not found:
        return None
    numbers = [
        {"test": name, "data": f"{dataset} {digest}", "variant": data.variants[place], **_accuracy(found[key])}
        for key in sorted(found)
        for dataset, *_, name, digest, place in [key]
    ]
    images = data.elsewhere.set_index("test")["data_digest"].str[:8].to_dict()
    paired = {
        (test, row["variant"]): row
        for test in data.elsewhere["test"].unique()
        for row in effects(data, test).to_dict("records")
        if row["compared"]
    }
    for row in numbers:
        dataset, digest = row["data"].rsplit(" ", 1)
        place = f"{dataset} {row['test']}"
        place = place if images.get(place) == digest else ""  # on other images there is nothing to compare with
        row |= whole_ends(data, place, row["variant"])
        own = paired.get((place, row["variant"]), {"difference": np.nan, "verdict": NONE})
        row |= {f"paired_{name}": own.get(name) for name in PAIRED}
    words = [
        {
            "variant": data.label(row["variant"]),
            "test": row["test"],
            "data": row["data"],
            "accuracy, %": f"{percent(row['accuracy_before'])} -> "
            + with_interval(row["accuracy"], row["low"], row["high"], row["interval_over"]),
            "difference, points": difference(*(row[f"paired_{name}"] for name in PAIRED[1:5])),
            "verdict": row["paired_verdict"],
        }
        for row in numbers
    ]
    return ReportTable("other-tests", CAPTION, pd.DataFrame(numbers), pd.DataFrame(words))


def _accuracy(tests: list[TestResult]) -> dict[str, Any]:
    """Return mean accuracies of one variant on one test, with the interval after adaptation. Fractions."""
    interval, single = seed_interval([test.accuracy for test in tests]), len(tests) == 1
    half = tests[0].accuracy_ci95
    return {
        "n_seeds": len(tests),
        "accuracy_before": float(np.mean([test.accuracy_before for test in tests])),
        "accuracy": interval.mean,
        "low": interval.mean - half if single else interval.low,
        "high": interval.mean + half if single else interval.high,
        "interval_over": "episodes" if single else "seeds",
    }
