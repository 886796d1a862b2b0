"""Rule for when a run is done, and messages for damaged records."""

import json
import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from results_fixture import NUMERICS, edit_record, make_plan, write_attempt, write_run, write_study
from search_fixture import make_search, make_trial, write_search

from leo_bench.errors import LeoBenchError
from leo_bench.records import (
    BY_CHARACTER,
    CHARACTERS,
    CORRECT,
    SCORE_COLUMNS,
    AdaptationRecord,
    AttemptStatus,
    CurvePoint,
    Plan,
    Record,
    RunState,
    arrays,
    attempts_of,
    load_study,
    read_record,
    read_settings,
    run_state,
    state,
    write_atomic,
    write_record,
    write_tables,
)
from leo_bench.records.files import read_json, write_fields
from leo_bench.records.search import Best, Choice, Trial, Trials, read_search
from leo_bench.running.count_looks import forget
from leo_bench.running.publish import publish
from leo_bench.running.take_published import take_published

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
    return run_state(plan.runs[number], results / "runs" / plan.runs[number].run_key)


def test_a_whole_result_is_done(tmp_path: Path, plan: Plan) -> None:
    state = done(tmp_path, plan)
    assert state.status == "done"
    assert state.result is not None
    np.testing.assert_array_equal(state.correct(state.headline), counts())


def test_a_plan_with_settings_that_are_refused_today_is_a_damaged_run_and_no_exception(
    tmp_path: Path, plan: Plan
) -> None:
    run = plan.runs[0].model_copy(update={"settings": {**plan.runs[0].settings, "inner_lr": -1.0}})
    done(tmp_path, plan)
    edit(tmp_path / "runs" / run.run_key / "result.json", settings=run.settings)
    state = run_state(run, tmp_path / "runs" / run.run_key)
    assert state.status == "corrupt"
    assert "inner_lr" in state.message


def edit(path: Path, **changes: object) -> None:
    """Change fields of a record, as if it had been written so."""
    edit_record(path, **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema_version": 99}, "schema version 99"),
        ({"run_key": "f" * 16}, "another run"),
        ({"run_key": "../somebody else's"}, "run_key: String should match pattern"),
        ({"settings": {}}, "another run"),
        ({"accuracy": 1.0}, "accuracy"),
        ({"train_seconds": math.nan}, "train_seconds"),
        ({"train_seconds": -100}, "train_seconds: Input should be greater than or equal to 0"),
        ({"peak_memory_mb": -1}, "peak_memory_mb"),
        ({"n_generated": -1}, "n_generated"),
        ({"n_parameters": 7}, "n_parameters is 7, but its parts sum up to "),
        ({"n_train_episodes": 7}, "n_train_episodes is 7, but its settings have 2000"),
        ({"validation": [{"episode": 1, "accuracy": 1.5, "accuracy_before": 0}]}, "validation.0.accuracy"),
        ({"validation": [{"episode": 1, "accuracy": 1, "accuracy_before": -0.5}]}, "validation.0.accuracy_before"),
        ({"validation": [{"episode": -1, "accuracy": 1, "accuracy_before": 0}]}, "validation.0.episode"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_training_that_cannot_be_believed_is_named_not_raised(
    tmp_path: Path, plan: Plan, changes: dict[str, object], words: str
) -> None:
    folder = done(tmp_path, plan).folder
    edit(folder / "result.json", **changes)
    state = run_state(plan.runs[0], folder)
    assert state.status == "corrupt"
    assert str(folder / "result.json") in state.message
    assert words in state.message
    assert "\n" not in state.message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema_version": 99}, "schema version 99"),
        ({"test_key": "0" * 16}, "another test"),
        ({"n_way": 7}, "another test"),
        ({"accuracy": 0.5}, "accuracy is 0.500000, but its counts give"),
        ({"accuracy_before": 0.5}, "accuracy_before is 0.5"),
        ({"accuracy_ci95": 0.5}, "accuracy_ci95 is 0.5"),
        ({"accuracy_by_step": [0.5] * 6}, "accuracy_by_step[0] is 0.5"),
        ({"accuracy_by_step": []}, "accuracy_by_step: there are 0 accuracies, but 6 scored steps"),
        ({"steps": []}, "steps: List should have at least 1 item"),
        ({"steps": [0, 1]}, "accuracy_by_step: there are 6 accuracies, but 2 scored steps"),
        ({"steps": [0, 1], "accuracy_by_step": [0.5, 0.5]}, "counts of shape (12, 6)"),
        ({"accuracy": math.nan}, "accuracy"),
        ({"better": 1}, "better"),
        ({"eval_seconds": -1}, "eval_seconds"),
        ({"adapt_ms": -1}, "adapt_ms"),
        ({"accuracy_by_step": [0.5, 1.5]}, "accuracy_by_step.1: Input should be less than or equal to 1"),
        ({"n_query": 0}, "n_query"),
        ({"adaptation": {"queries_changed": 2}}, "adaptation.queries_changed: Input should be less than or equal to 1"),
        (
            {"adaptation": {"queries_changed": 0.5, "episodes_changed": 1, "corrected": 0.4, "spoiled": 0}},
            "adaptation: corrected - spoiled is 0.400000, but the accuracy changes by ",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_test_that_cannot_be_believed_is_named_not_raised(
    tmp_path: Path, plan: Plan, changes: dict[str, object], words: str
) -> None:
    state = done(tmp_path, plan)
    path = state.folder / "tests" / state.tests[1].test_key / "result.json"
    edit(path, **changes)
    state = run_state(plan.runs[0], state.folder)
    assert state.status == "corrupt"
    assert str(path) in state.message
    assert words in state.message
    assert "\n" not in state.message


@pytest.mark.parametrize(
    ("record", "changes"),
    [
        ("result.json", {"train_seconds": 3.5}),
        ("result.json", {"commit": "of another source"}),
        ("result.json", {"warnings": ["none"]}),
        ("tests/*/result.json", {"eval_seconds": 0.5}),
        ("tests/*/result.json", {"started": "2020-01-01T00:00:00+00:00"}),
        ("tests/*/result.json", {"host": {"processor": "A faster CPU"}}),
    ],
)
def test_a_number_that_nothing_else_decides_is_protected_by_the_digest_of_the_record(
    tmp_path: Path, plan: Plan, record: str, changes: dict[str, object]
) -> None:
    state = done(tmp_path, plan)
    path = sorted(state.folder.glob(record))[0]
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    found = run_state(plan.runs[0], state.folder)
    assert found.status == "corrupt"
    assert f"{path} was changed after it was written" in found.message


def test_the_digest_of_a_record_does_not_depend_on_its_layout(tmp_path: Path, plan: Plan) -> None:
    state = done(tmp_path, plan)
    for path in state.folder.rglob("result.json"):
        values = json.loads(path.read_text())
        path.write_text(json.dumps(dict(reversed(values.items())), indent=3))
    assert run_state(plan.runs[0], state.folder).status == "done"


def test_a_record_from_before_records_had_a_digest_counts(tmp_path: Path, plan: Plan) -> None:
    state = done(tmp_path, plan)
    for path in state.folder.rglob("result.json"):
        values = json.loads(path.read_text())
        assert len(values.pop("digest")) == 64
        path.write_text(json.dumps(values))
    assert run_state(plan.runs[0], state.folder).status == "done"


@pytest.mark.parametrize(
    ("name", "kind", "change"),
    [
        ("trials.json", Trials, lambda values: values["trials"][0].update(values=[0.99])),
        ("best.json", Best, lambda values: values["choices"][0].update(number=1)),
    ],
)
def test_numbers_of_a_search_that_are_changed_by_hand_are_seen(
    tmp_path: Path, name: str, kind: type[Record], change: Callable[[Any], None]
) -> None:
    trials = [Trial(number=number, state="complete", parameters={"latent_dim": 8}, values=[0.5]) for number in range(2)]
    choice = Choice(variant="best", number=0, parameters={"latent_dim": 8}, values=[0.5])
    records = {
        "trials.json": Trials(sittings=[], trials=trials),
        "best.json": Best(study="s_best-cpu", choices=[choice]),
    }
    path = tmp_path / name
    write_record(path, records[name])
    assert read_record(path, kind) == records[name]
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))
    with pytest.raises(LeoBenchError, match="was changed after it was written"):
        read_record(path, kind)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"n": ' + "9" * 5000 + "}", '{"schema_version": 1}', "[]", "null", '"text"', "\ufeff{}"]
)
@pytest.mark.parametrize("kind", [Plan, AttemptStatus, Trials])
def test_a_file_that_is_no_record_is_one_line(tmp_path: Path, text: str, kind: type[Record]) -> None:
    path = tmp_path / "study.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LeoBenchError) as raised:
        read_record(path, kind)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_a_result_that_says_schema_1_and_is_none_is_corrupt(tmp_path: Path, plan: Plan) -> None:
    state = done(tmp_path, plan)
    (state.folder / "result.json").write_text('{"schema_version": 1, "tests": 3}')
    found = run_state(plan.runs[0], state.folder)
    assert found.status == "corrupt" and "\n" not in found.message


@pytest.mark.parametrize("damage", ["truncated", "missing", "no counts", "empty", "flipped", "other"])
def test_damaged_counts_are_named_not_raised(tmp_path: Path, plan: Plan, damage: str) -> None:
    state = done(tmp_path, plan)
    path = state.folder / "tests" / state.headline.test_key / "episodes.npz"
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:200])
    elif damage == "missing":
        path.unlink()
    elif damage == "no counts":
        path.write_bytes(b"PK")
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "flipped":
        data = bytearray(path.read_bytes())
        data[60:90] = bytes(255 - byte for byte in data[60:90])
        path.write_bytes(bytes(data))
    else:
        with np.load(path) as arrays:
            np.savez_compressed(path, **{name: arrays[name] - 1 for name in arrays.files})
    state = run_state(plan.runs[0], state.folder)
    assert state.status == "corrupt"
    assert str(state.folder) in state.message
    assert "\n" not in state.message


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        (CORRECT, lambda counts: counts.astype(str), "counts are not whole numbers from 0 to 75"),
        (CORRECT, lambda counts: np.where(counts >= 0, math.nan, counts), "counts are not whole numbers from 0 to 75"),
        (CORRECT, lambda counts: np.stack([counts[:, 0] - 80, *counts.T[1:]], 1), "counts are not whole numbers"),
        (CORRECT, lambda counts: np.stack([counts[:, 0] + 76, *counts.T[1:]], 1), "counts are not whole numbers"),
        (CORRECT, lambda counts: np.zeros(3, [(f"field{i}", "u1") for i in range(2000)]), "ValueError: Header info"),
        (BY_CHARACTER, lambda counts: counts.astype(str), "counts by character of type <U"),
        (BY_CHARACTER, lambda counts: counts * 1.0, "counts by character of type float64"),
        (BY_CHARACTER, lambda counts: counts[:1], "counts by character of shape (1, 2) do not fit 2 names"),
        (BY_CHARACTER, lambda counts: counts[:, ::-1], "counts by character have "),
        (BY_CHARACTER, lambda counts: counts + np.array([[0, 1], [0, -1]]), "counts by character have "),
        (CHARACTERS, lambda names: names.astype(str), "names of type <U"),
        (CHARACTERS, lambda names: names[:, None], "2 dimensions"),
        (CHARACTERS, lambda names: np.array([b"Greek", b"Latin"]), "do not fit 2 names Alphabet/character"),
        (CHARACTERS, None, "counts by character without the names of the characters"),
    ],
)  # fmt: skip
def test_arrays_that_cannot_be_counts_are_named_not_raised(
    tmp_path: Path, plan: Plan, name: str, change: Callable[[np.ndarray], np.ndarray] | None, words: str
) -> None:
    def characters(_variant: str, _seed: int, correct: np.ndarray, queries: int) -> dict[str, tuple[int, int]]:
        asked, right = queries * len(correct), int(correct[:, -1].sum())
        return {"Greek/character01": (right - 1, right - 1), "Latin/character01": (asked - right + 1, 1)}

    folder = write_run(tmp_path, plan, plan.runs[0], lambda *_: counts(), characters)
    good = run_state(plan.runs[0], folder)
    assert good.status == "done"
    path = folder / "tests" / good.headline.test_key / "episodes.npz"
    with np.load(path) as arrays:
        kept = dict(arrays)
    array = kept.pop(name)
    if change is not None:
        kept[name] = change(array if name == CHARACTERS else array.astype(np.int64))
    np.savez(path, **kept)
    state = run_state(plan.runs[0], folder)
    assert state.status == "corrupt"
    assert words in state.message and str(folder) in state.message and "\n" not in state.message


def test_missing_counts_are_named_by_the_file_that_should_hold_them(tmp_path: Path, plan: Plan) -> None:
    state = done(tmp_path, plan)
    path = state.folder / "tests" / state.headline.test_key / "episodes.npz"
    path.unlink()
    assert run_state(plan.runs[0], state.folder).message.startswith(f"{path} is missing or damaged")


def test_a_truncated_record_is_named(tmp_path: Path, plan: Plan) -> None:
    folder = done(tmp_path, plan).folder
    (folder / "result.json").write_text((folder / "result.json").read_text()[:200])
    assert "truncated or not JSON" in run_state(plan.runs[0], folder).message


def test_a_test_of_other_weights_has_not_been_scored(tmp_path: Path, plan: Plan) -> None:
    state = done(tmp_path, plan)
    edit(state.folder / "tests" / state.tests[3].test_key / "result.json", weights_digest="of another training")
    found = run_state(plan.runs[0], state.folder)
    assert found.status == "missing"
    assert found.message.startswith("trained; 1 of 4 tests are not scored, first: 20-way 1-shot within alphabet")


def test_other_numerics_make_a_run_stale(tmp_path: Path, plan: Plan) -> None:
    folder = done(tmp_path, plan).folder
    newer = plan.runs[0].model_copy(update={"numerics": "another"})
    assert run_state(newer, folder).status == "stale"
    assert run_state(newer, folder, accept_stale=True).status == "done"


def test_a_setting_that_came_after_a_record_was_written_does_not_matter_at_its_default(
    tmp_path: Path, plan: Plan
) -> None:
    folder = done(tmp_path, plan).folder
    settings = json.loads((folder / "result.json").read_text())["settings"]
    edit(folder / "result.json", settings={name: value for name, value in settings.items() if name != "padding"})
    assert run_state(plan.runs[0], folder).status == "done"


def test_records_cannot_hold_nan() -> None:
    with pytest.raises(ValidationError):
        CurvePoint(episode=1, train_loss=math.nan, train_accuracy=0.5, gradient_norm=1.0)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("leo_bench.records.files.os.fsync", full)
    with pytest.raises(LeoBenchError, match="No space left on device; free disk space"):
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


def test_scores_csv_has_the_effect_of_adaptation_besides(tmp_path: Path, plan: Plan) -> None:
    folder = write_study(tmp_path, plan)
    state = done(tmp_path, plan)
    test = state.tests[1]
    effect = {"queries_changed": 0.5, "episodes_changed": 1.0, "loss_before": 0.25, "loss_after": None}
    gain = test.accuracy - test.accuracy_before
    effect |= {"corrected": 0.2 + max(gain, 0), "spoiled": 0.2 + max(-gain, 0)}
    edit(state.folder / "tests" / test.test_key / "result.json", adaptation=effect)
    view = load_study(folder)
    write_tables(view)
    scores = pd.read_csv(folder / "scores.csv").set_index("test_key")
    row, others = scores.loc[test.test_key], scores.drop(test.test_key)
    expected = [math.nan if value is None else value for value in effect.values()]
    assert row[list(effect)].astype(float).tolist() == pytest.approx(expected, nan_ok=True)
    assert others[list(AdaptationRecord.model_fields)].isna().all(axis=None)
    runs = pd.read_csv(folder / "runs.csv").columns
    assert set(scores.reset_index().columns) == set(SCORE_COLUMNS)
    assert set(SCORE_COLUMNS) - set(runs) == set(AdaptationRecord.model_fields)


def test_a_method_without_an_inner_loop_has_none_in_scores(tmp_path: Path) -> None:
    variants = {"leo": {}, "protonet": {"learner": "protonet"}, "maml": {"learner": "maml"}}
    plan = make_plan(variants, [0])
    for run in plan.runs:
        steps = [0] if run.variant == "protonet" else list(range(6))
        write_run(tmp_path, plan, run, lambda *_, steps=steps: counts()[:, steps], steps=steps)
    scores = load_study(write_study(tmp_path, plan)).scores().groupby("variant").first()
    loop = scores[["inner_steps", "inner_lr", "inner_temperature"]]
    assert loop.loc["leo"].tolist() == [5, 0.01, 1.0]
    assert loop.loc["maml"].tolist()[:2] == [5, 0.01] and loop.loc["maml"].isna().tolist() == [False, False, True]
    assert loop.loc["protonet"].isna().all()


def test_a_record_from_before_a_setting_of_the_loop_has_its_default_in_scores(tmp_path: Path, plan: Plan) -> None:
    folder = write_study(tmp_path, plan)
    state = done(tmp_path, plan)
    assert state.result is not None
    older = {name: value for name, value in state.result.settings.items() if name != "inner_temperature"}
    edit(state.folder / "result.json", settings=older)
    row = load_study(folder).headlines().iloc[0]
    assert (row["inner_temperature"], row["support_copies"], row["inner_steps"]) == (1.0, "none", 5)


def test_an_attempt_that_says_done_without_a_result_is_not_done(tmp_path: Path, plan: Plan) -> None:
    folder = tmp_path / "runs" / plan.runs[0].run_key
    write_record(folder / "attempt-1" / "status.json", AttemptStatus(status="done", started="then"))
    assert run_state(plan.runs[0], folder).status == "interrupted"


@pytest.mark.parametrize("message", ["", "no space is left"])
def test_a_trained_run_without_a_test_says_which_and_why(tmp_path: Path, plan: Plan, message: str) -> None:
    state = done(tmp_path, plan)
    shutil.rmtree(state.folder / "tests" / state.tests[1].test_key)
    if message:
        write_attempt(tmp_path, plan.runs[0], "failed", message)
    found = run_state(plan.runs[0], state.folder)
    words = f"trained; 1 of {len(state.tests)} tests are not scored, first: {state.tests[1].asked.name}"
    assert (found.status, found.message) == (("failed", f"{words}: {message}") if message else ("missing", words))
    assert found.result == state.result and found.tests == []


def test_a_test_that_is_written_while_the_run_is_read_is_not_a_damaged_one(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = done(tmp_path, plan).folder
    (test, *_) = sorted(folder.glob("tests/*"))
    test.rename(tmp_path / "later")
    read = state.read_json

    def read_json(path: Path) -> Any:
        content = read(path)
        if path == folder / "result.json" and not test.exists():
            (tmp_path / "later").rename(test)  # the run writes it after the reader has looked for it
        return content

    found = state.read_training(folder, plan.runs[0])
    monkeypatch.setattr(state, "read_training", lambda *_: found)
    monkeypatch.setattr(state, "read_json", read_json)
    assert run_state(plan.runs[0], folder).status in ("missing", "done")
    assert run_state(plan.runs[0], folder).status == "done"


def test_a_run_that_is_planned_twice_counts_once(tmp_path: Path, plan: Plan) -> None:
    first = done(tmp_path, plan)
    other = plan.runs[1].model_copy(update={"variant": "leo"})  # other settings under the same name and seed
    view = load_study(write_study(tmp_path, plan.model_copy(update={"runs": [plan.runs[0], other]})))
    assert [(run.status, run.folder) for run in view.runs] == [
        ("done", first.folder),
        ("duplicate", tmp_path / "runs" / other.run_key),
    ]
    assert view.runs[1].message == f"planned twice: run {plan.runs[0].run_key} is leo seed 0 already"
    assert len(view.headlines()) == 1


@pytest.mark.parametrize(
    ("last", "status", "words"),
    [
        ("failed", "failed", "of attempt 10"),
        ("pruned", "pruned", "of attempt 10"),
        ("done", "interrupted", "of attempt 10"),
        ("running", "interrupted", "attempt 10 ended without a message after 70 training episodes"),
        (None, "interrupted", "attempt 10 left no status: "),
    ],
)
def test_the_last_attempt_by_number_says_what_became_of_a_run(
    tmp_path: Path, plan: Plan, last: Any, status: str, words: str
) -> None:
    folder = tmp_path / "runs" / plan.runs[0].run_key
    for number, kind in ((10, last), (9, "failed"), (2, "pruned")):
        (folder / f"attempt-{number}").mkdir(parents=True)
        if kind is not None:
            record = AttemptStatus(status=kind, started="then", message=f"of attempt {number}", episode=70)
            write_record(folder / f"attempt-{number}" / "status.json", record)
    state = run_state(plan.runs[0], folder)
    assert (state.status, state.attempts) == (status, 3)
    assert state.message.startswith(words)


@pytest.mark.parametrize(("numerics", "diverged"), [(NUMERICS, True), (None, True), ("000000000000", None)])
def test_a_failure_counts_by_the_source_of_the_plan(
    tmp_path: Path, plan: Plan, numerics: str | None, diverged: bool | None
) -> None:
    run, message = plan.runs[0], "the training loss became nan by episode 400"
    folder = tmp_path / "runs" / run.run_key
    (folder / "attempt-1").mkdir(parents=True)
    record = AttemptStatus(status="failed", started="then", message=message, numerics=numerics)
    write_record(folder / "attempt-1" / "status.json", record)
    state = run_state(run, folder)
    by = "" if diverged else f"by source with numerics digest {numerics}, but the plan has {NUMERICS}: "
    assert (state.status, state.message, state.diverged) == ("failed", by + message, diverged)
    assert run_state(run, folder, accept_stale=True).diverged


def test_a_training_that_diverged_is_published_without_being_asked_for(tmp_path: Path, plan: Plan) -> None:
    write_study(tmp_path, plan)
    for number in range(3):
        done(tmp_path, plan, number)
    write_attempt(tmp_path, plan.runs[3], "failed", "the training loss became nan by episode 400")
    target = publish(tmp_path, "ablations", "cpu", partial=False)
    assert [run.status for run in load_study(target).runs] == ["done", "done", "done", "failed"]


def test_what_tests_share_is_read_once_and_again_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, reads = tmp_path / "shared.npz", []
    original = arrays._read
    monkeypatch.setattr(arrays, "_read", lambda *given: reads.append(1) or original(*given))
    for asked in ([1, 2], [3, 4, 5]):
        np.savez(path, asked=np.array(asked))
        found = [arrays._read_shared(path)["asked"] for _ in range(2)]
        assert [one.tolist() for one in found] == [asked, asked]
        with pytest.raises(ValueError, match="read-only"):
            found[0][0] = 9  # others have it too
    assert len(reads) == 2
    path.unlink()
    with pytest.raises(LeoBenchError, match="take the folder episodes/ along"):
        arrays._read_shared(path)


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
    runs = target.parent / "runs"
    assert sorted(path.name for path in runs.iterdir()) == sorted(run.run_key for run in plan.runs)
    assert read_record(folder / "study.json", Plan) == plan
    write_study(tmp_path, plan.model_copy(update={"whole": {run.variant: [0, 1, 7] for run in plan.runs}}))
    with pytest.raises(LeoBenchError, match=r"2 of 6 runs of the profile were not asked for \(first: leo seed 7\)"):
        publish(tmp_path, "ablations", "cpu", partial=False)


def test_a_run_that_failed_is_published_as_failed_until_it_is_done(tmp_path: Path, plan: Plan) -> None:
    write_study(tmp_path, plan)
    done(tmp_path, plan, 0)
    failed = plan.runs[2]
    write_attempt(tmp_path, failed, "failed", f"nan, see {tmp_path}/runs/log.txt", episode=4)
    target = publish(tmp_path, "ablations", "cpu", partial=True)
    shown = load_study(target).runs[2]
    assert (shown.status, shown.message, shown.attempts) == ("failed", "nan, see runs/log.txt", 1)
    other = plan.model_copy(update={"runs": plan.runs[:2]})
    write_study(tmp_path, other)
    done(tmp_path, plan, 1)
    publish(tmp_path, "ablations", "cpu", partial=True)
    (kept,) = [run for run in load_study(target).runs if run.planned.run_key == failed.run_key]
    assert kept.status == "failed", "it stays when another part of the study is published"
    write_study(tmp_path, plan)
    shutil.rmtree(tmp_path / "runs" / failed.run_key)
    done(tmp_path, plan, 2)
    publish(tmp_path, "ablations", "cpu", partial=True)
    (ended,) = [run for run in load_study(target).runs if run.planned.run_key == failed.run_key]
    assert ended.status == "done" and not attempts_of(ended.folder)


def test_published_counts_are_the_same_in_a_smaller_archive(tmp_path: Path, plan: Plan) -> None:
    write_study(tmp_path, plan)
    for run in plan.runs:
        write_run(tmp_path, plan, run, lambda *_: np.arange(12 * 6).reshape(12, 6) % 75)
    target = publish(tmp_path, plan.study, plan.profile, partial=False)
    for old in sorted((tmp_path / "runs").glob("*/tests/*/episodes.npz")):
        new = target.parent / old.relative_to(tmp_path)
        with np.load(old) as a, np.load(new) as b:
            assert a.files == ["correct"] and b.files == ["changes"]
            assert np.array_equal(a["correct"], b["changes"].cumsum(axis=1))
    assert publish(tmp_path, plan.study, plan.profile, partial=False) == target  # and the same bytes each time


def test_a_plan_and_published_settings_hold_what_differs_from_the_defaults_and_are_read_whole(
    tmp_path: Path, plan: Plan
) -> None:
    path = write_study(tmp_path, plan) / "study.json"
    given = {"decode": "class", "image_size": 28, "n_test_episodes": 12, "relation": "none", "seed": 1}
    assert json.loads(path.read_text())["runs"][3]["settings"] == given
    assert read_record(path, Plan) == plan
    for number in range(4):
        done(tmp_path, plan, number)
    publish(tmp_path, plan.study, plan.profile, partial=False)
    key = plan.runs[3].run_key
    published, here = tmp_path / "official" / "runs" / key, tmp_path / "runs" / key
    assert json.loads((published / "settings.json").read_text()) == given
    assert read_settings(published) == read_settings(here)


def test_publishing_does_not_mix_numerics(tmp_path: Path, plan: Plan) -> None:
    write_study(tmp_path, plan.model_copy(update={"accept_stale": True}))
    for number in range(4):
        write_run(tmp_path, plan, plan.runs[number], counts, numerics=NUMERICS if number else "another")
    with pytest.raises(LeoBenchError, match="2 numerics digests"):
        publish(tmp_path, "ablations", "cpu", partial=False)


def test_publishing_does_not_mix_numerics_of_a_training_and_its_tests(tmp_path: Path, plan: Plan) -> None:
    """A study that accepts stale trainings scores the tests that they lack by the source of today."""
    write_done(tmp_path, plan.model_copy(update={"accept_stale": True}))
    edit(next((tmp_path / "runs" / plan.runs[0].run_key / "tests").glob("*/result.json")), numerics="of today")
    assert len(load_study(tmp_path / "ablations-cpu").done) == 4
    with pytest.raises(LeoBenchError, match="2 numerics digests"):
        publish(tmp_path, "ablations", "cpu", partial=False)


def test_a_run_that_shares_its_training_is_not_dropped_unasked(tmp_path: Path) -> None:
    base = {"test_n_ways": []}
    plan = make_plan({"one": {}, "more": {"test_k_shots": [5]}}, [0], base=base)
    write_done(tmp_path, plan)
    publish(tmp_path, "ablations", "cpu", partial=False)
    shutil.rmtree(tmp_path / "runs")
    newer = plan.model_copy(update={"runs": [run.model_copy(update={"numerics": "of now"}) for run in plan.runs]})
    write_study(tmp_path, newer)
    write_run(tmp_path, newer, newer.runs[0], counts)  # the tests of the other variant are not scored yet
    with pytest.raises(LeoBenchError, match="has 2 done runs, but only 1 would remain"):
        publish(tmp_path, "ablations", "cpu", partial=True)


def test_a_call_that_was_stopped_counts_no_look(tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    write_done(tmp_path, plan)
    target = publish(tmp_path, "ablations", "cpu", partial=False)
    write_done(tmp_path, make_plan(VARIANTS, range(3)))

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("leo_bench.running.publish.copy_run", stop)
        publish(tmp_path, "ablations", "cpu", partial=False)
    assert load_study(publish(tmp_path, "ablations", "cpu", partial=False)).plan.n_looks == 2
    assert len(load_study(target).done) == 6


def test_published_runs_count_as_done_elsewhere_when_the_source_is_the_same(tmp_path: Path, plan: Plan) -> None:
    write_study(tmp_path, plan)
    for number in range(3):
        done(tmp_path, plan, number)
    publish(tmp_path, "ablations", "cpu", partial=True)
    (tmp_path / "runs").rename(tmp_path / "elsewhere")
    newer = [run.model_copy(update={"numerics": "another"}) for run in plan.runs]
    assert take_published(tmp_path, plan.model_copy(update={"runs": newer})) == 0
    assert take_published(tmp_path, plan) == 3
    assert take_published(tmp_path, plan) == 0
    states = [run_state(run, tmp_path / "runs" / run.run_key).status for run in plan.runs]
    assert states == ["done", "done", "done", "missing"]


def lose_test(folder: Path, number: int = -1) -> Path:
    """Remove one test of a run. Returns its folder."""
    test = sorted((folder / "tests").iterdir())[number]
    shutil.rmtree(test)
    return test


@pytest.mark.parametrize("same", [True, False])
def test_a_run_trained_here_takes_only_tests_of_the_same_weights(
    tmp_path: Path, plan: Plan, same: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    one = plan.model_copy(update={"runs": plan.runs[:1]})
    run = one.runs[0]
    write_done(tmp_path, one)
    publish(tmp_path, "ablations", "cpu", partial=False)
    folder = write_run(tmp_path, one, run, counts, **({} if same else {"weights_digest": "of here"}), commit="here")
    (folder / "checkpoint.safetensors").write_bytes(b"weights of here")
    lost = lose_test(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}
    assert take_published(tmp_path, one) == same
    assert {path: path.read_bytes() for path in before} == before
    assert lost.exists() == same
    assert run_state(run, folder).status == ("done" if same else "missing")
    assert ("trained here with other weights" in capsys.readouterr().out) != same


def test_one_damaged_test_is_replaced_by_the_published_one_and_the_training_here_stays(
    tmp_path: Path, plan: Plan
) -> None:
    one = plan.model_copy(update={"runs": plan.runs[:1]})
    write_done(tmp_path, one)
    publish(tmp_path, "ablations", "cpu", partial=False)
    folder = write_run(tmp_path, one, one.runs[0], counts, commit="here")
    (folder / "checkpoint.safetensors").write_bytes(b"weights of here")
    before = {name: (folder / name).read_bytes() for name in ("result.json", "checkpoint.safetensors")}
    wrong = sorted(folder.glob("tests/*/episodes.npz"))[-1]
    wrong.write_bytes(b"damaged")
    assert take_published(tmp_path, one) == 1
    assert run_state(one.runs[0], folder).status == "done"
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_a_checkpoint_of_a_training_that_did_not_end_is_not_left_beside_a_published_run(
    tmp_path: Path, plan: Plan
) -> None:
    one = plan.model_copy(update={"runs": plan.runs[:1]})
    write_done(tmp_path, one)
    publish(tmp_path, "ablations", "cpu", partial=False)
    folder = tmp_path / "runs" / one.runs[0].run_key
    shutil.rmtree(folder)
    write_attempt(tmp_path, one.runs[0], "failed", "the disk is full")
    (folder / "checkpoint.safetensors").touch()
    assert take_published(tmp_path, one) == 1
    assert not (folder / "checkpoint.safetensors").exists()
    assert run_state(one.runs[0], folder).status == "done"


def test_published_studies_share_their_runs_and_leave_none_that_nothing_names(tmp_path: Path, plan: Plan) -> None:
    other = plan.model_copy(update={"study": "other", "runs": plan.runs[:1]})
    for study in (plan, other):
        write_study(tmp_path, study)
    for number in range(4):
        done(tmp_path, plan, number)
    for name in ("ablations", "other"):
        publish(tmp_path, name, "cpu", partial=False)
    runs = tmp_path / "official" / "runs"
    assert len(list(runs.iterdir())) == 4
    assert len(load_study(tmp_path / "official" / "other-cpu").done) == 1
    (runs / ".DS_Store").write_text("of a file manager")
    (runs / "notes").mkdir()
    shutil.rmtree(tmp_path / "official" / "ablations-cpu")
    publish(tmp_path, "other", "cpu", partial=False)
    assert {path.name for path in runs.iterdir()} == {plan.runs[0].run_key, ".DS_Store", "notes"}


def test_publishing_a_part_study_keeps_what_was_published(tmp_path: Path, plan: Plan) -> None:
    write_study(tmp_path, plan)
    for number in range(4):
        done(tmp_path, plan, number)
    publish(tmp_path, "ablations", "cpu", partial=False)
    write_study(tmp_path, plan.model_copy(update={"runs": plan.runs[:1]}))
    target = publish(tmp_path, "ablations", "cpu", partial=False)
    assert len(load_study(target).done) == 4


def test_seeds_of_a_variant_that_were_published_with_other_settings_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, now = (make_plan({"leo": {}, "small": {"latent_dim": n}}, [seed]) for n, seed in ((32, 0), (16, 1)))
    write_done(tmp_path, before)
    publish(tmp_path, "ablations", "cpu", partial=False)
    write_done(tmp_path, now)
    target = publish(tmp_path, "ablations", "cpu", partial=False, replace=True)
    done = {
        (run.planned.variant, run.planned.seed, run.planned.settings["latent_dim"]) for run in load_study(target).done
    }
    assert done == {("leo", 0, 64), ("leo", 1, 64), ("small", 1, 16)}
    assert "dropped: small seed 0" in capsys.readouterr().out


VARIANTS = {"leo": {}, "none": {"relation": "none"}}
LEARNERS = {"leo": {}, "none": {"relation": "none"}, "pixels": {"learner": "pixels", "n_train_episodes": 0}}


def write_done(results: Path, plan: Plan) -> None:
    """Write a study whose runs are all done."""
    write_study(results, plan)
    for run in plan.runs:
        write_run(results, plan, run, lambda variant, *_: counts()[:, -1:] if variant == "pixels" else counts())


def test_publishing_a_part_study_again_changes_no_byte(tmp_path: Path) -> None:
    plan = make_plan({name: {"latent_dim": n} for name, n in zip("abcd", (64, 32, 16, 8), strict=True)}, [0, 1])
    write_done(tmp_path, plan)
    target = publish(tmp_path, "ablations", "cpu", partial=False)
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    own = [run for run in plan.runs if run.variant in "ac"]
    labels = {name: plan.labels[name] for name in "ac"}
    write_study(tmp_path, plan.model_copy(update={"runs": own, "labels": labels}))
    forget(publish(tmp_path, "ablations", "cpu", partial=True))
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before


def test_publishing_a_part_study_keeps_learners_that_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = make_plan(LEARNERS, [0, 1], numerics=None)  # each learner has the digest of its own source
    write_done(tmp_path, plan)
    publish(tmp_path, "ablations", "cpu", partial=False)
    write_study(tmp_path, plan.model_copy(update={"runs": [run for run in plan.runs if run.variant == "none"]}))
    target = publish(tmp_path, "ablations", "cpu", partial=True)
    assert len(load_study(target).done) == 6
    assert capsys.readouterr().out == ""


def test_publishing_names_each_run_that_it_drops(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = make_plan(LEARNERS, [0], numerics=None)
    old = [run.model_copy(update={"numerics": "of before"}) if run.variant == "pixels" else run for run in plan.runs]
    write_done(tmp_path, plan.model_copy(update={"runs": old}))
    publish(tmp_path, "ablations", "cpu", partial=False)
    new = make_plan({"leo": {}, "none": {"relation": "none"}}, [0, 1], numerics=None)
    write_done(tmp_path, new)
    target = publish(tmp_path, "ablations", "cpu", partial=False)
    assert {run.planned.variant for run in load_study(target).done} == {"leo", "none"}
    assert capsys.readouterr().out == f"dropped: pixels seed 0 ({old[2].run_key}): other source made it\n"
    assert not (target.parent / "runs" / old[2].run_key).exists()


def test_publishing_fewer_runs_than_before_needs_the_option(tmp_path: Path, plan: Plan) -> None:
    write_done(tmp_path, plan)
    target = publish(tmp_path, "ablations", "cpu", partial=False)
    shutil.rmtree(tmp_path / "runs")
    newer = [run.model_copy(update={"numerics": "of now"}) for run in plan.runs]
    write_done(tmp_path, plan.model_copy(update={"runs": newer[:1]}))
    for partial in (True, False):
        with pytest.raises(LeoBenchError, match=r"has 4 done runs, but only 1 would remain; .*--replace"):
            publish(tmp_path, "ablations", "cpu", partial)
    assert len(load_study(target).done) == 4
    publish(tmp_path, "ablations", "cpu", partial=True, replace=True)
    assert len(load_study(target).done) == 1
    write_done(tmp_path, plan.model_copy(update={"runs": newer}))
    publish(tmp_path, "ablations", "cpu", partial=False)
    assert len(load_study(target).done) == 4


def published_looks(results: Path) -> int:
    """Publish the study by itself, as the command does, and return its number of looks."""
    target = publish(results, "ablations", "cpu", partial=False)
    forget(target)
    return load_study(target).plan.n_looks


def test_each_publication_that_adds_seeds_to_what_was_judged_is_another_look(tmp_path: Path) -> None:
    def looks_after(variants: dict[str, dict[str, Any]], seeds: int) -> int:
        write_done(tmp_path, make_plan(variants, range(seeds)))
        return published_looks(tmp_path)

    looks = []
    for variants, seeds in (({"leo": {}}, 1), ({"leo": {}}, 2), ({"leo": {}}, 2), (VARIANTS, 2), (VARIANTS, 3)):
        looks.append(looks_after(variants, seeds))
    assert looks == [1, 1, 1, 1, 2]  # the second seed gives the first verdict, and a new variant judges no other anew
    other = {**VARIANTS, "none": {"relation": "none", "latent_dim": 32}}
    assert looks_after(other, 3) == 3  # with other settings
    edit_weights(tmp_path)
    assert published_looks(tmp_path) == 4  # trained anew


def edit_weights(results: Path) -> None:
    """Change the weights of a run and of its tests, as if it had been trained again elsewhere."""
    run = min((results / "runs").iterdir())
    for path in [run / "result.json", *run.glob("tests/*/result.json")]:
        edit(path, weights_digest="other weights")


def test_a_variant_that_left_the_study_stays_published_until_it_is_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_done(tmp_path, make_plan({"leo": {}, "none": {"relation": "none"}}, [0, 1]))
    publish(tmp_path, "ablations", "cpu", partial=False)
    renamed = make_plan({"leo": {}, "without": {"relation": "none"}}, [0, 1])
    write_done(tmp_path, renamed)
    target = publish(tmp_path, "ablations", "cpu", partial=False)
    assert {run.planned.variant for run in load_study(target).done} == {"leo", "none", "without"}
    write_done(tmp_path, renamed.model_copy(update={"runs": renamed.runs[:2]}))  # one seed of each
    publish(tmp_path, "ablations", "cpu", partial=True, replace=True)
    left = [(run.planned.variant, run.planned.seed) for run in load_study(target).done]
    assert sorted(left) == [("leo", 0), ("leo", 1), ("without", 0), ("without", 1)]
    out = capsys.readouterr().out
    assert out.count("the plan here lacks this variant") == 2 and "dropped: none seed 0" in out


def test_publishing_a_run_again_does_not_make_another_study_stale_unasked(tmp_path: Path, plan: Plan) -> None:
    other = plan.model_copy(update={"study": "other", "runs": plan.runs[:1]})
    write_done(tmp_path, plan)
    write_study(tmp_path, other)
    for name in ("ablations", "other"):
        publish(tmp_path, name, "cpu", partial=False)
    newer = [run.model_copy(update={"numerics": "of now"}) for run in plan.runs]
    write_done(tmp_path, plan.model_copy(update={"runs": newer}))
    with pytest.raises(LeoBenchError, match=rf"1 runs \(first: {plan.runs[0].run_key}\) are published for other-cpu"):
        publish(tmp_path, "ablations", "cpu", partial=False)
    official = tmp_path / "official"
    assert [len(load_study(official / name).done) for name in ("ablations-cpu", "other-cpu")] == [4, 1]
    publish(tmp_path, "ablations", "cpu", partial=False, replace=True)
    write_study(tmp_path, other.model_copy(update={"runs": newer[:1]}))
    publish(tmp_path, "other", "cpu", partial=False)  # the other study follows without the option
    assert [len(load_study(official / name).done) for name in ("ablations-cpu", "other-cpu")] == [4, 1]


def test_a_folder_without_a_study_is_named_with_the_nearest_study(tmp_path: Path, plan: Plan) -> None:
    write_study(tmp_path, plan)
    (tmp_path / "README.md").touch()
    for name, words in (
        ("ablation-cpu", "did you mean 'ablations-cpu'?"),
        ("zzz", "there are ablations-cpu;"),
        ("README.md", "README.md is a file: expected the folder of a study"),
    ):
        with pytest.raises(LeoBenchError, match=re.escape(words)):
            load_study(tmp_path / name)


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
    assert run_state(plan.runs[0], folder).status == "done"


def test_a_record_has_a_line_for_each_field_and_each_object_of_a_list(tmp_path: Path, plan: Plan) -> None:
    write_record(tmp_path / "study.json", plan)
    lines = (tmp_path / "study.json").read_text().splitlines()
    assert [line for line in lines if line.startswith('"question"')] == [f'"question": "{plan.question}",']
    assert sum(line.startswith(' {"variant"') for line in lines) == len(plan.runs)
    assert read_record(tmp_path / "study.json", Plan) == plan


def test_curves_are_tables_in_the_file_and_what_they_were_when_read(tmp_path: Path) -> None:
    path, curve = tmp_path / "result.json", [{"episode": 4, "loss": 0.1}, {"episode": 8, "loss": None}]
    others: dict[str, Any] = {
        "validation": [],
        "runs": curve,
        "switches": {"columns": ["a"], "rows": ["b"]},
        "whole": {"columns": [1], "rows": [2, 3]},
        "seeds": {"columns": [["a"]], "rows": [[1]]},
    }
    write_fields(path, {"curve": curve, **others})
    raw = json.loads(path.read_bytes())
    assert raw == {"curve": {"columns": ["episode", "loss"], "rows": [[4, 0.1], [8, None]]}, **others}
    assert " [4, 0.1],\n [8, null]\n" in path.read_text()
    assert read_json(path) == {"curve": curve, **others}


@pytest.mark.parametrize("curve", [[{"a": 1}, {"b": 2}], [{"a": 1, "b": 2}, {"b": 1, "a": 2}], [{"a": 1}, 2]])
def test_a_curve_of_other_objects_stays_a_list(tmp_path: Path, curve: list[Any]) -> None:
    write_fields(tmp_path / "result.json", {"curve": curve})
    assert (
        json.loads((tmp_path / "result.json").read_bytes()) == {"curve": curve} == read_json(tmp_path / "result.json")
    )


def test_variants_and_switches_can_have_any_names(tmp_path: Path) -> None:
    plan = make_plan({"columns": {}, "rows": {"latent_dim": 8}}, [0, 1])
    plan = plan.model_copy(update={"switches": {"columns": ["columns"], "rows": ["rows", "columns"]}})
    plan = plan.model_copy(update={"whole": {"columns": [0, 1], "rows": [0]}})
    write_record(tmp_path / "study.json", plan)
    assert read_record(tmp_path / "study.json", Plan) == plan


@pytest.mark.parametrize(
    "table",
    [
        '{"columns": ["episode", "loss"], "rows": [[1]]}',
        '{"columns": ["episode", "loss"], "rows": [[1, 2, 3]]}',
        '{"columns": ["episode", "loss"], "rows": ["ab"]}',
        '{"columns": ["episode", "loss"], "rows": [{"a": 1, "b": 2}]}',
        '{"columns": ["episode", "episode"], "rows": [[1, 2]]}',
        '{"columns": [["episode"]], "rows": [[1]]}',
        '{"columns": "a", "rows": [[1]]}',
        '{"columns": ["a"], "rows": null}',
    ],
)
def test_a_broken_table_is_named_not_raised(tmp_path: Path, table: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(f'{{"curve": {table}}}', encoding="utf-8")
    with pytest.raises(LeoBenchError, match=f"{path} is truncated or not JSON"):
        read_json(path)


@pytest.mark.parametrize(("train_n_way", "shown"), [(40, 40), (None, 5)])
def test_the_ways_of_training_are_shown_as_they_are(tmp_path: Path, train_n_way: int | None, shown: int) -> None:
    plan = make_plan({"a": {"train_n_way": train_n_way}}, [0])
    write_run(tmp_path, plan, plan.runs[0], counts)
    view = load_study(write_study(tmp_path, plan))
    assert view.headlines()["train_n_way"].tolist() == [shown]
    assert view.headlines()["n_way"].tolist() == [5]


@pytest.mark.parametrize("name", ["search.json", "trials.json"])
def test_a_damaged_record_of_a_search_says_how_to_mend_it(tmp_path: Path, name: str) -> None:
    folder = write_search(tmp_path, make_search(), [make_trial(0, [0.5])])
    (folder / name).write_text("{")
    with pytest.raises(LeoBenchError, match=rf"{name} is truncated .*; remove it and run the search again$"):
        read_search(folder)
