"""Tests beyond those that a study compares: other shots, other data sets, wrong labels, other adaptation at test."""

from typing import Any

import numpy as np
import pandas as pd

from leo_bench.records import RunState, TestResult
from leo_bench.report.study.comparable import has_own_adaptation, is_own
from leo_bench.report.study.data import StudyData
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
    "Differences on these tests after adaptation, in points: the variant minus the one it is compared with, paired by "
    "seed, on the same episodes; with 95% t intervals over seeds. They are looked at after the choice of the baseline, "
    f'so they have no verdict. "{NONE}": no shared seed.'
)


def other_differences_table(data: StudyData) -> ReportTable | None:
    """Return paired differences by test (rows) and variant (columns of the words) on the tests of other_tests_table.

    Tests that differ in the head and the inner loop at test alone are compared, as that is what their variants are
    about. None if no two variants share such a test and a seed.
    """
    found: dict[tuple[Any, ...], dict[str, dict[int, float]]] = {}
    for run in data.view.done:
        if (run.planned.variant, run.planned.seed) in data.counted:
            for test in (test for test in run.tests if _is_elsewhere(run, test)):
                order = (test.dataset, test.n_way, test.episode_mode, test.k_shot, test.mislabelled or 0)
                key = (*order, test.asked.episodes_name, test.episodes_digest)
                found.setdefault(key, {}).setdefault(run.planned.variant, {})[run.planned.seed] = test.accuracy
    numbers, words = [], []
    for key, scored in sorted(found.items()):
        name = {"test": key[-2], "data": key[0]}
        cells = dict.fromkeys((data.label(name) for name in data.variants if name != data.plan.baseline), NONE)
        for variant in (name for name in data.variants if name != data.plan.baseline):
            own, other = scored.get(variant, {}), scored.get(data.compared_with(variant), {})
            paired = [own[seed] - other[seed] for seed in sorted(own.keys() & other.keys())]
            if paired:
                row = _difference(paired)
                against = data.label(data.compared_with(variant))
                numbers.append({**name, "variant": variant, "against": against, **row})
                cells[data.label(variant)] = difference(row["difference"], row["low"], row["high"], "seeds")
        if set(cells.values()) - {NONE}:
            words.append({**name, **cells})
    if not words:
        return None
    return ReportTable("other-differences", DIFFERENCES_CAPTION, pd.DataFrame(numbers), pd.DataFrame(words))


def _is_elsewhere(run: RunState, test: TestResult) -> bool:
    """Return True for a test at other shots, on other data or with wrong labels, with the run's own adaptation."""
    return has_own_adaptation(run, test) and not is_own(run, test)


def _difference(paired: list[float]) -> dict[str, Any]:
    """Return the mean of paired differences with its interval, NaN for one seed. Fractions."""
    interval = seed_interval(paired)
    low, high = (np.nan if end is None else end for end in (interval.low, interval.high))
    return {"n_seeds": len(paired), "difference": interval.mean, "low": low, "high": high}


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
