"""The choice of a search, its measurement on test, and its preset file."""

from pathlib import Path

import pytest
from small_search import small_plan

from leo_bench.config import make_settings
from leo_bench.errors import LeoBenchError
from leo_bench.records.search import SearchPlan, Trial, Trials
from leo_bench.search import selection
from leo_bench.search.preset import write_preset
from leo_bench.search.selection import choose


def trials_of(*values: list[float] | None) -> Trials:
    return Trials(
        sittings=[],
        trials=[
            Trial(
                number=number,
                state="complete" if value else "failed",
                parameters={"latent_dim": 4 + number, "inner_lr": 0.01, "inner_steps": 1},
                values=value,
            )
            for number, value in enumerate(values)
        ],
    )


def test_the_most_accurate_is_chosen_the_first_of_equals(plan: SearchPlan) -> None:
    chosen = choose(plan, trials_of([0.5], None, [0.7], [0.7], [0.6]))
    assert [(choice.variant, choice.number, choice.values) for choice in chosen.choices] == [("best", 2, [0.7])]
    assert chosen.study == "small_best-smoke"
    with pytest.raises(LeoBenchError, match="no complete trial"):
        choose(plan, trials_of(None))


def test_with_a_cost_the_cheapest_that_is_nearly_as_accurate_is_chosen_too() -> None:
    plan = small_plan(objectives=["accuracy", "multiply_adds"], pruner=None)
    chosen = choose(plan, trials_of([0.70, 100.0], [0.693, 40.0], [0.691, 60.0], [0.6, 10.0]))
    assert [(choice.variant, choice.number) for choice in chosen.choices] == [("best", 0), ("cheap", 1)]
    alone = choose(plan, trials_of([0.70, 10.0], [0.6, 5.0]))
    assert [choice.number for choice in alone.choices] == [0]


def test_the_best_meets_the_defaults_on_test_with_fresh_seeds(plan: SearchPlan) -> None:
    study = selection.test_plan(plan, choose(plan, trials_of([0.5])))
    assert [(run.variant, run.seed) for run in study.runs] == [
        ("default", 100),
        ("best", 100),
        ("default", 101),
        ("best", 101),
    ]
    default, chosen = (run.settings for run in study.runs[:2])
    assert {name: value for name, value in chosen.items() if value != default[name]} == {
        "latent_dim": 4,
        "inner_steps": 1,
    }
    assert {run.settings["test_split"] for run in study.runs} == {"test"}
    assert study.baseline == "default"
    assert len({run.run_key for run in study.runs}) == 4


def test_a_preset_file_gives_the_settings_that_were_measured(tmp_path: Path) -> None:
    common = {**small_plan().test, "relation": "none", "k_shot": 2}
    plan = small_plan(test=common)
    found = Trials(
        sittings=[],
        trials=[
            Trial(
                number=3,
                state="complete",
                parameters={"latent_dim": 7, "inner_lr": 0.0123456789012, "second_order": False},
                values=[0.7],
            )
        ],
    )
    chosen = choose(plan, found)
    path = tmp_path / "found.toml"
    write_preset(plan, chosen, path)
    measured = next(run for run in selection.test_plan(plan, chosen).runs if run.variant == "best").settings
    again = make_settings({"seed": measured["seed"], "dataset": "glyphs"}, str(path))
    assert again.canonical() == measured
    assert "Trial 3" in path.read_text()
    assert "seed" not in path.read_text()
    with pytest.raises(LeoBenchError, match=r"ends with \.toml"):
        write_preset(plan, chosen, tmp_path / "found")
    with pytest.raises(LeoBenchError, match="a preset leo exists already"):
        write_preset(plan, chosen, tmp_path / "leo.toml")


def test_a_preset_file_of_a_search_that_starts_from_a_file_is_one(tmp_path: Path) -> None:
    start = tmp_path / "mine.toml"
    start.write_text('preset = "leo"\n[settings]\nwidth = 32\n')
    common = make_settings({"relation": "none"}, str(start)).canonical()
    plan = small_plan(preset=str(start), test={**small_plan().test, **common})
    trial = Trial(number=0, state="complete", parameters={"latent_dim": 7}, values=[0.7])
    write_preset(plan, choose(plan, Trials(sittings=[], trials=[trial])), tmp_path / "found.toml")
    again = make_settings({}, str(tmp_path / "found.toml"))
    assert (again.width, again.latent_dim, again.decode, again.relation) == (32, 7, "class", "none")
