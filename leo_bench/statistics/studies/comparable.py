"""Decides which score rows may be compared or averaged: everything but what they are about must be equal."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from leo_bench.records import SCORE_COLUMNS, RunState, StudyView, TestResult, score_row

MUST_EQUAL = {
    "dataset": "data set",
    "data_digest": "data digest",
    "class_split": "class split",
    "train_classes": "training classes",
    "split": "split",
    "image_size": "image size",
    "k_shot": "k_shot",
    "n_query": "n_query",
    "n_train_images": "training images",
    "n_test_episodes": "test episodes",
    "episodes_digest": "episode digest",
    "numerics": "numerics digest",
}
"""Column of scores -> its name in words. Two rows are compared only if all of these are equal."""

NOT_A_CHANGE = (
    *("seed", "test_n_ways", "test_k_shots", "test_modes", "test_datasets", "test_dataset_ways", "test_mislabelled"),
)
"""Settings that do not make another method: the seed, and the choice of tests."""


def is_own(run: RunState, test: TestResult) -> bool:
    """Return True if a test has right labels, and the data set, shots and adaptation that the run's settings name.

    A study compares its variants on these tests alone.
    """
    settings = run.planned.settings
    asked = (settings["dataset"], settings["k_shot"], None)
    return (test.dataset, test.k_shot, test.mislabelled) == asked and has_own_adaptation(run, test)


def has_own_adaptation(run: RunState, test: TestResult) -> bool:
    """Return True if a test has the classifier, inner loop and support copies that the run's settings name."""
    settings = run.planned.settings
    asked = test.asked.method_settings()
    return all(settings[name] == value for name, value in asked.items())


def is_elsewhere(run: RunState, test: TestResult) -> bool:
    """Return True for a test at other shots, on other data or with wrong labels, with the run's own adaptation."""
    return has_own_adaptation(run, test) and not is_own(run, test)


def own_tests(run: RunState) -> list[TestResult]:
    """Return the tests of a run that its study compares."""
    return [test for test in run.tests if is_own(run, test)]


def comparable_seeds(view: StudyView) -> tuple[pd.DataFrame, list[str]]:
    """Return the score rows that may be averaged, and words on the runs left out.

    All seeds of a variant must agree on MUST_EQUAL and batch norm. If they disagree, the larger group is kept; in a
    tie, the group seen first.
    """
    rows = [score_row(view.plan, run, test) for run in view.done for test in own_tests(run)]
    scores = pd.DataFrame(rows, columns=SCORE_COLUMNS)
    names = [name for name in (*MUST_EQUAL, "batch_norm") if name != "episodes_digest"]
    left_out, drop = [], []
    for variant, own in scores.groupby("variant", sort=False):
        kinds = own.drop_duplicates("seed").groupby(names, sort=False, dropna=False)
        if len(kinds) < 2:
            continue
        kept_key = max(kinds.groups, key=lambda key: len(kinds.groups[key]))
        kept = kinds.get_group(kept_key).iloc[0]
        for _, others in kinds:
            for _, row in others.iterrows():
                why = why_not_comparable(row, kept, skip=("episodes_digest",))
                if why:
                    left_out.append(f"{variant}, seed {row['seed']} (run {row['run_key']}): {why} in its other seeds")
                    drop.append((variant, row["run_key"]))
    dropped = pd.MultiIndex.from_frame(scores[["variant", "run_key"]]).isin(drop)
    return scores[~dropped].reset_index(drop=True), left_out


def why_not_comparable(
    row: "pd.Series[Any] | Mapping[str, Any]", base: "pd.Series[Any] | Mapping[str, Any]", skip: tuple[str, ...] = ()
) -> str:
    """Return why two rows of one test may not be compared, in words; empty if they may.

    Learners and data sets have source digests of their own; runs of one learner on one data set must have the same.
    Batch norm may differ between inductive modes: the difference then follows from the change itself, and the row
    names it.
    """
    reasons = [
        f"{words} {_plain(row[name])} against {_plain(base[name])}"
        for name, words in MUST_EQUAL.items()
        if name not in skip
        and row[name] != base[name]
        and not (name == "numerics" and (row["learner"], row["dataset"]) != (base["learner"], base["dataset"]))
    ]
    if ("transductive" in row["batch_norm"]) != ("transductive" in base["batch_norm"]):
        reasons.append(f"batch norm {row['batch_norm']} against {base['batch_norm']}")
    if any(reason.startswith(("k_shot", "n_query", "image size", "data")) for reason in reasons):
        reasons = [reason for reason in reasons if not reason.startswith("episode digest")]  # follows from those
    return "; ".join(reasons)


def _plain(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) or hasattr(value, "dtype") else str(value)[:12]
