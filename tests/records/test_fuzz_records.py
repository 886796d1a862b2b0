"""Damaged record files: never a traceback, never believed, and the study says which run is not done."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzzing import EXAMPLES, damaged, damaged_bytes, fuzz
from results_fixture import make_plan, write_attempt, write_run, write_study
from search_fixture import make_search, make_trial, write_search

from leo_bench.errors import LeoBenchError
from leo_bench.records import StudyView, load_study, read_settings
from leo_bench.records.search import read_search, trial_runs
from leo_bench.records.test_files import OF_THE_RUN, OFTEN_NULL


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study of two runs, of which the first has an attempt and counts by character."""
    plan = make_plan({"a": {}, "b": {"latent_dim": 32}}, [0], base={"test_n_ways": [5]})

    def characters(_variant: str, _seed: int, correct: np.ndarray, queries: int) -> dict[str, tuple[int, int]]:
        return {"Greek/character01": (queries * len(correct), int(correct[:, -1].sum()))}

    for run in plan.runs:
        write_run(tmp_path, plan, run, lambda *_: np.full((12, 6), 5) + np.arange(12)[:, None], characters)
    write_attempt(tmp_path, plan.runs[0], "done")
    return write_study(tmp_path, plan)


def whole(view: StudyView) -> str:
    """All tables of a study, which need every record and every array."""
    arrays = [run.correct(test).tolist() for run in view.done for test in run.tests]
    names = [str(run.by_character(test)) for run in view.done for test in run.tests]
    return view.headlines().to_csv() + view.scores().to_csv() + json.dumps([arrays, names])


def files_of(folder: Path) -> dict[str, Path]:
    """Kind of file -> the one of the first run."""
    run = folder.parent / "runs" / load_study(folder).plan.runs[0].run_key
    (test, *_) = sorted(run.glob("tests/*"))
    return {
        "training": run / "result.json",
        "test": test / "result.json",
        "counts": test / "episodes.npz",
        "attempt": run / "attempt-1" / "status.json",
        "settings": run / "settings.json",
        "study": folder / "study.json",
    }


def test_a_good_study_is_done(folder: Path) -> None:
    assert [run.status for run in load_study(folder).runs] == ["done", "done"]
    assert all(path.is_file() for path in files_of(folder).values())


def judge(folder: Path, kind: str, same: bool, before: str) -> None:
    """Hold that the study can be read or is refused in one line, and that no damaged number of a run is used.

    same: the record has the content that was written, whatever its layout.
    """
    try:
        view = load_study(folder)
    except LeoBenchError as error:
        assert kind == "study" and "\n" not in str(error)
        return
    for run in [*view.runs, *view.copies]:
        assert "\n" not in run.message
    if kind in ("training", "test") and not same:
        assert view.runs[0].status != "done", view.runs[0]
    elif kind != "study" and view.runs[0].status == "done":
        assert whole(view) == before
    if kind != "study":
        assert view.runs[1].status == "done"  # the other run is not touched


def completed(values: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    """Return the record of a test as it is read: what it leaves out, as published tests do, is that of its run."""
    if values.keys() >= set(OF_THE_RUN):
        return values
    return {**dict.fromkeys(OFTEN_NULL), **{name: run[name] for name in OF_THE_RUN if name in run}, **values}


@EXAMPLES
@pytest.mark.parametrize("kind", ["training", "test", "attempt", "settings", "study"])
def test_a_record_with_other_values_is_seen(folder: Path, kind: str, n_examples: int) -> None:
    path, before = files_of(folder)[kind], whole(load_study(folder))
    good = json.loads(path.read_text())
    # the digest itself is left: a record without one counts as an old one
    fields = {name: value for name, value in good.items() if name != "digest"}
    digest = {name: value for name, value in good.items() if name == "digest"}
    run = json.loads(files_of(folder)["training"].read_text())

    @fuzz(n_examples // 2, damaged(fields))
    def holds(values: Any) -> None:
        path.write_text(json.dumps({**values, **digest}))
        read = completed(values, run) if kind == "test" else values
        judge(folder, kind, json.dumps(read, sort_keys=True) == json.dumps(fields, sort_keys=True), before)


@EXAMPLES
@pytest.mark.parametrize("kind", ["training", "test", "counts", "attempt", "settings", "study"])
def test_a_file_with_other_bytes_is_seen(folder: Path, kind: str, n_examples: int) -> None:
    path, before = files_of(folder)[kind], whole(load_study(folder))
    good = path.read_bytes()

    @fuzz(n_examples // 2, damaged_bytes(good))
    def holds(data: bytes) -> None:
        path.write_bytes(data)
        try:
            same = json.loads(data) == json.loads(good)
        except (ValueError, RecursionError):
            same = False
        judge(folder, kind, same, before)


@EXAMPLES
def test_settings_of_a_run_are_read_or_one_line(folder: Path, n_examples: int) -> None:
    path = files_of(folder)["settings"]

    @fuzz(n_examples, damaged_bytes(path.read_bytes()))
    def holds(data: bytes) -> None:
        path.write_bytes(data)
        try:
            read_settings(path.parent)
        except LeoBenchError as error:
            assert "\n" not in str(error)


@EXAMPLES
@pytest.mark.parametrize("name", ["search.json", "trials.json"])
def test_the_files_of_a_search_are_read_or_one_line(tmp_path: Path, name: str, n_examples: int) -> None:
    folder = write_search(tmp_path, make_search(), [make_trial(0, [0.5]), make_trial(1)])
    good = json.loads((folder / name).read_text())

    @fuzz(n_examples // 2, damaged(good))
    def holds(values: Any) -> None:
        (folder / name).write_text(json.dumps(values))
        try:
            trial_runs(folder, *read_search(folder))
        except LeoBenchError as error:
            assert "\n" not in str(error)
