"""Whole reports over small hand-made results: every number worked out by hand, every broken run named."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from results_fixture import make_plan, seal, write_run, write_study
from scipy import stats

from leo_bench.commands.cli import main
from leo_bench.records import SCORE_COLUMNS, Plan, load_study, write_tables
from leo_bench.report.study.main_table import COLUMNS

T1 = 12.706205
"""The 0.975 quantile of Student's t with 1 degree of freedom, from any table."""

SHAPE = np.array([-2, 2, 0, -1, 1, 0, -3, 3, 0, 0, -5, 5])
"""A dozen test episodes, easier and harder ones, that leave a run's mean where it is."""

CORRECT = {
    # (variant, seed): correct answers after adaptation over a dozen episodes; 900 queries at 5-way, 3,600 at 20-way
    (5, "mixed"): {("leo", 0): 540, ("leo", 1): 558, ("none", 0): 756, ("none", 1): 792},
    (20, "mixed"): {("leo", 0): 2160, ("leo", 1): 2160, ("none", 0): 2161, ("none", 1): 2162},
    (5, "within_alphabet"): {("leo", 0): 540, ("leo", 1): 540, ("none", 0): 558, ("none", 1): 522},
    (20, "within_alphabet"): {("leo", 0): 1800, ("leo", 1): 1800, ("none", 0): 1800, ("none", 1): 1800},
}


def counts(variant: str, seed: int, n_way: int, mode: str) -> np.ndarray:
    """[12, 2]: after the one inner step a run has CORRECT answers in all, before it two fewer in each episode."""
    total = CORRECT[n_way, mode][variant, seed]
    after = total // 12 + SHAPE
    after[0] += total % 12
    return np.stack([after - 2, after], axis=1)


def write_results(results: Path) -> Plan:
    variants = {"leo": {}, "none": {"relation": "none"}}
    plan = make_plan(variants, (0, 1), base={"inner_steps": 1}, switches={"relation": ["leo", "none"]})
    for run in plan.runs:
        write_run(results, plan, run, counts)
    write_study(results, plan)
    return plan


@pytest.mark.usefixtures("no_drawing")
def test_a_report_of_two_variants_two_seeds_and_a_dozen_episodes(tmp_path: Path) -> None:
    write_results(tmp_path / "results")
    arguments = ["--results", str(tmp_path / "results"), "--reports", str(tmp_path / "reports")]
    assert main(["report", *arguments]) == 0
    folder = tmp_path / "reports/ablations-cpu"

    rows = pd.read_csv(folder / "tables/main.csv").set_index("variant")
    leo, none = rows.loc["leo"], rows.loc["none"]
    # leo: 540 / 900 = 0.60 and 558 / 900 = 0.62. Mean 0.61, standard deviation 0.02 / sqrt(2), standard error 0.01.
    assert leo["accuracy"] == pytest.approx(0.61)
    assert [leo["low"], leo["high"]] == pytest.approx([0.61 - T1 * 0.01, 0.61 + T1 * 0.01])
    # none: 756 / 900 = 0.84 and 792 / 900 = 0.88. Mean 0.86, standard error 0.02.
    assert none["accuracy"] == pytest.approx(0.86)
    assert [none["low"], none["high"]] == pytest.approx([0.86 - T1 * 0.02, 0.86 + T1 * 0.02])
    # Over seeds and episodes: both seeds of none have SHAPE and nothing else. Variances of the mean: 0.02 ** 2 of the
    # seeds, and 78 / 11 / 75 ** 2 / 12 of the episodes (78: the squares of SHAPE). Degrees of freedom by Satterthwaite.
    seeds, episodes = 0.02**2, 78 / 11 / 75**2 / 12
    quantile = stats.t.ppf(0.975, (seeds + episodes) ** 2 / (seeds**2 / 1 + episodes**2 / 11))
    half = quantile * (seeds + episodes) ** 0.5
    whole = [none["low_whole_5way_mixed"], none["high_whole_5way_mixed"]]
    assert whole == pytest.approx([0.86 - half, 0.86 + half])
    # Before adaptation two fewer of 75 in every episode.
    assert leo["accuracy_before"] == pytest.approx(0.61 - 2 / 75)
    # Differences 0.24 and 0.26, whatever the two seeds have in common: mean 0.25, standard error 0.01.
    assert none["difference"] == pytest.approx(0.25)
    assert [none["difference_low"], none["difference_high"]] == pytest.approx([0.25 - T1 * 0.01, 0.25 + T1 * 0.01])
    assert none["verdict"] == "better"  # Holm's p below is under 0.05
    assert np.isnan(leo["difference"]) and leo["verdict"] == "baseline"
    assert list(rows["n_seeds"]) == [2, 2]
    assert none["accuracy_20way_mixed"] == pytest.approx(4323 / 7200)  # 2,161 and 2,162 of 3,600
    assert none["accuracy_5way_within_alphabet"] == pytest.approx(0.6)  # 0.62 and 0.58

    effects = pd.read_csv(folder / "tables/effects.csv").set_index("test")
    # With 1 degree of freedom t is Cauchy's: p = 2 / pi * arctan(1 / t). One variant, so Holm leaves p as it is.
    headline = effects.loc["5-way mixed"]
    assert headline["p"] == pytest.approx(2 / np.pi * np.arctan(1 / 24.5))  # t = (0.25 - 0.005) / 0.01
    assert headline["holm_p"] == headline["p"]
    assert headline["sd"] == pytest.approx(0.02 / np.sqrt(2))
    assert headline["margin"] == 0.005
    # 20-way: 1 and 2 of 3,600 more. Mean 1.5 / 3,600, standard error 0.5 / 3,600: -0.0013 to 0.0022, within 0.005.
    many = effects.loc["20-way mixed"]
    assert [many["difference"], many["low"]] == pytest.approx([1.5 / 3600, (1.5 - T1 * 0.5) / 3600])
    # 18 of 3,600 are the margin: 16.5 from the difference, which is 33 standard errors.
    assert many["p"] == pytest.approx(2 / np.pi * np.arctan(1 / 33))
    assert many["verdict"] == "no difference that matters"
    # Within alphabets: +0.02 and -0.02. Mean 0, standard error 0.02, so nothing is shown.
    within = effects.loc["5-way within alphabet"]
    assert [within["difference"], within["low"], within["high"]] == pytest.approx([0, -T1 * 0.02, T1 * 0.02], abs=1e-7)
    assert within["p"] == pytest.approx(2 * (1 / 2 - np.arctan(0.25) / np.pi))  # the margin is a quarter of an error
    assert within["verdict"] == "inconclusive"
    # The same answers in all: nothing differs.
    equal = effects.loc["20-way within alphabet"]
    assert [equal["difference"], equal["low"], equal["high"], equal["p"]] == [0, 0, 0, 0]
    assert equal["verdict"] == "no difference that matters"

    assert rows.loc["none", "accuracy_5way_mixed"] == pytest.approx(0.86)
    assert [rows.loc["leo", f"{end}_5way_mixed"] for end in ("low", "high")] == pytest.approx(
        [rows.loc["leo", end] for end in ("low", "high")]
    )
    assert pd.read_csv(folder / "tables/not-done.csv").empty

    for text in ((folder / "report.md").read_text(), (folder / "report.html").read_text().replace("<span>", "")):
        assert "61.0 ± 12.7" in text
        assert "86.0 ± 25.4" in text
        assert "+25.0 [+12.3, +37.7]" in text
        assert "58.3" in text  # 0.61 - 2 / 75, before adaptation
        assert "Better: none (+25.0)." in text
        assert "; the source document expects 95 to 98% (105x105 pixels)." in text
        assert "The study is complete: all 4 planned runs are done." in text


def test_the_tables_of_results_hold_the_same_numbers(tmp_path: Path) -> None:
    write_results(tmp_path)
    view = load_study(tmp_path / "ablations-cpu")
    write_tables(view)
    runs = pd.read_csv(view.folder / "runs.csv").set_index(["variant", "seed"])["accuracy"]
    assert runs.to_dict() == pytest.approx({key: total / 900 for key, total in CORRECT[5, "mixed"].items()})
    scores = pd.read_csv(view.folder / "scores.csv").set_index(["n_way", "episode_mode", "variant", "seed"])["accuracy"]
    assert scores[20, "mixed", "none", 1] == pytest.approx(2162 / 3600)
    assert len(scores) == 16


def accuracies(variant: str, seed: int, n_way: int, mode: str) -> np.ndarray:
    """leo 60 of 75 at every seed; none 60, 61, ... 67 at seeds 0 to 7."""
    return np.full((12, 2), 60 + (seed if variant == "none" else 0))


@pytest.mark.usefixtures("no_drawing")
def test_everything_that_can_be_wrong_at_once_is_named_and_the_rest_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    base = {"inner_steps": 1, "test_n_ways": (5,), "test_modes": ("mixed",)}
    plan = make_plan({"leo": {}, "none": {"relation": "none"}}, range(9), base=base)
    folders = {(run.variant, run.seed): results / "runs" / run.run_key for run in plan.runs}
    for run in plan.runs:
        if (run.variant, run.seed) != ("none", 8):  # never run
            write_run(results, plan, run, accuracies)
    # Seed 1 of none is planned twice, as a study.json put together by hand may have it.
    again = next(run for run in plan.runs if (run.variant, run.seed) == ("none", 1))
    write_study(results, plan.model_copy(update={"runs": [*plan.runs, again]}))

    def record(seed: int) -> Path:
        return folders["none", seed] / "result.json"

    record(2).write_text(record(2).read_text()[:500])
    (test,) = (folders["none", 3] / "tests").glob("*/result.json")
    test.write_text(test.read_text().replace('"adapt_ms": 5.0', '"adapt_ms": NaN'))
    record(4).write_text(record(4).read_text().replace('"schema_version": 2', '"schema_version": 7'))
    shutil.copy(record(0), record(5))  # the record of another run
    record(6).write_text(record(6).read_text().replace(plan.runs[0].numerics, "0ld0ld0ld0ld"))
    seal(record(6))
    shutil.copytree(folders["none", 7], results / "runs" / "copy of none")

    assert main(["report", "--results", str(results), "--reports", str(tmp_path / "reports")]) == 0
    folder = tmp_path / "reports/ablations-cpu"
    undone = pd.read_csv(folder / "tables/not-done.csv")
    assert list(undone.columns) == ["status", "variant", "seed", "run_key", "attempts", "message"]
    found = {(row["status"], row["seed"], row["run_key"]): row["message"] for row in undone.to_dict("records")}
    key = {seed: folders["none", seed].name for seed in range(9)}
    expected = {
        ("corrupt", 2, key[2]): "truncated",
        ("corrupt", 3, key[3]): "adapt_ms",
        ("corrupt", 4, key[4]): "schema version 7, but this program reads 1",
        ("corrupt", 5, key[5]): f"the record of another run ({key[0]})",
        ("duplicate", 1, key[1]): f"planned twice: run {key[1]} is none seed 1 already",
        ("duplicate", 7, key[7]): f"runs/copy of none holds the record of run {key[7]} once more",
        ("stale", 6, key[6]): "made by source with numerics digest 0ld0ld0ld0ld",
        ("missing", 8, key[8]): "not started",
    }
    assert set(found) == set(expected)
    for name, words in expected.items():
        assert words in found[name]
    assert set(undone["variant"]) == {"none"}

    # Left of none: seeds 0, 1 and 7, once each. 60, 61 and 67 of 75: mean 188 / 225, differences 0, 1 and 7 of 75.
    rows = pd.read_csv(folder / "tables/main.csv").set_index("variant")
    assert rows.loc["none", ["n_seeds", "seeds"]].tolist() == [3, "0-1,7"]
    assert rows.loc["none", "accuracy"] == pytest.approx(188 / 225)
    assert rows.loc["none", "difference"] == pytest.approx(8 / 225)
    assert rows.loc["leo", ["n_seeds", "accuracy"]].tolist() == [9, pytest.approx(0.8)]
    for text in ((folder / "report.md").read_text(), (folder / "report.html").read_text().replace("<span>", "")):
        # Nine runs of leo and three of none are done, of 18 planned and one that is planned twice.
        assert "12 of 19 planned runs are done (4 corrupt, 1 duplicate, 1 stale, 1 missing)" in text
        for (_, _, run_key), words in expected.items():
            assert words in text
            assert run_key in text or words == "not started"
        assert str(tmp_path) not in text

    capsys.readouterr()
    assert main(["status", "--results", str(results)]) == 0
    listed = capsys.readouterr().out
    assert all(words in listed for words in expected.values())


def test_a_copy_that_is_no_record_is_passed_over(tmp_path: Path) -> None:
    plan = write_results(tmp_path)
    for name, text in (("notes", None), ("broken", "{"), ("list", "[]"), ("other", json.dumps({"run_key": "x"}))):
        (tmp_path / "runs" / name).mkdir()
        if text is not None:
            (tmp_path / "runs" / name / "result.json").write_text(text)
    view = load_study(tmp_path / "ablations-cpu")
    assert view.copies == []
    assert len(view.done) == len(plan.runs)


def test_every_column_of_costs_is_one_of_scores_csv_under_a_head_of_its_own() -> None:
    assert not {column.key for column in COLUMNS} - set(SCORE_COLUMNS)
    heads = [column.header for column in COLUMNS if column.header]
    assert len(set(heads)) == len(heads)
