"""All tests together: which scores are pooled, and the numbers worked by hand."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from results_fixture import make_plan, write_run, write_study

from leo_bench.report.study.all_tests import all_tests_table, profile_frame, score_matrices
from leo_bench.report.study.data import StudyData, load_study_data

VARIANTS = {
    "leo": {},
    "none": {"relation": "none"},
    "one_test": {"decode": "task", "test_modes": ("mixed",)},
    "five": {"k_shot": 5},
}
RIGHT = {("mixed", 0): 60, ("mixed", 1): 66, ("within_alphabet", 0): 30, ("within_alphabet", 1): 36}
"""Correct answers of 75 queries by test and seed: 80%, 88%, 40%, 48%."""


def build(
    results: Path,
    skip: tuple[str, int] | None = None,
    right: dict[tuple[str, int], int] = RIGHT,
    other: dict[tuple[str, int], int] | None = None,
    seeds: Sequence[int] = (0, 1),
) -> StudyData:
    """other: correct answers of the variant without relations; 3 more than right when left out."""
    plan = make_plan(VARIANTS, seeds, base={"test_n_ways": (5,), "inner_steps": 1})

    def counts(variant: str, seed: int, n_way: int, mode: str) -> np.ndarray:
        own = right[mode, seed]
        return np.full((12, 2), (other[mode, seed] if other else own + 3) if variant == "none" else own)

    for run in plan.runs:
        if (run.variant, run.seed) != skip:
            write_run(results, plan, run, counts)
    return load_study_data(write_study(results, plan))


def test_only_variants_that_took_every_test_under_the_same_conditions_are_pooled(tmp_path: Path) -> None:
    data = build(tmp_path)
    assert set(score_matrices(data)) == {"leo", "none"}
    table = all_tests_table(data)
    assert table is not None
    assert "one_test, five" in table.notes[0]


def test_the_interquartile_mean_is_of_the_middle_half_of_the_paired_differences(tmp_path: Path) -> None:
    # Against leo's 60, 66, 30 and 36 of 75: seed 0 +3 on mixed and +6 within, seed 1 -3 and +30. Of -3, 3, 6 and 30 the
    # middle two are 3 and 6: 4.5 of 75 are 6 points. A seed's two tests are too few to trim: 4.5 and 13.5 of 75.
    changed = {("mixed", 0): 63, ("mixed", 1): 63, ("within_alphabet", 0): 36, ("within_alphabet", 1): 66}
    table = all_tests_table(build(tmp_path, other=changed))
    assert table is not None
    rows = table.numbers.set_index("variant")
    assert rows.loc["none", ["interquartile_difference", "least", "most"]].tolist() == pytest.approx([0.06, 0.06, 0.18])
    assert rows.loc["leo", ["mean", "worst"]].tolist() == pytest.approx([0.64, 0.4])
    assert rows["n_tests"].tolist() == [2, 2]
    words = table.words.set_index("variant")
    assert words.loc["none", "single seeds, points"] == "+6.0 to +18.0"
    assert words.loc["none", "95% interval, points"] == "-"  # two seeds are too few
    assert words.loc["leo", "interquartile mean of differences, points"] == "-"


def test_an_interval_over_whole_runs_from_five_seeds(tmp_path: Path) -> None:
    # What a seed gains on one test it loses on the other, so whole runs always average 4 points; single scores vary.
    right = {(mode, seed): 60 for mode in ("mixed", "within_alphabet") for seed in range(5)}
    other = {(mode, seed): 63 + (3 if (mode == "mixed") == bool(seed % 2) else -3) for mode, seed in right}
    table = all_tests_table(build(tmp_path, right=right, other=other, seeds=range(5)))
    assert table is not None
    assert table.numbers.set_index("variant").loc["none", ["low", "high"]].tolist() == pytest.approx([0.04, 0.04])


def test_a_profile_is_the_share_of_scores_above_each_accuracy(tmp_path: Path) -> None:
    data = build(tmp_path)
    frame = profile_frame(data, score_matrices(data))
    leo = frame[frame["variant"] == "leo"]
    assert leo["threshold"].tolist() == pytest.approx([0, 0.4, 0.48, 0.8, 0.88, 1])
    assert leo["share"].tolist() == [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]


def test_one_seed_has_no_interval(tmp_path: Path) -> None:
    table = all_tests_table(build(tmp_path, skip=("none", 1)))
    assert table is not None
    assert table.words.set_index("variant").loc["none", "95% interval, points"] == "-"


def test_one_test_is_nothing_to_pool(tmp_path: Path) -> None:
    plan = make_plan(
        {"leo": {}, "none": {"relation": "none"}}, (0,), base={"test_n_ways": (5,), "test_modes": ("mixed",)}
    )
    for run in plan.runs:
        write_run(tmp_path, plan, run, lambda *_: np.full((12, 6), 60))
    assert all_tests_table(load_study_data(write_study(tmp_path, plan))) is None
