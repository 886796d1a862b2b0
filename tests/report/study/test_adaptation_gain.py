"""Gains of the baseline by shots and by error before adapting, from a made-up study."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from results_fixture import edit_record, make_plan, write_run, write_study

from leo_bench.report.study.adaptation_gain import gain_frame, gain_plots
from leo_bench.statistics.studies.study import StudyData, load_study_data

BASE: dict[str, Any] = {"test_n_ways": (5,), "test_modes": ("mixed",), "n_query": 5, "inner_steps": 1}
SHOTS: dict[str, Any] = {"test_k_shots": (5,), "test_datasets": ("digits",)}


def build(results: Path, base: dict[str, Any]) -> StudyData:
    """Return a study of two seeds. Before adapting 60% of the answers are right; after it 1 of 25 more at 1 shot and 2
    more at 5 shots, at seed 1 another 1.
    """
    plan = make_plan({"leo": {}, "none": {"relation": "none"}}, (0, 1), base={**BASE, **base})
    for run in plan.runs:
        folder = write_run(results, plan, run, lambda _, __, n_way, ___: np.full((12, 2), 3 * n_way))
        for path in folder.glob("tests/*/result.json"):
            record = json.loads(path.read_text())
            more = (1 if record["k_shot"] == 1 else 2) + run.seed
            correct = np.full((12, 2), 3 * record["n_way"], np.uint16)
            correct[:, -1] += more * record["n_way"] // 5
            np.savez_compressed(path.with_name("episodes.npz"), correct=correct)
            after = (15 + more) / 25
            edit_record(path, accuracy_by_step=[0.6, after], accuracy=after, accuracy_ci95=0.0)
    return load_study_data(write_study(results, plan))


def test_gains_are_those_of_the_baseline_by_test_and_seed(tmp_path: Path) -> None:
    frame = gain_frame(build(tmp_path, SHOTS))
    found = frame[["dataset", "n_way", "k_shot", "seed"]].values.tolist()
    assert found == [
        [*kind, seed]
        for kind in (("omniglot", 5, 1), ("omniglot", 5, 5), ("digits", 10, 1), ("digits", 10, 5))
        for seed in (0, 1)
    ]
    # 1, 2, 2 and 3 of 25 more; 10 of 25 wrong before
    assert frame["gain"].tolist() == pytest.approx([0.04, 0.08, 0.08, 0.12] * 2)
    assert frame["error"].tolist() == pytest.approx([0.4] * 8)


def test_kinds_of_episodes_are_lines_of_their_own(tmp_path: Path) -> None:
    frame = gain_frame(build(tmp_path, {"test_n_ways": (5, 20), "test_modes": ("mixed", "within_alphabet")}))
    kinds = ["5-way mixed", "5-way within alphabet", "20-way mixed", "20-way within alphabet"]
    assert sorted(frame["label"]) == sorted(kinds * 2)  # two seeds
    assert frame["variant"].tolist() == frame["label"].tolist()


def test_shots_need_two_numbers_and_distance_two_data_sets(tmp_path: Path) -> None:
    assert [plot.name for plot in gain_plots(build(tmp_path / "both", SHOTS))] == ["gain-by-shots", "gain-by-distance"]
    assert [plot.name for plot in gain_plots(build(tmp_path / "shots", {"test_k_shots": (5,)}))] == ["gain-by-shots"]
    assert [plot.name for plot in gain_plots(build(tmp_path / "far", {"test_datasets": ("digits",)}))] == [
        "gain-by-distance"
    ]
    assert gain_plots(build(tmp_path / "none", {})) == []


def test_a_data_set_has_a_panel_and_a_kind_of_episodes_a_line(tmp_path: Path) -> None:
    shots = gain_plots(build(tmp_path, SHOTS))[0]
    assert [panel.title for panel in shots.panels] == ["omniglot", "digits"]
    # seeds gain 2 and 3 more of 25 at five shots
    assert shots.panels[1].alt.endswith(": 10-way mixed +10.0 at 5")
