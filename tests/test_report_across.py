"""All tests together: which scores are pooled, and the numbers worked by hand."""

from pathlib import Path

import numpy as np
import pytest
from results_fixture import make_plan, write_run, write_study

from leo_bench.report.across import across_table, profile_frame, score_matrices
from leo_bench.report.gather import StudyData, gather

VARIANTS = {
    "leo": {},
    "none": {"relation": "none"},
    "one_test": {"decode": "task", "test_modes": ("mixed",)},
    "five": {"k_shot": 5},
}
RIGHT = {("mixed", 0): 60, ("mixed", 1): 66, ("within_alphabet", 0): 30, ("within_alphabet", 1): 36}
"""Correct answers of 75 queries by test and seed: 80%, 88%, 40%, 48%."""


def build(results: Path, skip: tuple[str, int] | None = None, right: dict[tuple[str, int], int] = RIGHT) -> StudyData:
    plan = make_plan(VARIANTS, (0, 1), base={"test_n_ways": (5,), "inner_steps": 1})

    def counts(variant: str, seed: int, n_way: int, mode: str) -> np.ndarray:
        return np.full((12, 2), right[mode, seed] + 3 * (variant == "none"))

    for run in plan.runs:
        if (run.variant, run.seed) != skip:
            write_run(results, plan, run, counts)
    return gather(write_study(results, plan))


def test_only_variants_that_took_every_test_under_the_same_conditions_are_pooled(tmp_path: Path) -> None:
    data = build(tmp_path)
    assert set(score_matrices(data)) == {"leo", "none"}
    table = across_table(data)
    assert table is not None
    assert "one_test, five" in table.notes[0]


def test_the_interquartile_mean_is_of_the_middle_half(tmp_path: Path) -> None:
    table = across_table(build(tmp_path))
    assert table is not None
    rows = table.numbers.set_index("variant")
    # of 40, 48, 80 and 88% the middle two; whole runs drawn again: 0 twice, 1 twice or both
    assert rows.loc["leo", "interquartile_mean"] == pytest.approx(0.64)
    assert rows.loc["leo", ["low", "high"]].tolist() == pytest.approx([0.60, 0.68])
    assert rows.loc["none", "interquartile_mean"] == pytest.approx(0.68)
    assert rows.loc["leo", "worst"] == pytest.approx(0.4)
    assert rows["n_tests"].tolist() == [2, 2]


def test_whole_runs_are_drawn_again_not_single_scores(tmp_path: Path) -> None:
    # what a seed gains on one test it loses on the other: any two runs have 64% in the middle, single scores would vary
    opposed = RIGHT | {("within_alphabet", 0): 36, ("within_alphabet", 1): 30}
    table = across_table(build(tmp_path, right=opposed))
    assert table is not None
    assert table.numbers.set_index("variant").loc["leo", ["low", "high"]].tolist() == pytest.approx([0.64, 0.64])


def test_a_profile_is_the_share_of_scores_above_each_accuracy(tmp_path: Path) -> None:
    data = build(tmp_path)
    frame = profile_frame(data, score_matrices(data))
    leo = frame[frame["variant"] == "leo"]
    assert leo["threshold"].tolist() == pytest.approx([0, 0.4, 0.48, 0.8, 0.88, 1])
    assert leo["share"].tolist() == [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]


def test_one_seed_has_no_interval(tmp_path: Path) -> None:
    table = across_table(build(tmp_path, skip=("none", 1)))
    assert table is not None
    assert table.words.set_index("variant").loc["none", "95% interval"] == "-"


def test_one_test_is_nothing_to_pool(tmp_path: Path) -> None:
    plan = make_plan(
        {"leo": {}, "none": {"relation": "none"}}, (0,), base={"test_n_ways": (5,), "test_modes": ("mixed",)}
    )
    for run in plan.runs:
        write_run(tmp_path, plan, run, lambda *_: np.full((12, 6), 60))
    assert across_table(gather(write_study(tmp_path, plan))) is None
