"""Accuracy against cost: the front, and what may stand in one figure."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from results_fixture import make_plan, write_run, write_study

from leo_bench.figures.accuracy_by_cost import cost_front, seed_spread, spans_decades
from leo_bench.report.study.captions import variant_groups
from leo_bench.report.study.cost import comparable_rows, cost_plot, front_words, scale_words
from leo_bench.report.study.data import StudyData, load_study_data
from leo_bench.statistics import pareto_front


def test_the_front_by_hand() -> None:
    # cheap and poor; dearer and better; dearer and worse; as dear as the second and better; equal to the first
    assert pareto_front([1, 2, 3, 2, 1], [0.5, 0.6, 0.55, 0.7, 0.5]) == [0, 4, 3]
    assert pareto_front([], []) == []
    assert pareto_front([3], [0.1]) == [0]


def test_what_differs_less_than_seeds_do_counts_as_equal() -> None:
    # 1.2 times as dear and better: beats the first within a factor of 1.5, not within 1.1
    assert pareto_front([10, 12], [0.5, 0.6], 1.5) == [1]
    assert pareto_front([10, 12], [0.5, 0.6], 1.1) == [0, 1]
    assert pareto_front([10, 12], [0.6, 0.5], 1.5) == [0]


def costs(**seconds: tuple[float, ...]) -> pd.DataFrame:
    """Runs by variant with these training times, each variant more accurate than the one before."""
    return pd.DataFrame(
        {"variant": name, "label": name, "seed": seed, "accuracy": 0.5 + number / 10, "train_seconds": value}
        for number, (name, values) in enumerate(seconds.items())
        for seed, value in enumerate(values)
    ).assign(n_parameters=lambda rows: rows["accuracy"])


def test_no_front_where_variants_differ_by_less_than_seeds() -> None:
    noise = costs(a=(10.0, 20.0), b=(16.0, 16.0), c=(18.0, 19.0))  # means 15, 16 and 18.5; seeds differ by 2
    assert seed_spread(noise, "train_seconds") == 2.0
    assert cost_front(noise, "train_seconds") == []
    assert cost_front(noise, "n_parameters") == ["a", "b", "c"]  # parameters are no matter of chance
    clear = costs(a=(10.0, 11.0), b=(11.0, 12.0), c=(40.0, 41.0))
    assert seed_spread(clear, "train_seconds") == pytest.approx(1.1)
    assert cost_front(clear, "train_seconds") == ["b", "c"]  # a is cheaper by less than seeds differ
    one = costs(a=(10.0,), b=(100.0,))
    assert seed_spread(one, "train_seconds") is None and cost_front(one, "train_seconds") == []
    nothing = costs(pixels=(0.001, 0.1), a=(10.0, 11.0))  # next to nothing: its seeds say nothing of training
    assert seed_spread(nothing, "train_seconds") == pytest.approx(1.1)
    assert cost_front(nothing, "train_seconds") == ["pixels", "a"]


def test_the_caption_says_why_there_is_no_front_and_what_scale_it_is() -> None:
    noise = costs(a=(10.0, 20.0), b=(16.0, 16.0)).assign(peak_memory_mb=[100.0, 110.0, 300.0, 300.0])
    words = front_words({(5, "mixed"): noise})
    assert "No front in training time: seeds of one variant differ by as much (by a factor of 2.00)." in words
    assert "In peak memory seeds of one variant differ by a factor of up to 1.10" in words
    assert "parameters" not in words
    single = front_words({(5, "mixed"): noise[noise["seed"] == 0]})
    assert "No front in peak memory: with one seed each" in single
    wide = noise.assign(n_parameters=[0.0, 0.0, 5.0, 40.0])
    assert scale_words(wide) == " Log scale: parameters; costs of zero, or next to it, are at the left edge."
    assert scale_words(noise) == "" and not spans_decades(noise, "n_parameters")


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_every_point_is_on_the_front_or_beaten_by_one_that_is(points: list[tuple[int, int]]) -> None:
    found = pareto_front([cost for cost, _ in points], [accuracy for _, accuracy in points])
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
        write_run(results, plan, run, lambda name, *_: np.full((12, 1 if name == "pixels" else 2), 15))
    return load_study_data(write_study(results, plan))


def test_another_test_is_left_out_and_named_but_another_budget_is_a_cost(tmp_path: Path) -> None:
    data = build(tmp_path)
    rows, others = comparable_rows(data, data.headline)
    assert set(rows["variant"]) == {"leo", "none", "pixels"} and others == {"five"}
    plot = cost_plot(data)
    assert plot is not None
    assert "Left out, because their test differs: five." in plot.caption
    assert "read them as upper bounds" in plot.caption
    # the fixture's memory is the same everywhere; its times differ by 71 to 70 between seeds, and not between variants
    assert "No front in peak memory: " not in plot.caption
    assert [panel.title for panel in plot.panels][:3] == [
        "Training time, 5-way mixed", "Peak memory, 5-way mixed", "Parameters, 5-way mixed",
    ]  # fmt: skip


def test_variants_under_other_conditions_have_a_panel_to_themselves(tmp_path: Path) -> None:
    found = [(family.title, family.variants) for family in variant_groups(build(tmp_path))]
    assert found == [("relation", ["leo", "none"]), ("five, alone", ["five"])]
