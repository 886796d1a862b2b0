"""Checks of whether a search may go on from the trials that its folder holds."""

from pathlib import Path

import pytest
from small_search import small_plan

from leo_bench.errors import LeoBenchError
from leo_bench.records import write_record
from leo_bench.records.search import Parameter, SearchPlan, Trial, Trials
from leo_bench.search.resume import check_same


def begun(folder: Path, plan: SearchPlan) -> None:
    """Write a search with one trial into a folder."""
    write_record(folder / "search.json", plan)
    write_record(folder / "trials.json", Trials(sittings=[], trials=[Trial(number=0, state="failed", parameters={})]))


def test_a_setting_that_is_new_and_at_its_default_changes_nothing(tmp_path: Path) -> None:
    plan = small_plan()
    older = {name: value for name, value in plan.base.items() if name != "test_mislabelled"}
    begun(tmp_path, plan.model_copy(update={"base": older}))
    check_same(tmp_path, plan)
    check_same(tmp_path, plan.model_copy(update={"n_trials": 99}))


def test_whatever_makes_the_files_differ_is_named(tmp_path: Path) -> None:
    plan = small_plan()
    gone = plan.model_copy(update={"base": {**plan.base, "removed_since": 3}})
    begun(tmp_path, gone)
    with pytest.raises(LeoBenchError, match=r"was begun with another removed_since \(3, now absent\)"):
        check_same(tmp_path, plan)
    whole, real = (
        plan.model_copy(update={"space": [Parameter(name="latent_dim", choices=choices)]})
        for choices in ([1, 3], [1.0, 3.0])
    )
    begun(tmp_path, whole)
    with pytest.raises(LeoBenchError, match=r"was begun with another space"):
        check_same(tmp_path, real)


def test_a_setting_that_differs_is_named_with_both_values(tmp_path: Path) -> None:
    plan = small_plan()
    begun(tmp_path, plan)
    other = plan.model_copy(update={"base": {**plan.base, "outer_lr": 0.5}})
    before = plan.base["outer_lr"]
    with pytest.raises(LeoBenchError, match=rf"was begun with another outer_lr \({before:g}, now 0\.5\)"):
        check_same(tmp_path, other)
    with pytest.raises(LeoBenchError, match=r"was begun with another profile \(smoke, now quick\)"):
        check_same(tmp_path, plan.model_copy(update={"profile": "quick"}))
