"""Gains of the baseline by shots, from a made-up study."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from results_fixture import edit_record, make_plan, write_run, write_study

from leo_bench.report.study.adaptation_effect import gain_plot
from leo_bench.report.study.adaptation_gain import gain_frame, shots_plot
from leo_bench.report.study.data import StudyData, load_study_data

BASE: dict[str, Any] = {"test_n_ways": (5,), "test_modes": ("mixed",), "n_query": 5, "inner_steps": 2}
SHOTS: dict[str, Any] = {"test_k_shots": (5,), "test_datasets": ("digits",)}


def build(results: Path, base: dict[str, Any], **baseline: Any) -> StudyData:
    """Return a study of two seeds, scored on Omniglot and on what base adds.

    Before adapting 15 of 25 answers are right; after it 1 more at 1 shot and 2 more at 5 shots, at seed 1 another 1.
    """
    plan = make_plan({"leo": baseline, "none": {"relation": "none"}}, (0, 1), base={**BASE, **base})
    for run in plan.runs:
        steps = list(range((run.settings["test_inner_steps"] or 2) + 1)) if run.settings["inner_steps"] else [0]

        def counts(variant: str, seed: int, n_way: int, mode: str, n_steps: int = len(steps)) -> np.ndarray:
            return np.full((12, n_steps), 15 * n_way // 5)

        folder = write_run(results, plan, run, counts, steps=steps)
        for path in folder.glob("tests/*/result.json") if len(steps) > 1 else []:
            record = json.loads(path.read_text())
            more = (1 if record["k_shot"] == 1 else 2) + run.seed
            after = (15 + more) / 25
            size = 5 * record["n_way"]
            correct = np.full((12, len(steps)), 15 * record["n_way"] // 5, np.uint16)
            correct[:, -1] += more * record["n_way"] // 5
            np.savez_compressed(path.with_name("episodes.npz"), correct=correct)
            effect = {"queries_changed": more / 25, "episodes_changed": 1.0, "corrected": more / 25, "spoiled": 0.0}
            by_step = [*record["accuracy_by_step"][:-1], after]
            assert correct[0, -1] / size == after
            changed = {"accuracy_by_step": by_step, "accuracy": after, "accuracy_ci95": 0.0, "adaptation": effect}
            edit_record(path, **changed)
    return load_study_data(write_study(results, plan))


def test_gains_are_those_of_the_baseline_by_test_and_seed(tmp_path: Path) -> None:
    frame = gain_frame(build(tmp_path, SHOTS))
    assert frame[["dataset", "n_way", "k_shot", "seed"]].values.tolist() == [
        ["omniglot", 5, 1, 0],
        ["omniglot", 5, 1, 1],
        ["omniglot", 5, 5, 0],
        ["omniglot", 5, 5, 1],
        ["digits", 10, 1, 0],
        ["digits", 10, 1, 1],
        ["digits", 10, 5, 0],
        ["digits", 10, 5, 1],
    ]
    # 1, 2, 2 and 3 of 25 more
    assert frame["gain"].tolist() == pytest.approx([0.04, 0.08, 0.08, 0.12] * 2)


def test_wrong_labels_and_another_adaptation_are_in_no_gain_of_the_baseline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = build(tmp_path, SHOTS)
    before = gain_frame(data)
    for run in data.view.done:
        changes: list[dict[str, Any]] = [{"mislabelled": 1}, {"inner_steps": 7}]
        more = [test.model_copy(update=change) for test in run.tests for change in changes]
        monkeypatch.setitem(run.__dict__, "tests", [*run.tests, *more])
    assert len(gain_frame(data)) == len(before) == 8
    plot = gain_plot(data)
    assert plot is not None
    # wrong labels are conditions of their own; another adaptation is in no panel
    assert sorted({panel.title for panel in plot.panels if "mislabelled" in panel.title}) == [
        "10-way 1-shot mixed, 1 mislabelled",
        "10-way 5-shot mixed, 1 mislabelled",
        "5-way 1-shot mixed, 1 mislabelled",
        "5-way 5-shot mixed, 1 mislabelled",
    ]
    frames: list[pd.DataFrame] = [panel.draw.args[0] for panel in plot.panels]  # type: ignore[attr-defined]
    assert {len(frame) for frame in frames} == {2 * 2 * 3}  # variants, seeds, steps


def test_gain_by_shots_has_a_panel_per_data_set(tmp_path: Path) -> None:
    plot = shots_plot(build(tmp_path, SHOTS))
    assert plot is not None
    assert [panel.alt for panel in plot.panels] == [
        "Gain in points by k_shot, omniglot omniglot 5f1c0ffe: 5-way mixed +6.0 at 1, +10.0 at 5",
        "Gain in points by k_shot, digits digits 5f1c0ffe: 10-way mixed +6.0 at 1, +10.0 at 5",
    ]
    assert "2 seeds; shaded: 95% t interval over seeds" in plot.caption


def test_one_number_of_shots_is_not_drawn(tmp_path: Path) -> None:
    one_shot = build(tmp_path / "one", {"test_datasets": ("digits",)})
    assert shots_plot(one_shot) is None
    at_home = build(tmp_path / "home", {"test_k_shots": (5,)})
    assert shots_plot(at_home) is not None


def test_a_baseline_without_steps_has_no_gain(tmp_path: Path) -> None:
    data = build(tmp_path, SHOTS, inner_steps=0)
    assert gain_frame(data).empty
    assert shots_plot(data) is None
