"""The checklist answers from the records: yes only where they hold it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from results_fixture import make_plan, write_run, write_study

from leo_bench.report.study.checklist import checklist
from leo_bench.report.study.data import load_study_data

PAIR: dict[str, dict[str, Any]] = {"leo": {}, "none": {"relation": "none"}}


def answers(results: Path, seeds: tuple[int, ...] = (0, 1), changes: dict[tuple[str, int], Any] | None = None) -> Any:
    """Item -> (answer, evidence) of a small study. changes: (variant, seed) -> fields of its result; None: no run."""
    plan = make_plan(PAIR, seeds, base={"test_n_ways": (5,), "test_modes": ("mixed",), "inner_steps": 1})
    for run in plan.runs:
        change = (changes or {}).get((run.variant, run.seed), {})
        if change is not None:
            write_run(results, plan, run, lambda _, seed, *__: np.full((12, 2), 60 + seed), **change)
    frame = checklist(load_study_data(write_study(results, plan))).numbers.set_index("item")
    return frame[["answer", "evidence"]].apply(tuple, axis=1).to_dict()


def test_a_whole_study_with_seeds(tmp_path: Path) -> None:
    found = answers(tmp_path)
    assert found["Every planned run is accounted for, failures too"][0] == "yes"
    answer, evidence = found["Results carry a measure of variation over repetitions"]
    assert answer == "yes" and "2 of 2 variants have more than one seed (planned seeds: 0-1)" in evidence
    assert found["The source that made the numbers is identified"][0] == "yes"
    assert "Some CPU" in found["The hardware is described"][1]
    assert found["Energy or emissions are given"][0] == "no"
    assert found["Trained weights are published"][0] == "partly"


@pytest.mark.parametrize(
    ("seeds", "changes", "item", "answer", "words"),
    [
        ((0,), {}, "Results carry a measure of variation over repetitions", "no", "0 of 2"),
        ((0,), {}, "The limits of what the study can show are stated", "partly", "One seed"),
        ((0, 1), {("none", 1): None}, "Every planned run is accounted for, failures too", "partly", "3 of 4"),
        ((0, 1), {("none", 1): None}, "Results carry a measure of variation over repetitions", "partly", "1 of 2"),
        ((0, 1), {("none", 1): {"commit": "unknown"}}, "The source that made the numbers is identified", "partly",
         "unknown"),
        ((0, 1), {("none", 1): {"versions": {"python": "3.12"}}}, "Dependencies are recorded with their versions",
         "partly", "different sets of them: 2"),
        ((0, 1), {("none", 0): {"data_digest": "feed"}, ("none", 1): {"data_digest": "feed"}},
         "The data are named and identified by content", "partly", "2 content digests"),
    ],
)  # fmt: skip
def test_what_is_lacking_is_not_answered_yes(
    tmp_path: Path, seeds: tuple[int, ...], changes: dict[tuple[str, int], Any], item: str, answer: str, words: str
) -> None:
    found = answers(tmp_path, seeds, changes)[item]
    assert found[0] == answer and words in found[1]


def test_a_study_that_has_just_begun_claims_nothing(tmp_path: Path) -> None:
    nothing = {(variant, seed): None for variant in PAIR for seed in (0, 1)}
    found = answers(tmp_path, changes=nothing)
    for item in (
        "The hardware is described",
        "Results carry a measure of variation over repetitions",
        "The data are named and identified by content",
        "The source that made the numbers is identified",
    ):
        assert found[item][0] == "no", item
