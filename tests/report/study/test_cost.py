"""Costs: what each variant costs by hand, and what may stand in one figure."""

from pathlib import Path

import numpy as np
import pytest
from results_fixture import make_plan, write_run, write_study

from leo_bench.config import make_settings
from leo_bench.report.study.cost import cost_plot, cost_table
from leo_bench.report.study.switches import changed_words, training_effort
from leo_bench.statistics.studies.study import StudyData, load_study_data

EACH = {"train_n_way": 40, "train_n_query": 4, "n_train_episodes": 800, "meta_batch_size": 1, "train_support": "each"}


def build(results: Path, update_seconds: float | None = None) -> StudyData:
    variants = {"leo": {}, "none": {"relation": "none"}, "five": {"k_shot": 5}, "pixels": {"learner": "pixels"}}
    variants["pixels"]["n_train_episodes"] = 0  # type: ignore[assignment]
    switches = {"relation": ["leo", "none"], "k_shot": ["leo", "five"]}
    plan = make_plan(variants, (0, 1), base={"inner_steps": 1}, switches=switches, references=["pixels"])
    for run in plan.runs:
        own = None if run.variant == "pixels" else update_seconds
        write_run(
            results, plan, run, lambda name, *_: np.full((12, 1 if name == "pixels" else 2), 15), update_seconds=own
        )
    return load_study_data(write_study(results, plan))


@pytest.mark.parametrize(
    ("settings", "images", "updates", "losses"),
    [
        ({}, 2000 * 5 * 16, 500, 2000 * 5 * 15),
        ({"k_shot": 5}, 2000 * 5 * 20, 500, 2000 * 5 * 15),
        ({"train_n_way": 20, "n_train_episodes": 500}, 500 * 20 * 16, 125, 500 * 20 * 15),
        # each of 5 images of a class is the support image once, and the other 4 are answered
        (EACH, 800 * 40 * 5, 800, 800 * 40 * 5 * 4),
        ({"n_train_episodes": 0}, 0, 0, 0),
    ],
)
def test_images_updates_and_query_losses_by_hand(
    settings: dict[str, object], images: int, updates: int, losses: int
) -> None:
    values = make_settings({"decode": "class", **settings}).canonical()
    assert list(training_effort(values).values()) == [images, updates, losses]


def test_changed_settings_name_the_updates_that_follow_from_them(tmp_path: Path) -> None:
    variants = {"leo": {}, "none": {"relation": "none"}, "wide": {"train_n_way": 20, "n_train_episodes": 500}}
    data = load_study_data(write_study(tmp_path, make_plan(variants, (0,))))
    assert changed_words(data, "leo") == "baseline"
    assert changed_words(data, "none") == "relation none"
    assert changed_words(data, "wide") == "train_n_way 20, n_train_episodes 500, so 125 updates"


def test_costs_stand_side_by_side(tmp_path: Path) -> None:
    table = cost_table(build(tmp_path))
    assert table is not None
    # the fixture trains 60 s, 10 s an inner step and 1 s a seed: 70 and 71; five codes of 64 numbers adapt
    assert (
        table.words.drop(columns=["parameters", "adapting, ms"]).values.tolist()
        == [
            ["leo", "160,000", "500", "150,000", "70", "700", "325", "320"],
            ["none", "160,000", "500", "150,000", "70", "700", "325", "320"],
            ["five", "200,000", "500", "150,000", "70", "700", "325", "320"],
            ["pixels", "0", "0", "0", "70", "700", "325", "0"],
        ][: len(table.words)]
    )
    assert table.numbers["train_seconds"].iloc[0] == 70.5


@pytest.mark.parametrize(
    ("settings", "is_told"), [({"latent_dim": 8}, False), ({"generated": "full"}, True), ({"learner": "maml"}, True)]
)
def test_the_caption_says_what_older_times_of_methods_with_own_cnns_have_in_them(
    tmp_path: Path, settings: dict[str, object], is_told: bool
) -> None:
    plan = make_plan({"leo": {}, "other": settings}, (0,), base={"inner_steps": 1})
    for run in plan.runs:
        n_scored = 2 if run.settings["learner"] == "leo" else 1  # of the fixture
        write_run(tmp_path, plan, run, lambda *_, n=n_scored: np.full((12, n), 15))
    table = cost_table(load_study_data(write_study(tmp_path, plan)))
    assert table is not None and ("records up to 28 November 2026" in table.caption) is is_told


def test_variants_under_other_conditions_are_left_out_of_the_figure(tmp_path: Path) -> None:
    plot = cost_plot(build(tmp_path))
    assert plot is not None
    assert "read them as upper bounds" in plot.caption
    assert [panel.title for panel in plot.panels][:2] == ["Training time, 5-way mixed", "Parameters, 5-way mixed"]
    assert set(plot.panels[0].draw.args[0]["variant"]) == {"leo", "none"}  # type: ignore[attr-defined]


def test_the_figure_has_processor_time_where_it_is_on_record(tmp_path: Path) -> None:
    timed, other = cost_plot(build(tmp_path / "timed", update_seconds=0.12)), cost_plot(build(tmp_path / "other"))
    assert timed is not None and other is not None
    assert "leo 20.0% at 1," in timed.panels[0].alt and "minutes of one core" in timed.panels[0].alt  # 500 of 0.12 s
    assert "leo 20.0% at 1.175" in other.panels[0].alt and "of one run, minutes" in other.panels[0].alt  # 70.5 s
