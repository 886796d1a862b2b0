"""Variants compared with another variant than the baseline: differences by hand, and the name beside each."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from results_fixture import make_plan, write_run, write_study

from leo_bench.records import Plan
from leo_bench.report import write_report
from leo_bench.report.study.cost import cost_plot
from leo_bench.report.study.forest import effects_plot
from leo_bench.report.study.main_table import main_numbers, main_tables, main_words
from leo_bench.report.study.sentences import answer
from leo_bench.statistics.studies.differences import effects
from leo_bench.statistics.studies.study import StudyData, load_study_data

VARIANTS: dict[str, dict[str, Any]] = {
    "leo": {},
    "head_16": {"width": 16},
    "full_16": {"width": 16, "generated": "full"},
}
CORRECT = {"leo": (60, 63, 63), "head_16": (45, 45, 48), "full_16": (48, 51, 51)}
"""Correct answers of 75 at seeds 0 to 2, in every episode."""
T2 = 4.302653
"""The 0.975 quantile of Student's t with 2 degrees of freedom, from any table."""
MIXED, WITHIN = (5, "mixed"), (5, "within_alphabet")


def build(results: Path, **changes: Any) -> Plan:
    base = {"test_n_ways": (5,), "test_modes": ("mixed", "within_alphabet"), "inner_steps": 1}
    plan = make_plan(VARIANTS, range(3), base=base, switches={"generated": ["leo", "full_16"]})
    plan = plan.model_copy(update={"against": {"full_16": "head_16"}, **changes})
    for run in plan.runs:
        write_run(results, plan, run, lambda name, seed, *_: np.full((12, 2), CORRECT[name][seed]))
    write_study(results, plan)
    return plan


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("against")
    build(folder)
    return folder


@pytest.fixture
def data(results: Path) -> StudyData:
    return load_study_data(results / "ablations-cpu")


def test_the_difference_is_with_the_variant_that_the_plan_names(data: StudyData) -> None:
    frame = effects(data, MIXED).set_index("variant")
    # full_16 minus head_16: 3, 6 and 3 of 75. Mean 4, deviations -1, 2, -1: standard error sqrt(6 / 2 / 3) = 1, t = 4.
    full, head = frame.loc["full_16"], frame.loc["head_16"]
    assert [full["difference"], full["low"], full["high"]] == pytest.approx([4 / 75, (4 - T2) / 75, (4 + T2) / 75])
    assert full["against"] == "head_16" and head["against"] == "leo"
    # head_16 minus leo: -15, -18 and -15 of 75. Mean -16, standard error 1, t = -16.
    assert head["difference"] == pytest.approx(-16 / 75)
    # Student's t with 2 degrees of freedom: p = 1 - t / sqrt(2 + t^2), t counted from the margin of 0.005, which is
    # 0.375 of 75. Holm's family is both comparisons.
    p_full, p_head = (1 - t / np.sqrt(2 + t**2) for t in (4 - 0.375, 16 - 0.375))
    assert [full["p"], head["p"]] == pytest.approx([p_full, p_head])
    assert [full["holm_p"], head["holm_p"]] == pytest.approx([max(p_full, 2 * p_head), 2 * p_head])


def test_two_trainings_with_the_same_weights_in_every_seed_are_said_to_have_them(tmp_path: Path) -> None:
    plan = make_plan({"leo": {}, "wider": {"width": 16}, "longer": {"latent_dim": 128}}, (0, 1))
    for run in plan.runs:
        # the weights of `wider` are those of the baseline in both seeds, those of `longer` in one
        same = run.variant == "leo" or run.variant == "wider" or run.seed == 1
        digest = f"{run.seed}" if same else "others"
        write_run(tmp_path, plan, run, lambda *_: np.full((12, 6), 60), weights_digest=digest)
    frame = effects(load_study_data(write_study(tmp_path, plan)), MIXED).set_index("variant")
    words = "ended with the weights of the baseline in every seed: training does not read what differs"
    assert frame["note"].to_dict() == {"wider": words, "longer": ""}


def test_methods_that_train_nothing_are_not_said_to_have_the_same_weights(tmp_path: Path) -> None:
    untrained = {"learner": "nearest_neighbour", "n_train_episodes": 0, "inner_steps": 0}
    plan = make_plan({"leo": untrained, "wider": {**untrained, "width": 16}}, (0, 1))
    for run in plan.runs:
        write_run(tmp_path, plan, run, lambda *_: np.full((12, 1), 60), weights_digest="none", n_train_episodes=0)
    frame = effects(load_study_data(write_study(tmp_path, plan)), MIXED)
    assert frame["compared"].all() and frame["note"].tolist() == [""]


def test_tests_of_one_training_are_not_said_to_have_the_same_weights(tmp_path: Path) -> None:
    plan = make_plan({"leo": {}, "more_steps": {"test_inner_steps": 2}}, (0, 1), base={"inner_steps": 1})
    for run in plan.runs:
        steps = [0, 1, 2] if run.variant == "more_steps" else [0, 1]
        right = np.full((12, len(steps)), 60)
        write_run(tmp_path, plan, run, lambda *_, right=right: right, steps=steps)
    frame = effects(load_study_data(write_study(tmp_path, plan)), MIXED)
    assert frame["note"].tolist() == [""]


def test_every_place_names_the_variant_compared_with(data: StudyData) -> None:
    rows = main_numbers(data).set_index("variant")
    assert rows["against"].to_dict() == {"leo": "", "head_16": "leo", "full_16": "head_16"}
    assert rows["changed"].to_dict() == {"leo": "baseline", "head_16": "width 16", "full_16": "generated full"}
    assert rows.loc["full_16", "difference"] == pytest.approx(4 / 75)
    forest = effects_plot(data)
    assert forest is not None
    assert "full_16 against head_16 +5.3 points" in forest.panels[0].alt
    assert "Paired difference with leo, or with the variant that the row names" in forest.caption
    words = main_words(data, main_numbers(data)).set_index("variant")
    assert words.loc["full_16", ["difference, points", "compared with"]].tolist() == ["+5.3 [-0.4, +11.1]", "head_16"]
    assert "Worse: head_16 (-21.3)." in answer(data)
    assert "Inconclusive: full_16 against head_16 (+5.3; 5 seeds)." in answer(data)


@pytest.mark.usefixtures("no_drawing")
def test_the_page_says_it_in_words_and_the_csv_in_a_column(results: Path, tmp_path: Path) -> None:
    page = write_report(results / "ablations-cpu", tmp_path / "report")
    markdown = page.with_suffix(".md").read_text()
    assert 'Differences are paired with the baseline, or with the variant under "compared with"' in markdown
    assert "variant minus baseline (or minus the variant that the row names)" in markdown
    table = pd.read_csv(tmp_path / "report/tables/effects.csv").set_index(["test", "variant"])
    assert table.loc[("5-way mixed", "full_16"), "against"] == "head_16"


def test_without_such_a_variant_no_table_has_the_column(tmp_path: Path) -> None:
    build(tmp_path, against={})
    data = load_study_data(tmp_path / "ablations-cpu")
    assert "against" not in main_numbers(data)
    assert effects(data, WITHIN).set_index("variant").loc["full_16", "difference"] == pytest.approx(-12 / 75)


def test_a_variant_compared_with_another_keeps_a_note_on_other_conditions(tmp_path: Path) -> None:
    variants = {"leo": {}, "small": {"image_size": 56}, "small_none": {"image_size": 56, "relation": "none"}}
    base = {"test_n_ways": (5,), "test_modes": ("mixed",), "inner_steps": 1}
    plan = make_plan(variants, range(2), base=base).model_copy(update={"against": {"small_none": "small"}})
    for run in plan.runs:
        write_run(tmp_path, plan, run, lambda *_: np.full((12, 2), 60))
    frame = effects(load_study_data(write_study(tmp_path, plan)), MIXED).set_index("variant")
    assert not frame.loc["small", "compared"]
    assert frame.loc["small_none", "compared"] and frame.loc["small_none", "difference"] == 0
    assert frame.loc["small_none", "note"] == "not comparable with the baseline: image size 56 against 28"


def test_a_variant_of_other_ways_is_shown_with_its_own_test(tmp_path: Path) -> None:
    """A head for 20 classes together is not scored at 5 ways, where the baseline is."""
    base = {"test_n_ways": (5, 20), "test_modes": ("mixed",), "inner_steps": 1, "decode": "task"}
    plan = make_plan({"leo": {}, "ways_20": {"n_way": 20}}, range(2), base=base)
    for run in plan.runs:
        n_queries = 15 * run.settings["n_way"]
        write_run(tmp_path, plan, run, lambda *_, right=n_queries * 4 // 5: np.full((12, 2), right))  # type: ignore[misc]
    data = load_study_data(write_study(tmp_path, plan))
    tables, costs = main_tables(data), cost_plot(data)
    assert costs and "or all on a test on which the baseline is not scored" in costs.caption
    assert [list(table.words["variant"]) for table in tables] == [["leo"], ["ways_20"]]
    row = tables[1].words.iloc[0]
    assert (row["5-way mixed, %"], row["20-way mixed, %"]) == ("-", "80.0")
    assert row["why not compared"] == "not scored on 5-way mixed"


def test_without_a_comparison_there_is_no_table_of_them(tmp_path: Path) -> None:
    plan = make_plan({"leo": {}, "small": {"image_size": 56}}, range(2), base={"test_n_ways": (5,), "inner_steps": 1})
    for run in plan.runs:
        write_run(tmp_path, plan, run, lambda *_: np.full((12, 2), 60))
    page = write_report(write_study(tmp_path, plan), tmp_path / "report")
    assert "Paired differences on every test" not in page.read_text()
    assert "Paired differences on every test" not in page.with_suffix(".md").read_text()
