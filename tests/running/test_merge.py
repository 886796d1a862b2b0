"""Runs made elsewhere are taken into the store, verified, and never in place of a result that differs."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from results_fixture import edit_record, make_plan, write_run

from leo_bench.commands.cli import main
from leo_bench.errors import LeoBenchError
from leo_bench.records import (
    MEASURES,
    Measure,
    Measures,
    Plan,
    read_measures,
    read_record,
    run_state,
    write_record,
)
from leo_bench.records.schema import AttemptStatus, Result
from leo_bench.running import parcel as module
from leo_bench.running.attempts import counted_attempts
from leo_bench.running.merge import merge_run, run_folders
from leo_bench.running.numerics import measures_numerics
from leo_bench.running.parcel import Parcel, digest_of, pack, replace_folder, unpack


def counts(right: int) -> object:
    return lambda *_: np.full((12, 1), right)


def made(results: Path, plan: Plan, right: int = 40, **changes: object) -> Path:
    """Return the folder of the run of a plan with one run, with this many correct answers in each episode."""
    return write_run(results, plan, plan.runs[0], counts(right), **changes)  # type: ignore[arg-type]


@pytest.fixture
def plan() -> Plan:
    return make_plan({"pixels": {"learner": "pixels", "n_train_episodes": 0}}, [0], numerics=None)


def test_a_run_that_the_store_lacks_is_taken_whole(tmp_path: Path, plan: Plan) -> None:
    folder = made(tmp_path / "there", plan)
    write_record(folder / "attempt-1" / "status.json", AttemptStatus(status="done", started="then"))
    (folder / ".lock").touch()
    assert merge_run(folder, tmp_path / "here/runs").outcome == "taken"
    here = tmp_path / "here/runs" / folder.name
    assert run_state(plan.runs[0], here).status == "done"
    assert pack(here, [here]).files == pack(folder, [folder]).files
    assert merge_run(folder, tmp_path / "here/runs").outcome == "same"


def test_times_may_differ_but_numbers_may_not(tmp_path: Path, plan: Plan) -> None:
    here = made(tmp_path / "here", plan)
    other = made(tmp_path / "there", plan, train_seconds=9999.0, host={"processor": "another"})
    assert merge_run(other, here.parent).outcome == "same"
    before = pack(here, [here])
    shutil.rmtree(other)
    wrong = made(tmp_path / "there", plan, right=39)
    merged = merge_run(wrong, here.parent)
    assert merged.outcome == "differs"
    assert "accuracy" in merged.message
    assert pack(here, [here]) == before
    (kept,) = (tmp_path / "here/differing").iterdir()
    assert str(kept) in merged.message and kept.name.startswith(here.name)
    assert pack(kept, [kept]).files == pack(wrong, [wrong]).files
    assert merge_run(wrong, here.parent) == merged  # again, without another copy
    assert list((tmp_path / "here/differing").iterdir()) == [kept]


def test_answers_that_differ_without_changing_the_mean_are_seen(tmp_path: Path, plan: Plan) -> None:
    pattern = np.array([[40], [41]] * 6)
    here = write_run(tmp_path / "here", plan, plan.runs[0], lambda *_: pattern)
    other = write_run(tmp_path / "there", plan, plan.runs[0], lambda *_: pattern[::-1])
    merged = merge_run(other, here.parent)
    assert merged.outcome == "differs" and "answers differ" in merged.message


def test_tests_that_the_store_lacks_are_added_to_the_same_training(tmp_path: Path, plan: Plan) -> None:
    here, more = made(tmp_path / "here", plan), made(tmp_path / "there", plan)
    lost, *_ = sorted((here / "tests").iterdir())
    shutil.rmtree(lost)
    assert run_state(plan.runs[0], here).status != "done"
    assert merge_run(more, here.parent).outcome == "taken"
    assert run_state(plan.runs[0], here).status == "done"


@pytest.mark.parametrize("what", ["record", "counts", "name", "edited"])
def test_damaged_runs_are_named_and_left_out(tmp_path: Path, plan: Plan, what: str) -> None:
    folder = made(tmp_path / "there", plan)
    if what == "record":
        (folder / "result.json").write_bytes((folder / "result.json").read_bytes()[:100])
    elif what == "counts":
        next(folder.glob("tests/*/episodes.npz")).write_bytes(b"nothing")
    elif what == "name":
        folder = folder.rename(folder.with_name("0" * 16))
    else:
        text = (folder / "result.json").read_text()
        (folder / "result.json").write_text(text.replace('"n_generated": 325', '"n_generated": 326'))
    merged = merge_run(folder, tmp_path / "here/runs")
    assert merged.outcome == "damaged" and merged.message
    assert not (tmp_path / "here/runs").exists()


def test_a_run_of_other_source_never_replaces_one_of_this_source(tmp_path: Path, plan: Plan) -> None:
    here = made(tmp_path / "here", plan)
    older = made(tmp_path / "there", plan, numerics="of before")
    merged = merge_run(older, here.parent)
    assert merged.outcome == "differs" and "other source made it" in merged.message
    fresh = merge_run(here, older.parent)  # the other way round: the stale run is set aside
    assert fresh.outcome == "taken"
    assert read_record(older / "result.json", Result).numerics == plan.runs[0].numerics


def test_the_command_counts_and_fails_if_a_run_differs(
    tmp_path: Path, plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path / "one", plan)
    made(tmp_path / "two", plan, right=39)
    options = ["--results", str(tmp_path / "all")]
    assert main(["merge", str(tmp_path / "one"), *options]) == 0
    assert capsys.readouterr().out == "1 run: 1 taken\n"
    assert main(["merge", str(tmp_path / "one/runs"), *options]) == 0
    assert capsys.readouterr().out == "1 run: 1 there already\n"
    assert main(["merge", str(tmp_path / "two"), *options]) == 1
    told = capsys.readouterr()
    assert told.out == "1 run: 1 differ\n" and plan.runs[0].run_key in told.err
    assert main(["merge", str(tmp_path / "all"), *options]) == 2
    assert "itself" in capsys.readouterr().err
    assert main(["merge", str(tmp_path / "empty"), *options]) == 2
    assert "holds no runs" in capsys.readouterr().err


def test_a_run_folder_names_itself(tmp_path: Path, plan: Plan) -> None:
    folder = made(tmp_path, plan)
    assert run_folders(folder) == run_folders(tmp_path) == run_folders(tmp_path / "runs") == [folder]


def test_a_folder_that_is_not_there_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(LeoBenchError, match="holds no runs; name"):
        run_folders(tmp_path / "0123456789abcdef")


def test_a_parcel_is_checked_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x").write_bytes(b"1")
    parcel = pack(tmp_path, [tmp_path / "a"])
    for wrong in (Parcel({"a/x": b"2"}, parcel.digest), Parcel({}, parcel.digest)):
        with pytest.raises(LeoBenchError, match="damaged"):
            unpack(wrong, tmp_path / "b")
    outside = {"../x": b"1"}
    with pytest.raises(LeoBenchError, match="outside"):
        unpack(Parcel(outside, digest_of(outside)), tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_a_folder_is_made_equal_to_what_came_back_and_its_lock_stays(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for root, names in ((here, [".lock", "training.safetensors", "attempt-1/log.txt"]), (there, ["result.json"])):
        for name in names:
            (root / "runs/k" / name).parent.mkdir(parents=True, exist_ok=True)
            (root / "runs/k" / name).write_text(name)
    replace_folder(pack(there, [there / "runs/k"]), here, here / "runs/k")
    assert sorted(path.name for path in here.rglob("*") if path.is_file()) == [".lock", "result.json"]


def test_what_says_that_work_is_done_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["result.json", "tests/t/result.json", "tests/t/episodes.npz", "attempt-1/result.json", "settings.json"]
    for name in names:
        (tmp_path / "k" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "k" / name).write_text(name)
    written: list[str] = []
    monkeypatch.setattr(module, "write_atomic", lambda path, data: written.append(path.as_posix()))
    unpack(pack(tmp_path / "k", [tmp_path / "k"]), Path("to"))
    assert written[-2:] == ["to/tests/t/result.json", "to/result.json"] and len(written) == 5


def test_an_edited_copy_with_a_new_seal_still_differs(tmp_path: Path, plan: Plan) -> None:
    here, other = made(tmp_path / "here", plan), made(tmp_path / "there", plan)
    edit_record(other / "result.json", n_generated=1)
    assert merge_run(other, here.parent).outcome == "differs"


def measured(folder: Path, value: float, numerics: str = "of before", weights: str | None = None) -> Path:
    """Give a run measures, which another source made unless one is named. Returns its folder."""
    result = read_record(folder / "result.json", Result)
    record = Measures(
        run_key=result.run_key,
        weights_digest=weights or result.weights_digest,
        data_digest=result.data_digest,
        episodes_digest="e",
        numerics=numerics,
        n_way=5,
        k_shot=1,
        n_episodes=3,
        n_within_alphabet=1,
        commit="c",
        versions={},
        measures={"one": Measure(value=value, per_episode=[], unit="share", what="A share.")},
    )
    write_record(folder / MEASURES, record)
    return folder


def value_in(folder: Path) -> float:
    found = read_measures(folder, read_record(folder / "result.json", Result))
    assert found is not None
    return found.measures["one"].value


def test_measures_that_the_store_lacks_are_taken(tmp_path: Path, plan: Plan) -> None:
    here, other = made(tmp_path / "here", plan), measured(made(tmp_path / "there", plan), 1.0)
    assert merge_run(other, here.parent).outcome == "taken"
    assert value_in(here) == 1.0
    assert merge_run(other, here.parent).outcome == "same"
    measured(here, 2.0, weights="others")  # these say nothing about the run
    assert merge_run(other, here.parent).outcome == "taken" and value_in(here) == 1.0
    (here / MEASURES).write_text("{}")
    assert merge_run(other, here.parent).outcome == "taken" and value_in(here) == 1.0


def test_measures_of_other_weights_are_not_taken(tmp_path: Path, plan: Plan) -> None:
    here, other = made(tmp_path / "here", plan), measured(made(tmp_path / "there", plan), 1.0, weights="others")
    assert merge_run(other, here.parent).outcome == "same"
    assert not (here / MEASURES).exists()
    assert merge_run(other, tmp_path / "new/runs").outcome == "taken"
    assert not (tmp_path / "new/runs" / other.name / MEASURES).exists()


def test_measures_by_this_source_replace_older_ones_and_never_the_other_way_round(tmp_path: Path, plan: Plan) -> None:
    here, other = measured(made(tmp_path / "here", plan), 1.0), made(tmp_path / "there", plan)
    measured(other, 2.0, numerics="older still")
    assert merge_run(other, here.parent).outcome == "same" and value_in(here) == 1.0
    measured(other, 3.0, numerics=measures_numerics())
    assert merge_run(other, here.parent).outcome == "taken" and value_in(here) == 3.0


def test_measures_by_one_source_that_differ_are_named_and_kept_apart(tmp_path: Path, plan: Plan) -> None:
    here, other = measured(made(tmp_path / "here", plan), 1.0), measured(made(tmp_path / "there", plan), 1.5)
    merged = merge_run(other, here.parent)
    assert merged.outcome == "differs" and merged.message.startswith("measure one differs; it is kept in ")
    assert value_in(here) == 1.0


def test_measures_with_other_support_copies_are_no_contradiction(tmp_path: Path, plan: Plan) -> None:
    """Two studies may train one run and ask for other tests of it; the measures of the store stay."""
    here, other = measured(made(tmp_path / "here", plan), 1.0), measured(made(tmp_path / "there", plan), 1.5)
    copies = read_record(other / MEASURES, Measures).model_copy(update={"support_copies": "shifted"})
    write_record(other / MEASURES, copies)
    assert merge_run(other, here.parent).outcome == "same"
    assert value_in(here) == 1.0


def test_damaged_measures_are_named(tmp_path: Path, plan: Plan) -> None:
    other = measured(made(tmp_path / "there", plan), 1.0)
    (other / MEASURES).write_text("{}")
    merged = merge_run(other, tmp_path / "here/runs")
    assert merged.outcome == "damaged" and MEASURES in merged.message


@pytest.mark.parametrize("where", ["checkpoint.safetensors", "attempt-1/log.txt", "tests"])
def test_what_a_link_points_to_is_not_taken(tmp_path: Path, plan: Plan, where: str) -> None:
    folder = made(tmp_path / "there", plan)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/file").write_text("of somebody else")
    if where == "tests":
        (folder / "tests").rename(tmp_path / "tests")
    (folder / where).parent.mkdir(exist_ok=True)
    (folder / where).symlink_to(tmp_path / ("tests" if where == "tests" else "secret/file"))
    merged = merge_run(folder, tmp_path / "here/runs")
    assert merged.outcome == "damaged" and f"{folder / where} is a symbolic link" in merged.message
    assert not (tmp_path / "here").exists()
    with pytest.raises(LeoBenchError, match="is a symbolic link"):
        pack(tmp_path, [folder])


def test_a_store_that_lies_behind_a_link_is_packed(tmp_path: Path, plan: Plan) -> None:
    folder = made(tmp_path / "disk", plan)
    (tmp_path / "results").mkdir()
    (tmp_path / "results/runs").symlink_to(folder.parent)
    named = tmp_path / "results/runs" / folder.name
    assert f"runs/{folder.name}/result.json" in pack(tmp_path / "results", [named]).files


def test_a_taken_run_has_nothing_of_a_training_that_did_not_end(tmp_path: Path, plan: Plan) -> None:
    other = measured(made(tmp_path / "there", plan), 1.0)
    (other / "training.safetensors").write_bytes(b"left by mistake")
    here = tmp_path / "here/runs" / other.name
    (here / "attempt-1").mkdir(parents=True)
    for name in ("training.safetensors", "checkpoint.safetensors", "tests/old/episodes.npz"):
        (here / name).parent.mkdir(exist_ok=True, parents=True)
        (here / name).write_bytes(b"of a training that did not end")
    assert merge_run(other, here.parent).outcome == "taken"
    assert run_state(plan.runs[0], here).status == "done"
    assert {path.name for path in here.iterdir()} == {path.name for path in other.iterdir()} - {
        "training.safetensors"
    } | {"attempt-1", ".lock"}
    assert {path.name for path in (here / "tests").iterdir()} == {path.name for path in (other / "tests").iterdir()}
    assert (here / "attempt-1/tests/old/episodes.npz").exists()


def test_a_damaged_run_stays_where_it_is_until_another_one_is_there(tmp_path: Path, plan: Plan) -> None:
    here = made(tmp_path / "here", plan)
    (here / "result.json").write_text("{}")
    pruned = tmp_path / "there/runs" / here.name
    (pruned / "attempt-1").mkdir(parents=True)
    (pruned / "attempt-1/pruned.json").write_text("{}")
    (here / "attempt-1").mkdir()
    assert merge_run(pruned, here.parent).outcome == "same"
    assert (here / "result.json").read_text() == "{}"
    assert merge_run(made(tmp_path / "whole", plan), here.parent).outcome == "taken"
    assert run_state(plan.runs[0], here).status == "done"


@pytest.mark.parametrize("numerics", [None, "of before"])
def test_a_damaged_test_does_not_give_up_the_training_of_the_store(
    tmp_path: Path, plan: Plan, numerics: str | None
) -> None:
    """A run of this source stays, and takes the test from a run of the same training alone."""
    here = made(tmp_path / "here", plan)
    wrong, *_ = sorted((here / "tests").iterdir())
    (wrong / "episodes.npz").write_bytes(b"damaged")
    before = (here / "result.json").read_bytes()
    other = made(tmp_path / "there", plan, **({} if numerics is None else {"numerics": numerics}))
    merged = merge_run(other, here.parent)
    assert merged.outcome == ("taken" if numerics is None else "differs")
    assert (here / "result.json").read_bytes() == before
    assert run_state(plan.runs[0], here).status == ("done" if numerics is None else "corrupt")
    if numerics is None:
        assert (here / f"attempt-0/tests/{wrong.name}/episodes.npz").read_bytes() == b"damaged"  # set aside, not lost
        assert counted_attempts(here) == 0  # no attempt was made here, so none has failed


def test_settings_that_cannot_be_read_do_not_give_up_the_training_of_the_store(tmp_path: Path, plan: Plan) -> None:
    here = made(tmp_path / "here", plan)
    (here / "settings.json").write_text("{")
    other = made(tmp_path / "there", plan, right=30, numerics="of before")
    assert merge_run(other, here.parent).outcome == "differs"
    assert read_record(here / "result.json", Result).numerics == plan.runs[0].numerics
    assert merge_run(made(tmp_path / "same", plan), here.parent).outcome == "taken"
    assert (here / "settings.json").read_text() != "{"


def test_damaged_weights_are_replaced_and_the_training_stays(tmp_path: Path, plan: Plan) -> None:
    import torch

    from leo_bench.running.checkpoint import load_weights, save_weights, weights_digest

    weights = {"one": torch.ones(2)}
    digest = weights_digest(weights)
    here, other = (made(tmp_path / name, plan, weights_digest=digest) for name in ("here", "there"))
    save_weights(other, weights)
    (here / "checkpoint.safetensors").write_bytes(b"damaged")
    before = (here / "result.json").read_bytes()
    assert merge_run(other, here.parent).outcome == "taken"
    assert (here / "result.json").read_bytes() == before
    assert torch.equal(load_weights(here, digest)["one"], weights["one"])


def test_weights_that_the_store_lacks_are_taken(tmp_path: Path) -> None:
    """The records are there, the checkpoint is gone, as after cleaning up."""
    import torch

    from leo_bench.running.checkpoint import save_weights, weights_digest

    plan = make_plan({"pixels": {"learner": "pixels", "n_train_episodes": 0}}, [0], numerics=None)
    weights = {"one": torch.ones(2)}
    here, other = (made(tmp_path / name, plan, weights_digest=weights_digest(weights)) for name in ("here", "there"))
    save_weights(other, weights)
    assert merge_run(other, here.parent).outcome == "taken"
    assert (here / "checkpoint.safetensors").exists()
    assert merge_run(other, here.parent).outcome == "same"
