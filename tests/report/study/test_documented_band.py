"""Accuracy that the source document expects: of which runs, and under which conditions."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from results_fixture import make_plan, write_run, write_study

from leo_bench.report.study.documented import document_words, documented_band
from leo_bench.report.study.sentences import answer
from leo_bench.statistics.studies.study import StudyData, load_study_data

FULL_SIZE: dict[str, Any] = {"image_size": 105}
MIXED = (5, "mixed")
FORTY_WAY = {"train_n_way": 40, "train_n_query": 4, "n_train_episodes": 800}


def study(folder: Path, **settings: Any) -> StudyData:
    plan = make_plan({"leo": settings}, (0, 1), base={"test_n_ways": (5,), "inner_steps": 1})
    n_scores = 1 if settings.get("learner") == "protonet" else 2  # before the inner loop and after it
    for run in plan.runs:
        write_run(folder, plan, run, lambda *_: np.full((12, n_scores), 75))
    return load_study_data(write_study(folder, plan))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (FULL_SIZE, "95 to 98%"),
        ({**FULL_SIZE, "k_shot": 5}, "97 to 99%"),
        ({}, "95 to 98% (105x105 pixels)"),
        ({**FULL_SIZE, **FORTY_WAY}, "95 to 98% (2,000 5-way episodes)"),  # 160,000 images too
        (FORTY_WAY, "95 to 98% (2,000 5-way episodes, 105x105 pixels)"),
        ({**FULL_SIZE, "n_train_episodes": 20000}, ""),
        ({**FULL_SIZE, "n_train_episodes": 200}, ""),
        ({**FULL_SIZE, "learner": "protonet"}, ""),
        ({**FULL_SIZE, "dataset": "glyphs"}, ""),
        ({**FULL_SIZE, "k_shot": 2}, ""),
    ],
)
def test_conditions_that_differ_are_named_and_another_budget_has_no_band(
    tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    data = study(tmp_path, **settings)
    assert document_words(data, MIXED, "leo") == words
    assert (documented_band(data, MIXED, "leo") is None) == (words == "")
    assert documented_band(data, (5, "within_alphabet"), "leo") is None


def test_an_accuracy_is_never_set_against_the_document_without_its_conditions(tmp_path: Path) -> None:
    data = study(tmp_path / "small", **FORTY_WAY)
    expected = "; the source document expects 95 to 98% (2,000 5-way episodes, 105x105 pixels)."
    assert answer(data)[0].endswith(expected)
    assert "document" not in answer(study(tmp_path / "long", **FULL_SIZE, n_train_episodes=20000))[0]
