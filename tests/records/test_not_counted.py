"""Runs of the store that differ from a planned run only in machine settings: not counted, but always named."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from results_fixture import NUMERICS, make_plan, planned, write_run, write_study

from leo_bench.config import make_settings
from leo_bench.records import Plan, load_study


def counts(*_: object) -> np.ndarray:
    return np.arange(30, 30 + 72).reshape(12, 6) % 46 + 30


@pytest.fixture
def plan() -> Plan:
    return make_plan({"leo": {}, "none": {"relation": "none"}}, [0, 1])


def write_other(results: Path, plan: Plan, number: int, **changes: object) -> str:
    """Write a done run with other settings than the planned one. Returns its key."""
    settings = make_settings({**plan.runs[number].settings, **changes})
    write_run(results, plan, planned(settings, "any"), counts)
    return settings.run_key


def test_a_run_of_another_precision_is_named(tmp_path: Path, plan: Plan) -> None:
    folder = write_study(tmp_path, plan)
    write_run(tmp_path, plan, plan.runs[0], counts)
    key = write_other(tmp_path, plan, 3, precision="bfloat16")
    view = load_study(folder)
    assert [run.status for run in view.runs] == ["done", "missing", "missing", "missing"]
    (other,) = view.copies
    assert (other.status, other.planned.variant, other.planned.seed) == ("not counted", "none", 1)
    assert key in other.message
    assert "precision bfloat16, not float32" in other.message


def test_a_seed_that_this_plan_does_not_have_is_named_too(tmp_path: Path, plan: Plan) -> None:
    # seed 5 was run with other threads, by a call whose plan this one has replaced
    folder = write_study(tmp_path, plan)
    write_other(tmp_path, plan, 0, seed=5, threads=2)
    (other,) = load_study(folder).copies
    assert (other.planned.variant, other.planned.seed) == ("leo", 5)


def test_a_seed_of_another_study_is_not_named(tmp_path: Path, plan: Plan) -> None:
    # the store is shared: seed 5 of the same variant with the same machine settings belongs to another study
    folder = write_study(tmp_path, plan)
    write_other(tmp_path, plan, 0, seed=5)
    assert load_study(folder).copies == []


def test_a_further_seed_of_a_variant_that_is_done_as_planned_is_not_named(tmp_path: Path, plan: Plan) -> None:
    folder = write_study(tmp_path, plan)
    for run in plan.runs:
        if run.variant == "leo":
            write_run(tmp_path, plan, run, counts)
    write_other(tmp_path, plan, 0, seed=5, precision="bfloat16")  # of a study that has more seeds
    assert load_study(folder).copies == []


def test_what_is_done_as_planned_needs_no_other(tmp_path: Path, plan: Plan) -> None:
    folder = write_study(tmp_path, plan)
    write_run(tmp_path, plan, plan.runs[0], counts)
    write_other(tmp_path, plan, 0, precision="bfloat16")  # of a study about precision, say
    assert load_study(folder).copies == []


def test_runs_of_other_settings_are_no_ones_twins(tmp_path: Path, plan: Plan) -> None:
    folder = write_study(tmp_path, plan)
    write_other(tmp_path, plan, 0, precision="bfloat16", latent_dim=8)
    assert load_study(folder).copies == []


def test_a_record_of_an_older_schema_is_named(tmp_path: Path, plan: Plan) -> None:
    folder = write_study(tmp_path, plan)
    made = write_run(tmp_path, plan, plan.runs[0], counts)
    made.rename(made.with_name("0123456789abcdef"))  # a key of schema 1
    found = [run for run in load_study(folder).copies if run.status == "not counted"]
    assert [run.message for run in found] == [
        "run 0123456789abcdef has an older schema, so it is not counted; run the study again"
    ]
    assert NUMERICS


def test_a_record_of_an_older_schema_cannot_count_with_its_machine_settings_either(tmp_path: Path, plan: Plan) -> None:
    folder = write_study(tmp_path, plan)
    made = tmp_path / "runs" / write_other(tmp_path, plan, 0, precision="bfloat16")
    made.rename(made.with_name("0123456789abcdef"))  # a key of schema 1
    (message,) = [run.message for run in load_study(folder).copies if run.status == "not counted"]
    assert message == "run 0123456789abcdef has an older schema, so it is not counted; run the study again"


def test_two_machines_that_share_the_work_of_a_study_have_keys_that_meet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One with fast bfloat16 does seed 0, one without does seed 1; their stores are put together.
    plans = []
    for seed, fast in enumerate((True, False)):
        for module in ("leo_bench.config", "leo_bench.config.processor"):
            monkeypatch.setattr(f"{module}.bfloat16_is_fast", lambda *_, fast=fast: fast)
        plan = make_plan({"base": {}, "q10": {"n_query": 10}}, [0, 1])
        for run in plan.runs:
            if run.seed == seed:
                write_run(tmp_path / str(seed), plan, run, lambda *_: counts() * 2 // 3)  # of 5 * 10 queries
        plans.append(plan)
    for plan, other in zip(plans, ("1", "0"), strict=True):  # each takes what the other has made
        together = tmp_path / f"with-{other}"
        for store in ("0", "1"):
            shutil.copytree(tmp_path / store, together, dirs_exist_ok=True)
        view = load_study(write_study(together, plan))
        assert [run.status for run in view.runs] == ["done"] * 4
        assert view.copies == []
