"""Tests at other shots and on other data sets: a table of their own, and no effect on any other table."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from results_fixture import make_plan, write_run, write_study

from leo_bench.records import TestResult
from leo_bench.records.files import read_record, write_record
from leo_bench.report import write_report
from leo_bench.report.study.other_tests import other_tests_table
from leo_bench.report.study.provenance import compute_words
from leo_bench.statistics.studies.comparable import has_own_adaptation
from leo_bench.statistics.studies.differences import effects
from leo_bench.statistics.studies.study import StudyData, load_study_data

MORE: dict[str, Any] = {"test_k_shots": (5,), "test_datasets": ("digits",)}
BASE = {"test_n_ways": (5,), "test_modes": ("mixed",), "inner_steps": 1}
T1 = 12.706205
"""The 0.975 quantile of Student's t with 1 degree of freedom, from any table."""


def correct(variant: str, seed: int, n_way: int, mode: str) -> np.ndarray:
    """Six of ten queries right before adaptation; after it seven with seed 0 and eight with seed 1, of n_way * 5."""
    return np.tile([n_way * 3, n_way * (7 + seed) // 2], (12, 1))


def build(results: Path, more: dict[str, Any] = MORE) -> StudyData:
    variants = {"leo": more, "none": {"relation": "none"}}
    plan = make_plan(variants, (0, 1), base={**BASE, "n_query": 5})
    for run in plan.runs:
        write_run(results, plan, run, correct)
    return load_study_data(write_study(results, plan))


def test_each_is_shown_before_and_after_adaptation_with_its_interval(tmp_path: Path) -> None:
    table = other_tests_table(build(tmp_path))
    assert table is not None
    found = [tuple(row) for row in table.words.itertuples(index=False)]
    assert [row[:3] for row in found] == [
        ("leo", "10-way 1-shot mixed", "digits 5f1c0ffe"),
        ("leo", "10-way 5-shot mixed", "digits 5f1c0ffe"),
        ("leo", "5-way 5-shot mixed", "omniglot 5f1c0ffe"),
    ]
    # 10-way: 35 and 40 of 50, so 70 and 80%: mean 75, standard error 5. 5-way: 17 and 20 of 25: 68 and 80%, 74 and 6.
    assert [row[3] for row in found] == [f"60.0 -> 75.0 ± {5 * T1:.1f}"] * 2 + [f"60.0 -> 74.0 ± {6 * T1:.1f}"]
    assert {row[4:] for row in found} == {("-", "-")}  # none has no such tests
    row = table.numbers.iloc[0]
    assert [row["accuracy_before"], row["accuracy"], row["low"]] == pytest.approx([0.6, 0.75, 0.75 - 0.05 * T1])


@pytest.mark.usefixtures("no_drawing")
def test_other_tables_are_the_same_with_and_without_them(tmp_path: Path) -> None:
    pages = {}
    for name, more in (("with", MORE), ("without", {})):
        build(tmp_path / name, more)
        pages[name] = write_report(tmp_path / name / "ablations-cpu", tmp_path / name / "report")
    assert "Other shots and data sets" in pages["with"].read_text()
    assert "## Other shots and data sets" in pages["with"].with_suffix(".md").read_text()
    assert "Other shots and data sets" not in pages["without"].read_text()
    assert not (tmp_path / "without/report/tables/other-tests.csv").exists()
    for table in ("main", "effects", "not-done"):
        pd.testing.assert_frame_equal(*(pd.read_csv(page.parent / f"tables/{table}.csv") for page in pages.values()))


def three_steps(variant: str, *given: Any) -> np.ndarray:
    """Answers as `correct` gives them; for more_steps, a second step goes back to those before adaptation."""
    return np.tile(correct(variant, *given), (1, 2))[:, : 3 if variant == "more_steps" else 2]


def test_other_inner_steps_at_test_are_a_variant_of_the_same_training(tmp_path: Path) -> None:
    # More steps at test, asked for by a variant's own settings, are compared; the training is the baseline's.
    plan = make_plan({"leo": {}, "more_steps": {"test_inner_steps": 2}}, (0, 1), base={**BASE, "n_query": 5})
    assert plan.runs[0].run_key == plan.runs[1].run_key
    for run in plan.runs:
        steps = [0, 1, 2] if run.variant == "more_steps" else [0, 1]
        write_run(tmp_path, plan, run, three_steps, steps=steps)
    data = load_study_data(write_study(tmp_path, plan))
    row = effects(data, (5, "mixed")).iloc[0]
    assert row["compared"] and row["difference"] == pytest.approx((0.6 * 2 - 0.68 - 0.8) / 2)
    assert other_tests_table(data) is None
    # Two trainings of 70 and 71 s, which both variants share, and four tests of 20 s: 221 s.
    assert compute_words(data.view.done).startswith("3.7 minutes of one process each")


def better_by_seed(variant: str, seed: int, n_way: int, mode: str) -> np.ndarray:
    """Answers as `correct` gives them; `none` has one more right with seed 0, and two more with seed 1."""
    return correct(variant, seed, n_way, mode) + (1 + seed if variant == "none" else 0)


def test_differences_elsewhere_are_paired_by_seed(tmp_path: Path) -> None:
    plan = make_plan({"leo": {}, "none": {"relation": "none"}}, (0, 1), base={**BASE, **MORE, "n_query": 5})
    for run in plan.runs:
        write_run(tmp_path, plan, run, better_by_seed)
    table = other_tests_table(load_study_data(write_study(tmp_path, plan)))
    assert table is not None
    # 10-way: 1 and 2 of 50, which is 2 and 4 points: mean 3, standard error 1. 5-way: 4 and 8 points: 6 and 2.
    digits, own = (
        f"+3.0 [-{T1 - 3:.1f}, +{3 + T1:.1f}]",
        f"+6.0 [-{2 * T1 - 6:.1f}, +{6 + 2 * T1:.1f}]",
    )
    rows = table.words[table.words["variant"] == "none"]
    assert rows["test"].tolist() == ["10-way 1-shot mixed", "10-way 5-shot mixed", "5-way 5-shot mixed"]
    assert rows["difference, points"].tolist() == [digits, digits, own]
    assert set(rows["verdict"]) == {"inconclusive"}
    assert table.numbers["paired_against"].dropna().unique().tolist() == ["leo"]


def test_seeds_on_other_images_of_a_data_set_have_rows_of_their_own_and_are_not_compared(tmp_path: Path) -> None:
    plan = make_plan({"leo": {}, "none": {"relation": "none"}}, (0, 1, 2), base={**BASE, **MORE, "n_query": 5})
    for run in plan.runs:
        folder = write_run(tmp_path, plan, run, better_by_seed)
        for path in folder.glob("tests/*/result.json"):
            record = read_record(path, TestResult)
            if run.seed == 2 and record.dataset == "digits":
                write_record(path, record.model_copy(update={"data_digest": "0ddba11"}))
    table = other_tests_table(load_study_data(write_study(tmp_path, plan)))
    assert table is not None
    rows = table.numbers[table.numbers["variant"] == "none"].set_index(["data", "test"])
    usual, other = (rows.loc[(name, "10-way 1-shot mixed")] for name in ("digits 5f1c0ffe", "digits 0ddba11"))
    # seeds 0 and 1: 1 and 2 points of 50; seed 2 has 3 of them, on images that no other seed has seen
    assert usual["paired_difference"] == pytest.approx(0.03) and usual["paired_n_seeds"] == usual["n_seeds"] == 2
    assert np.isnan(other["paired_difference"]) and other["n_seeds"] == 1
    assert other["paired_verdict"] == "-" and np.isnan(other["low_whole"])
    assert rows.loc[("omniglot 5f1c0ffe", "5-way 5-shot mixed"), "paired_n_seeds"] == 3


def test_differences_elsewhere_compare_another_inner_loop_on_the_same_episodes(tmp_path: Path) -> None:
    more = {**MORE, "test_inner_steps": 2}
    plan = make_plan({"leo": MORE, "more_steps": more}, (0, 1), base={**BASE, "n_query": 5})
    for run in plan.runs:
        write_run(tmp_path, plan, run, three_steps, steps=[0, 1, 2] if run.variant == "more_steps" else [0, 1])
    table = other_tests_table(load_study_data(write_study(tmp_path, plan)))
    assert table is not None
    # back to 60% from 70 and 80% on digits: -10 and -20 points
    rows = table.numbers.set_index(["test", "variant"])
    assert rows.loc[("10-way 1-shot mixed", "more_steps"), "paired_difference"] == pytest.approx(-0.15)
    assert len(rows) == 2 * table.words["test"].nunique()  # one test for both, although the inner loop differs


def test_wrong_labels_are_tests_of_their_own_and_compared_with_wrong_labels_alone(tmp_path: Path) -> None:
    more = {"test_k_shots": (5,), "test_mislabelled": 1, "n_query": 5}
    plan = make_plan({"leo": {}, "none": {"relation": "none"}}, (0, 1), base={**BASE, **more})
    for run in plan.runs:
        write_run(tmp_path, plan, run, better_by_seed)
    data = load_study_data(write_study(tmp_path, plan))
    table = other_tests_table(data)
    assert table is not None
    names = ["5-way 5-shot mixed", "5-way 5-shot mixed, 1 of 5 mislabelled"]
    assert table.words[["variant", "test"]].values.tolist() == [
        [who, name] for name in names for who in ("leo", "none")
    ]
    assert table.numbers["paired_difference"].notna().tolist() == [False, True] * 2
    assert len(data.scores) == 4  # the study's own tests: one for each run
    scores = data.view.scores()
    assert sorted(scores["mislabelled"]) == [0] * 8 + [1] * 4
    assert set(scores["head"]) == {"own"}


def test_temperature_and_support_copies_at_test_are_variants_of_the_same_training(tmp_path: Path) -> None:
    variants: dict[str, dict[str, Any]] = {
        "leo": {},
        "warmer": {"test_inner_temperature": 4.0},
        "copies": {"test_support_copies": "shifted"},
    }
    plan = make_plan(variants, (0, 1), base={**BASE, "n_query": 5, "inner_temperature": 2.0})
    assert len({run.run_key for run in plan.runs if run.seed == 0}) == 1
    for run in plan.runs:
        write_run(tmp_path, plan, run, correct)
    data = load_study_data(write_study(tmp_path, plan))
    assert effects(data, (5, "mixed"))["compared"].tolist() == [True, True]
    assert other_tests_table(data) is None
    rows = data.view.scores().set_index(["variant", "seed"]).xs(0, level="seed")
    assert rows["inner_temperature"].to_dict() == {"leo": 2.0, "warmer": 4.0, "copies": 2.0}
    assert rows["support_copies"].to_dict() == {"leo": "none", "warmer": "none", "copies": "shifted"}
    done = [run for run in data.view.done if run.planned.seed == 0]
    own = {
        (run.planned.variant, other.planned.variant): has_own_adaptation(run, other.headline)
        for run in done
        for other in done
    }
    assert own == {pair: pair[0] == pair[1] for pair in own}
    assert len(own) == 9


def test_another_head_at_test_is_a_variant_of_the_same_training(tmp_path: Path) -> None:
    variants: dict[str, dict[str, Any]] = {
        "leo": {},
        "nearest": {"test_head": "nearest_neighbour"},
        "regression": {"test_head": "logistic_regression", "test_head_c": 2.0},
    }
    plan = make_plan(variants, (0, 1), base={**BASE, "n_query": 5})
    assert len({run.run_key for run in plan.runs if run.seed == 0}) == 1
    for run in plan.runs:
        write_run(tmp_path, plan, run, correct)
    data = load_study_data(write_study(tmp_path, plan))
    assert effects(data, (5, "mixed"))["compared"].tolist() == [True, True]
    assert other_tests_table(data) is None
    rows = data.view.scores().set_index(["variant", "seed"]).xs(0, level="seed")
    assert rows["head"].to_dict() == {
        "leo": "own",
        "nearest": "nearest_neighbour",
        "regression": "logistic_regression",
    }
    assert rows["head_c"].dropna().to_dict() == {"regression": 2.0}
    assert rows["inner_steps"].dropna().to_dict() == {"leo": 1}
