"""Accuracy against cost: the front, and what may stand in one figure."""

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from results_fixture import make_plan, write_run, write_study

from leo_bench.figures.cost import front
from leo_bench.report.captions import families
from leo_bench.report.cost import cost_plot, same_test
from leo_bench.report.gather import StudyData, gather


def test_the_front_by_hand() -> None:
    # cheap and poor; dearer and better; dearer and worse; as dear as the second and better; equal to the first
    assert front([1, 2, 3, 2, 1], [0.5, 0.6, 0.55, 0.7, 0.5]) == [0, 4, 3]
    assert front([], []) == []
    assert front([3], [0.1]) == [0]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_every_point_is_on_the_front_or_beaten_by_one_that_is(points: list[tuple[int, int]]) -> None:
    found = front([cost for cost, _ in points], [accuracy for _, accuracy in points])
    best = {points[index] for index in found}
    for cost, accuracy in points:
        beaten = any(c <= cost and a >= accuracy and (c, a) != (cost, accuracy) for c, a in points)
        assert beaten != ((cost, accuracy) in best)
        assert any(c <= cost and a >= accuracy for c, a in best)


def build(results: Path) -> StudyData:
    variants = {"leo": {}, "none": {"relation": "none"}, "five": {"k_shot": 5}, "pixels": {"learner": "pixels"}}
    variants["pixels"]["n_train_episodes"] = 0  # type: ignore[assignment]
    switches = {"relation": ["leo", "none"], "k_shot": ["leo", "five"]}
    plan = make_plan(variants, (0, 1), base={"inner_steps": 1}, switches=switches, references=["pixels"])
    for run in plan.runs:
        write_run(results, plan, run, lambda *_: np.full((12, 2), 15))
    return gather(write_study(results, plan))


def test_another_test_is_left_out_and_named_but_another_budget_is_a_cost(tmp_path: Path) -> None:
    data = build(tmp_path)
    rows, others = same_test(data, data.headline)
    assert set(rows["variant"]) == {"leo", "none", "pixels"} and others == {"five"}
    plot = cost_plot(data)
    assert plot is not None
    assert "Left out, because their test is another: five." in plot.caption
    assert "read times as upper bounds" in plot.caption
    assert [panel.title for panel in plot.panels][:3] == [
        "Training time, 5-way mixed", "Peak memory, 5-way mixed", "Parameters, 5-way mixed",
    ]  # fmt: skip


def test_variants_under_other_conditions_have_a_panel_to_themselves(tmp_path: Path) -> None:
    found = [(family.title, family.variants) for family in families(build(tmp_path))]
    assert found == [("relation", ["leo", "none"]), ("five, alone", ["five"])]
