"""A report of steps and parts: every change worked out by hand, and where it is drawn."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from results_fixture import make_plan, write_run, write_study
from scipy import stats

from leo_bench.commands.cli import main
from leo_bench.report.study.waterfall import waterfall_plot, waterfall_rows
from leo_bench.statistics.studies.differences import all_effects, variance_prior
from leo_bench.statistics.studies.study import StudyData, load_study_data

T1 = 12.706205
"""The 0.975 quantile of Student's t with 1 degree of freedom."""

PERCENT = {
    ("first", 0): 20, ("first", 1): 20,
    ("second", 0): 60, ("second", 1): 64,
    ("third", 0): 84, ("third", 1): 96,
    ("without", 0): 72, ("without", 1): 88,
}  # fmt: skip
"""Accuracy of each run on every test; `third` is the baseline."""

VARIANTS: dict[str, dict[str, Any]] = {
    "third": {"relation": "none", "inner_steps": 3},
    "first": {"decode": "task", "inner_steps": 5},
    "second": {"inner_steps": 3},
    "without": {"relation": "none", "inner_steps": 0},
}


def counts(variant: str, seed: int, n_way: int, _mode: str) -> np.ndarray:
    """[12, steps + 1]: the same share of every episode's queries right."""
    right = PERCENT[variant, seed] * n_way * 15 // 100
    n_steps = int(VARIANTS[variant]["inner_steps"])
    return np.full((12, n_steps + 1), right)


def study(
    tmp_path: Path,
    *,
    done: tuple[str, ...] = ("first", "second", "third", "without"),
    variants: dict[str, dict[str, Any]] = VARIANTS,
    not_done: tuple[tuple[str, int], ...] = (),
) -> StudyData:
    switches = {"step": ["first", "second", "third"], "part": ["third", "without"]}
    plan = make_plan(variants, (0, 1), base={"test_n_ways": [5], "test_modes": ["mixed"]}, switches=switches)
    for run in plan.runs:
        if run.variant in done and (run.variant, run.seed) not in not_done:
            write_run(tmp_path / "results", plan, run, counts)
    return load_study_data(write_study(tmp_path / "results", plan))


def test_each_step_is_set_against_the_step_before_it_and_each_part_against_the_baseline(tmp_path: Path) -> None:
    data = study(tmp_path)
    steps = all_effects(data, data.headline).set_index("variant").loc[["second", "third"]]
    # second - first: 40 and 44 points, mean 42, standard error 2; third - second: 24 and 32, mean 28, standard error 4.
    assert steps.loc["second", "difference"] == pytest.approx(0.42)
    assert steps.loc["third", "difference"] == pytest.approx(0.28)
    # Variances over seeds 2 * 0.02^2 and 2 * 0.04^2, moderated; the errors are the means of 80 and 38%, of 38 and 10%.
    prior = variance_prior(data)
    halves, p_values = [], []
    for mean, error, of_both in ((0.42, 0.02, 0.59), (0.28, 0.04, 0.24)):
        variance, degrees = prior.moderated(2 * error**2, 1, of_both)
        halves.append(stats.t.ppf(0.975, degrees) * np.sqrt(variance / 2))
        p_values.append(2 * stats.t.sf((mean - 0.005) / np.sqrt(variance / 2), degrees))
    assert (steps["high"] - steps["difference"]).tolist() == pytest.approx(halves)
    assert steps["p"].tolist() == pytest.approx(p_values)
    # Holm over the two steps doubles the smaller p.
    assert steps["holm_p"].tolist() == pytest.approx([2 * p_values[0], p_values[1]])
    assert steps["verdict"].tolist() == ["better", "better"]
    rows = waterfall_rows(data, data.headline).set_index("variant")
    assert list(rows.index) == ["first", "second", "third", "without"]
    assert rows["accuracy"].tolist() == pytest.approx([0.20, 0.62, 0.90, 0.80])
    assert np.isnan(rows.loc["first", "start"])
    assert rows["start"].tolist()[1:] == pytest.approx([0.20, 0.62, 0.90])
    # without - third: -12 and -8 points, standard error 2.
    assert rows.loc["without", "words"] == "80.0  (-10.0 [-29.2, +9.2])"
    assert rows[["low", "high"]].isna().all(axis=None)  # two seeds: no line over seeds is drawn


def test_a_step_that_is_not_done_leaves_a_gap(tmp_path: Path) -> None:
    data = study(tmp_path, done=("first", "third", "without"))
    rows = waterfall_rows(data, data.headline).set_index("variant")
    assert rows.loc["second", "words"] == "not scored here"
    assert np.isnan(rows.loc["third", "start"])
    assert rows.loc["third", "words"] == "90.0"
    assert waterfall_plot(data) is not None
    assert waterfall_plot(study(tmp_path / "b", done=("third", "without"))) is None


def test_what_may_not_be_compared_has_no_bar(tmp_path: Path) -> None:
    longer = {**VARIANTS, "second": {**VARIANTS["second"], "n_train_episodes": 4000}}
    data = study(tmp_path, variants=longer)
    rows = waterfall_rows(data, data.headline).set_index("variant")
    assert rows.loc[["second", "third"], "start"].isna().all()
    assert rows.loc["second", "words"] == "62.0"
    assert rows["change_verdict"].isna().tolist() == [True, True, True, False]


def test_with_seeds_missing_a_bar_shows_the_paired_change(tmp_path: Path) -> None:
    # third has seed 1 alone: 96%, and 32 points more than second with that seed; all of second's runs have 62%.
    data = study(tmp_path, not_done=(("third", 0),))
    rows = waterfall_rows(data, data.headline).set_index("variant")
    assert rows.loc["third", "accuracy"] == pytest.approx(0.96)
    assert rows.loc["third", "start"] == pytest.approx(0.96 - 0.32)


def test_the_report_shows_the_waterfall_under_the_switch_step(tmp_path: Path) -> None:
    study(tmp_path)
    assert main(["report", "--results", str(tmp_path / "results"), "--reports", str(tmp_path / "reports")]) == 0
    folder = tmp_path / "reports/ablations-cpu"
    text = (folder / "report.md").read_text()
    alt = "5-way mixed accuracy by step: first 20.0%, second 62.0%, third 90.0%, without 80.0%"
    assert f"![{alt}](figures/switch-step.png)" in text
    section = text.split("## step")[1].split("## part")[0]
    for words in (
        "From first to third; each step keeps the changes of the steps above it. Below the line, third lacks one",
        "n = 2 seeds, 12 test episodes each; lines: 95% t interval over seeds, from 3 seeds on.",
        "Verdicts allow for all steps, and those below the line for all variants.",
        "Shaded: what the source document expects, 95 to 98% (105x105 pixels).",
    ):
        assert words in section
    assert "nan" not in section
    assert (folder / "figures/switch-step.png").exists()
    numbers = pd.read_csv(folder / "tables/effects.csv").set_index("variant")
    assert numbers.loc["second", "difference"] == pytest.approx(0.42) and numbers.loc["second", "against"] == "first"
    assert numbers.loc["third", "holm_p"] < 0.05 and numbers.loc["third", "family"] == "steps"
