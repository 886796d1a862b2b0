"""What counts as done, and how broken records are named."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from results_fixture import NUMERICS, make_plan, write_run, write_study

from leo_bench.errors import LeoBenchError
from leo_bench.records import (
    SCORE_COLUMNS,
    AttemptStatus,
    CurvePoint,
    Plan,
    RunState,
    attempts_of,
    load_study,
    read_record,
    run_state,
    write_atomic,
    write_record,
    write_tables,
)
from leo_bench.running.publish import publish, take_published

EXPECTED_COLUMNS = (
    "study run_key learner variant seed dataset class_split train_classes split episode_mode image_size n_way k_shot "
    "n_query train_n_way n_train_episodes n_train_images n_test_episodes batch_norm precision accuracy accuracy_ci95 "
    "accuracy_before train_seconds adapt_ms peak_memory_mb n_parameters n_generated device numerics commit status"
).split()


def counts(*_: object) -> np.ndarray:
    """A dozen episodes, six scored steps, between 30 and 75 correct answers."""
    return np.arange(30, 30 + 72).reshape(12, 6) % 46 + 30


@pytest.fixture
def plan() -> Plan:
    return make_plan({"leo": {}, "none": {"relation": "none"}}, [0, 1])


def done(results: Path, plan: Plan, number: int = 0) -> RunState:
    write_run(results, plan, plan.runs[number], counts)
    return run_state(plan.runs[number], results / "runs" / plan.runs[number].run_key, NUMERICS)


def test_a_whole_result_is_done(tmp_path: Path, plan: Plan) -> None:
    state = done(tmp_path, plan)
    assert state.status == "done"
    assert state.result is not None
    np.testing.assert_array_equal(state.correct(state.result.headline), counts())


@pytest.mark.parametrize(
    "damage",
    [
        "truncated",
        "nan",
        "schema",
        "foreign",
        "unknown field",
        "no tests",
        "no settings",
        "no counts",
        "empty counts",
        "flipped counts",
        "other counts",
    ],
)
def test_broken_results_are_named_not_raised(tmp_path: Path, plan: Plan, damage: str) -> None:
    folder = done(tmp_path, plan).folder
    path = folder / "result.json"
    raw = json.loads(path.read_text())
    if damage == "truncated":
        path.write_text(path.read_text()[:200])
    elif damage == "nan":
        raw["tests"][0]["accuracy"] = math.nan
        path.write_text(json.dumps(raw))
    elif damage == "schema":
        path.write_text(json.dumps({**raw, "schema_version": 99}))
    elif damage == "foreign":
        path.write_text(json.dumps({**raw, "run_key": "somebody else's"}))
    elif damage == "unknown field":
        path.write_text(json.dumps({**raw, "accuracy": 1.0}))
    elif damage == "no tests":
        path.write_text(json.dumps({**raw, "tests": []}))
    elif damage == "no settings":
        path.write_text(json.dumps({**raw, "settings": {}}))
    elif damage == "empty counts":
        (folder / "episodes.npz").write_bytes(b"")
    elif damage == "flipped counts":
        data = bytearray((folder / "episodes.npz").read_bytes())
        data[60:90] = bytes(255 - byte for byte in data[60:90])
        (folder / "episodes.npz").write_bytes(bytes(data))
    elif damage == "no counts":
        (folder / "episodes.npz").write_bytes(b"PK")
    else:
        with np.load(folder / "episodes.npz") as arrays:
            np.savez_compressed(folder / "episodes.npz", **{name: arrays[name] - 1 for name in arrays.files})
    state = run_state(plan.runs[0], folder, NUMERICS)
    assert state.status == "corrupt"
    assert str(folder) in state.message
    assert "\n" not in state.message


def test_other_numerics_make_a_run_stale(tmp_path: Path, plan: Plan) -> None:
    folder = done(tmp_path, plan).folder
    assert run_state(plan.runs[0], folder, "another").status == "stale"
    assert run_state(plan.runs[0], folder, "another", accept_stale=True).status == "done"


def test_records_cannot_hold_nan() -> None:
    with pytest.raises(ValidationError):
        CurvePoint(episode=1, train_loss=math.nan, train_accuracy=0.5, gradient_norm=1.0)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("leo_bench.records.files.os.fsync", full)
    with pytest.raises(LeoBenchError, match="No space left on device; free some disk space"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_runs_csv_has_the_columns_and_one_row_per_done_run(tmp_path: Path, plan: Plan) -> None:
    folder = write_study(tmp_path, plan)
    for number in (0, 1, 3):
        done(tmp_path, plan, number)
    view = load_study(folder)
    write_tables(view)
    assert set(EXPECTED_COLUMNS) <= set(SCORE_COLUMNS)
    rows = (folder / "runs.csv").read_text().splitlines()
    assert set(EXPECTED_COLUMNS) <= set(rows[0].split(","))
    assert len(rows) == 1 + 3
    frame = view.headlines()
    assert list(frame["variant"]) == ["leo", "none", "none"]
    assert frame["accuracy"].between(0, 1).all()
    assert (view.scores().groupby("run_key").size() == 4).all()  # 5- and 20-way, mixed and within alphabet


def test_an_attempt_that_says_done_without_a_result_is_not_done(tmp_path: Path, plan: Plan) -> None:
    folder = tmp_path / "runs" / plan.runs[0].run_key
    write_record(folder / "attempt-1" / "status.json", AttemptStatus(status="done", started="then"))
    assert run_state(plan.runs[0], folder, NUMERICS).status == "interrupted"


def test_publishing_wants_all_runs_unless_partial_and_can_be_repeated(tmp_path: Path, plan: Plan) -> None:
    folder = write_study(tmp_path, plan)
    with pytest.raises(LeoBenchError, match="no done run"):
        publish(tmp_path, "ablations", "cpu", partial=True)
    done(tmp_path, plan, 0)
    with pytest.raises(LeoBenchError, match=r"3 of 4 runs are not done \(first: none seed 0, missing\)"):
        publish(tmp_path, "ablations", "cpu", partial=False)
    target = publish(tmp_path, "ablations", "cpu", partial=True)
    assert [run.status for run in load_study(target).runs] == ["done", "missing", "missing", "missing"]
    for number in (1, 2, 3):
        done(tmp_path, plan, number)
    assert publish(tmp_path, "ablations", "cpu", partial=False) == target
    assert len(load_study(target).done) == 4
    assert sorted(path.name for path in (target / "runs").iterdir()) == sorted(run.run_key for run in plan.runs)
    assert read_record(folder / "study.json", Plan) == plan


def test_published_counts_are_the_same_in_a_smaller_archive(tmp_path: Path, plan: Plan) -> None:
    write_study(tmp_path, plan)
    for run in plan.runs:
        write_run(tmp_path, plan, run, lambda *_: np.arange(12 * 6).reshape(12, 6) % 75)
    target = publish(tmp_path, plan.study, plan.profile, partial=False)
    for run in plan.runs:
        old, new = (folder / "runs" / run.run_key / "episodes.npz" for folder in (tmp_path, target))
        with np.load(old) as a, np.load(new) as b:
            assert a.files == b.files
            assert all(np.array_equal(a[name], b[name]) and a[name].dtype == b[name].dtype for name in a.files)
    assert publish(tmp_path, plan.study, plan.profile, partial=False) == target  # and the same bytes each time


def test_publishing_does_not_mix_numerics(tmp_path: Path, plan: Plan) -> None:
    write_study(tmp_path, plan.model_copy(update={"accept_stale": True}))
    for number in range(4):
        write_run(tmp_path, plan, plan.runs[number], counts, numerics=NUMERICS if number else "another")
    with pytest.raises(LeoBenchError, match="2 numerics digests"):
        publish(tmp_path, "ablations", "cpu", partial=False)


def test_published_runs_count_as_done_elsewhere_when_the_source_is_the_same(tmp_path: Path, plan: Plan) -> None:
    write_study(tmp_path, plan)
    for number in range(3):
        done(tmp_path, plan, number)
    publish(tmp_path, "ablations", "cpu", partial=True)
    (tmp_path / "runs").rename(tmp_path / "elsewhere")
    assert take_published(tmp_path, plan.model_copy(update={"numerics": "another"})) == 0
    assert take_published(tmp_path, plan) == 3
    assert take_published(tmp_path, plan) == 0
    states = [run_state(run, tmp_path / "runs" / run.run_key, NUMERICS).status for run in plan.runs]
    assert states == ["done", "done", "done", "missing"]


def test_publishing_a_part_study_keeps_what_was_published(tmp_path: Path, plan: Plan) -> None:
    write_study(tmp_path, plan)
    for number in range(4):
        done(tmp_path, plan, number)
    publish(tmp_path, "ablations", "cpu", partial=False)
    write_study(tmp_path, plan.model_copy(update={"runs": plan.runs[:1]}))
    target = publish(tmp_path, "ablations", "cpu", partial=False)
    assert len(load_study(target).done) == 4


def test_a_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LeoBenchError, match=r"cannot make the folder .*: Not a directory"):
        write_atomic(tmp_path / "file" / "sub" / "x", b"")


def test_stray_folders_are_not_attempts(tmp_path: Path, plan: Plan) -> None:
    folder = done(tmp_path, plan).folder
    (folder / "attempt-1.bak").mkdir()
    (folder / "attempt-2").mkdir()
    (folder / "attempt-10").mkdir()
    assert [path.name for path in attempts_of(folder)] == ["attempt-2", "attempt-10"]
    assert run_state(plan.runs[0], folder, NUMERICS).status == "done"


def test_a_record_has_a_line_for_each_field_and_each_object_of_a_list(tmp_path: Path, plan: Plan) -> None:
    write_record(tmp_path / "study.json", plan)
    lines = (tmp_path / "study.json").read_text().splitlines()
    assert [line for line in lines if line.startswith('"question"')] == [f'"question": "{plan.question}",']
    assert sum(line.startswith(' {"variant"') for line in lines) == len(plan.runs)
    assert read_record(tmp_path / "study.json", Plan) == plan
