"""Tests beyond those that a study compares: other shots, other data sets, other adaptation at test."""

from typing import Any

import numpy as np
import pandas as pd

from leo_bench.records import RunState, TestResult
from leo_bench.report.study.comparable import is_own
from leo_bench.report.study.data import StudyData
from leo_bench.report.table import NONE, ReportTable, percent, with_interval
from leo_bench.statistics import episode_interval, seed_interval

CAPTION = (
    "Accuracy before -> after adaptation, %: means over seeds, ± half the 95% t interval over seeds (e: one seed, over "
    "its test episodes). These tests choose nothing, and no difference is taken; each row is a test of its own. "
    f'"{NONE}": not scored.'
)


def other_tests_table(data: StudyData) -> ReportTable | None:
    """Return accuracy by test (rows) and variant (columns of the words); None if the study has no such tests."""
    found: dict[tuple[str, str], dict[str, list[tuple[RunState, TestResult]]]] = {}
    for run in data.view.done:
        if (run.planned.variant, run.planned.seed) in data.counted:
            for test in (test for test in run.tests if not is_own(run, test)):
                row = (test.asked.name, f"{test.dataset} {test.data_digest[:8]}")
                found.setdefault(row, {}).setdefault(run.planned.variant, []).append((run, test))
    if not found:
        return None
    variants = [name for name in data.variants if any(name in scored for scored in found.values())]
    numbers, words = [], []
    for (name, dataset), scored in sorted(found.items(), key=lambda item: _order(item[1])):
        rows = {variant: _numbers(scored[variant]) for variant in variants if variant in scored}
        numbers += [{"test": name, "data": dataset, "variant": variant, **row} for variant, row in rows.items()]
        cells = {data.label(variant): _words(rows[variant]) if variant in rows else NONE for variant in variants}
        words.append({"test": name, "data": dataset, **cells})
    return ReportTable("other-tests", CAPTION, pd.DataFrame(numbers), pd.DataFrame(words))


def _order(scored: dict[str, list[tuple[RunState, TestResult]]]) -> tuple[Any, ...]:
    """Return what tests are sorted by: data set, ways, alphabets, shots."""
    test = next(iter(scored.values()))[0][1]
    return test.dataset, test.n_way, test.episode_mode != "mixed", test.episode_mode, test.k_shot, test.asked.name


def _numbers(scored: list[tuple[RunState, TestResult]]) -> dict[str, Any]:
    """Return mean accuracies of one variant on one test, with the interval after adaptation. Fractions."""
    if len(scored) > 1:
        interval = seed_interval([test.accuracy for _, test in scored])
    else:
        run, test = scored[0]
        interval = episode_interval(run.correct(test)[:, -1] / (test.n_way * test.n_query))
    return {
        "n_seeds": len(scored),
        "accuracy_before": float(np.mean([test.accuracy_before for _, test in scored])),
        "accuracy": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "interval_over": interval.kind,
    }


def _words(row: dict[str, Any]) -> str:
    """Return `43.7 -> 51.8 ± 1.2`."""
    after = with_interval(row["accuracy"], row["low"], row["high"], row["interval_over"])
    return f"{percent(row['accuracy_before'])} -> {after}"
