"""Tests beyond those that a study compares: other shots, other data sets, wrong labels, other adaptation at test."""

from typing import Any

import numpy as np
import pandas as pd

from leo_bench.records import RunState, TestResult
from leo_bench.report.study.comparable import has_own_adaptation, is_own
from leo_bench.report.study.data import StudyData
from leo_bench.report.study.differences import effects
from leo_bench.report.table import NONE, ReportTable, difference, percent, with_interval
from leo_bench.statistics import episode_interval, seed_interval

CAPTION = (
    "Accuracy before -> after adaptation, %: means over seeds, ± half the 95% t interval over seeds (e: one seed, over "
    "its test episodes). These tests choose nothing; each row is a test of its own, and each variant "
    "has its own classifier, inner loop and copies there, unless the row names others. "
    f'"{NONE}": not scored.'
)


def other_tests_table(data: StudyData) -> ReportTable | None:
    """Return accuracy by test (rows) and variant (columns of the words); None if the study has no such tests."""
    found: dict[tuple[str, str], dict[str, list[tuple[RunState, TestResult]]]] = {}
    for run in data.view.done:
        if (run.planned.variant, run.planned.seed) in data.counted:
            for test in (test for test in run.tests if not is_own(run, test)):
                name = test.asked.episodes_name if has_own_adaptation(run, test) else test.asked.name
                row = (name, f"{test.dataset} {test.data_digest[:8]}")
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


DIFFERENCES_CAPTION = (
    "Differences on these tests after adaptation, in points, with their verdicts: the variant minus the one it is "
    f'compared with, paired by seed, on the same episodes. Each test is a family of its own. "{NONE}": no shared seed.'
)


def other_differences_table(data: StudyData) -> ReportTable | None:
    """Return paired differences by test (rows) and variant (columns of the words) on the tests of other_tests_table.

    None if no two variants share such a test and a seed.
    """
    variants = [name for name in data.variants if name != data.plan.baseline]
    frames, words = [], []
    for test in sorted(data.elsewhere["test"].unique()):
        dataset, name = test.split(" ", 1)
        frame = effects(data, test)
        rows = frame[frame["compared"]].assign(test=name, data=dataset)
        if len(rows):
            frames.append(rows)
            cells = {row["variant"]: _difference_words(row) for _, row in rows.iterrows()}
            of_variants = {data.label(variant): cells.get(variant, NONE) for variant in variants}
            words.append({"test": name, "data": dataset, **of_variants})
    if not words:
        return None
    numbers = pd.concat(frames, ignore_index=True)
    return ReportTable("other-differences", DIFFERENCES_CAPTION, numbers, pd.DataFrame(words))


def _difference_words(row: "pd.Series[Any]") -> str:
    """Return `+1.2 [+0.8, +1.6] better`."""
    return f"{difference(row['difference'], row['low'], row['high'], row['kind'])} {row['verdict']}"


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
