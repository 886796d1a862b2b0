"""Panels of training curves: one line for each training, and few enough lines to be told apart."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from results_fixture import make_plan, write_run, write_study

from leo_bench.records import StudyView
from leo_bench.report.study.learning_curves import MOST_LINES, curves_plot, in_parts, one_for_each_training, with_ways
from leo_bench.statistics.studies.study import StudyData, load_study_data


def build(results: Path, variants: dict[str, dict[str, object]]) -> StudyData:
    """Return a study whose variants are all of one switch."""
    base = {"test_n_ways": (5,), "test_modes": ("mixed",), "inner_steps": 1}
    plan = make_plan(variants, (0, 1), switches={"method": list(variants)}, base=base)
    for run in plan.runs:
        write_run(results, plan, run, lambda *_: np.full((12, 2), 60))
    write_study(results, plan)
    return load_study_data(results / "ablations-cpu")


def test_variants_that_only_test_the_same_models_have_one_line(tmp_path: Path) -> None:
    data = build(tmp_path, {"leo": {}, "no_steps": {"test_inner_steps": 0}, "short": {"latent_dim": 8}})
    assert one_for_each_training(data, data.variants) == ["leo", "short"]
    runs = [run for run in data.plan.runs if run.variant != "no_steps" or run.seed == 0]
    fewer = StudyData(StudyView(data.plan.model_copy(update={"runs": runs}), tmp_path, [], []), data.scores, [])
    assert one_for_each_training(fewer, data.variants) == ["leo", "short"]
    plot = curves_plot(data)
    assert plot is not None
    (panel,) = plot.panels
    assert panel.alt.count("%") == 2 and "no steps" not in panel.alt


def test_many_variants_are_drawn_in_panels_that_share_the_baseline(tmp_path: Path) -> None:
    data = build(tmp_path, {"leo": {}, **{f"codes_{size}": {"latent_dim": size} for size in range(2, 10)}})
    plot = curves_plot(data)
    assert plot is not None
    assert [panel.title for panel in plot.panels] == ["method, 1 of 2", "method, 2 of 2"]
    assert [panel.alt.count("%") for panel in plot.panels] == [5, 5]  # the baseline and four of eight each


def test_variants_that_are_not_comparable_have_panels_of_their_own(tmp_path: Path) -> None:
    data = build(tmp_path, {"leo": {}, "short": {"latent_dim": 8}, "twice": {"n_train_episodes": 4000}})
    plot = curves_plot(data)
    assert plot is not None and "in panels of their own" in plot.caption
    assert [panel.title for panel in plot.panels] == ["method", "method, not compared"]
    assert [panel.alt.count("%") for panel in plot.panels] == [2, 1]


def test_variants_at_equal_time_are_drawn_with_the_baseline(tmp_path: Path) -> None:
    data = build(tmp_path, {"leo": {}, "twice": {"n_train_episodes": 4000}})
    plot = curves_plot(
        replace(data, view=replace(data.view, plan=data.plan.model_copy(update={"equal_time": ["twice"]})))
    )
    assert plot is not None
    assert [(panel.title, panel.alt.count("%")) for panel in plot.panels] == [("method", 2)]


def test_lines_of_other_ways_say_so_where_their_names_do_not() -> None:
    names = {"a": "LEO", "b": "MAML, 20-way", "c": "ANIL", "d": "LEO, 25-way batches"}
    found = with_ways(names, {"a": 5, "b": 20, "c": 20, "d": 5})
    assert list(found.values()) == ["LEO, 5-way", "MAML, 20-way", "ANIL, 20-way", "LEO, 25-way batches, 5-way"]
    assert with_ways(names, dict.fromkeys(names, 5)) == names


@pytest.mark.parametrize("n", range(1, 30))
def test_parts_have_each_variant_once_and_the_baseline_always(n: int) -> None:
    names = [f"v{number}" for number in range(n)]
    parts = in_parts(names, "v0")
    assert all(len(part) <= MOST_LINES and part[0] == "v0" for part in parts)
    assert [name for part in parts for name in part if name != "v0"] == names[1:]
    assert sorted(name for part in in_parts(names, "other") for name in part) == sorted(names)
