"""What the source document expects: of which runs, and under which conditions."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from results_fixture import make_plan, write_run, write_study

from leo_bench.report.study.data import StudyData, load_study_data
from leo_bench.report.study.documented import document_words, documented_band, set_against_document
from leo_bench.report.study.sentences import answer
from leo_bench.statistics import Interval

FULL_SIZE: dict[str, Any] = {"image_size": 105}
MIXED = (5, "mixed")
FORTY_WAY = {"train_n_way": 40, "train_n_query": 4, "n_train_episodes": 800}


def study(folder: Path, **settings: Any) -> StudyData:
    plan = make_plan({"leo": settings}, (0, 1), base={"test_n_ways": (5,), "inner_steps": 1})
    for run in plan.runs:
        write_run(folder, plan, run, lambda *_: np.full((12, 2), 75))
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
    expected = (
        "the 95 to 98% that the source document expects of 2,000 5-way episodes, 105x105 pixels "
        "(these runs: 800 40-way episodes, 28x28 pixels)"
    )
    for mean, words in ((0.99, "1.0 points above"), (0.96, "within"), (0.9, "5.0 points below")):
        interval = Interval(mean, mean, mean, 2, "seeds")
        assert set_against_document(data, MIXED, "leo", interval) == f": {words} {expected}"
    doubt = set_against_document(data, MIXED, "leo", Interval(0.9, 0.8, 0.96, 2, "seeds"))
    assert doubt == f": 5.0 points below {expected}, though the interval does not exclude it"
    assert f"2.0 points above {expected}." in answer(data)[0]
    assert "document" not in answer(study(tmp_path / "long", **FULL_SIZE, n_train_episodes=20000))[0]
