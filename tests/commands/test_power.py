"""Estimates of what a study can decide, from runs on record."""

from pathlib import Path

import numpy as np
from results_fixture import make_plan, write_run, write_study

from leo_bench.commands.power import open_comparisons, power_words
from leo_bench.records import Plan
from leo_bench.statistics.studies.study import load_study_data

CORRECT = {"leo": (60, 61, 60), "far": (30, 31, 31), "near": (60, 58, 63)}
"""Correct answers of 75 at seeds 0 to 2: one variant is clearly worse, one cannot be told from the baseline."""


def build(results: Path, seeds: int, done: int, folder: str = "runs") -> Plan:
    """A plan of some seeds, of which the first ones are done."""
    base = {"test_n_ways": (5,), "test_modes": ("mixed",), "inner_steps": 1}
    plan = make_plan({"leo": {}, "far": {"latent_dim": 8}, "near": {"latent_dim": 32}}, range(seeds), base=base)
    for run in plan.runs:
        if run.seed < done:
            where = results / folder / run.run_key
            write_run(results, plan, run, lambda name, seed, *_: np.full((12, 2), CORRECT[name][seed]), folder=where)
    write_study(results, plan)
    return plan


def test_a_plan_says_how_many_comparisons_will_be_settled(tmp_path: Path) -> None:
    words = power_words(build(tmp_path, 10, 3), tmp_path)
    assert "about 1 of 2 comparisons" in words and "with 10 seeds" in words


def test_published_runs_count_for_the_spread(tmp_path: Path) -> None:
    plan = build(tmp_path, 10, 3, "official/runs")
    assert "of 2 comparisons" in power_words(plan, tmp_path)


def test_without_two_seeds_on_record_nothing_is_promised(tmp_path: Path) -> None:
    assert "no comparison has two seeds on record yet" in power_words(build(tmp_path, 3, 1), tmp_path)
    assert "with one seed no comparison gets a verdict" in power_words(build(tmp_path / "one", 1, 1), tmp_path / "one")


def test_each_comparison_counts_the_seeds_that_both_variants_are_planned_with(tmp_path: Path) -> None:
    whole = build(tmp_path, 10, 3)
    one_far = [run for run in whole.runs if run.variant != "far" or run.seed == 0]
    words = power_words(whole.model_copy(update={"runs": one_far}), tmp_path)
    assert "of 1 comparisons" in words and "1 more are planned with one seed, which gives no verdict" in words
    base = [run for run in whole.runs if run.variant == "leo" or run.seed == 0]
    words = power_words(whole.model_copy(update={"runs": base}), tmp_path)
    assert "each comparison is planned with one seed, which gives no verdict" in words


def test_a_test_that_a_variant_is_not_scored_on_is_no_comparison(tmp_path: Path) -> None:
    base = {"test_n_ways": (5, 20), "test_modes": ("mixed",), "inner_steps": 1}
    plan = make_plan({"leo": {}, "far": {"latent_dim": 8, "test_n_ways": (5,)}}, range(3), base=base)
    for run in plan.runs:
        write_run(tmp_path, plan, run, lambda name, seed, *_: np.full((12, 2), CORRECT[name][seed]))
    words = power_words(plan, tmp_path)
    assert "of 1 comparisons" in words and "no two seeds on record" not in words


def test_seeds_are_added_where_a_comparison_is_open(tmp_path: Path) -> None:
    build(tmp_path, 3, 3)
    found = open_comparisons(load_study_data(tmp_path / "ablations-cpu"))
    assert found == [("near", "leo")]
