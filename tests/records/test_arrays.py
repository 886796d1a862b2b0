"""Arrays of a test: what tests of the same episodes share is published once, and read as if each had its own."""

import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from results_fixture import edit_record, make_plan, write_run, write_study

from leo_bench.errors import LeoBenchError
from leo_bench.records import CORRECT, Plan, PlannedRun, RunState, load_study, run_state
from leo_bench.records.arrays import (
    ANSWERED,
    ARRAYS,
    ASKED,
    BY_CHARACTER,
    CHANGES,
    CHARACTERS,
    MISSED,
    read_arrays,
    write_published_arrays,
)
from leo_bench.running.merge import merge_run
from leo_bench.running.publish import publish
from leo_bench.running.take_published import take_published


def counts(_variant: str, seed: int, *_: object) -> np.ndarray:
    """A dozen episodes, scored once, with 40 or 50 correct answers each."""
    return np.full((12, 1), 40 + 10 * seed)


def characters(_variant: str, _seed: int, correct: np.ndarray, queries: int) -> dict[str, tuple[int, int]]:
    """Two characters, each asked for in half of the queries; 150 of the correct answers are to the second."""
    half, right = len(correct) * queries // 2, int(correct.sum())
    return {"Greek/character01": (half, right - 150), "Latin/character02": (half, 150)}


@pytest.fixture
def plan() -> Plan:
    return make_plan({"pixels": {"learner": "pixels", "n_train_episodes": 0}}, [0, 1], numerics=None)


@pytest.fixture
def folder(tmp_path: Path, plan: Plan) -> Path:
    """Results with two done runs, published."""
    write_study(tmp_path, plan)
    for run in plan.runs:
        write_run(tmp_path, plan, run, counts, characters)
    publish(tmp_path, plan.study, plan.profile, partial=False)
    return tmp_path


def arrays_of(state: RunState) -> list[dict[str, list[object]]]:
    assert state.status == "done", state.message
    return [{name: array.tolist() for name, array in read_arrays(state.folder, one).items()} for one in state.tests]


def states(store: Path, runs: list[PlannedRun]) -> list[RunState]:
    return [run_state(run, store / run.run_key) for run in runs]


def test_published_arrays_are_those_of_the_store_and_the_shared_ones_are_written_once(folder: Path, plan: Plan) -> None:
    own = states(folder / "runs", plan.runs)
    published = states(folder / "official/runs", plan.runs)
    assert [arrays_of(state) for state in published] == [arrays_of(state) for state in own]
    shared = sorted((folder / "official/episodes").iterdir())
    assert [path.stem for path in shared] == sorted({test.episodes_digest for state in own for test in state.tests})
    with np.load(shared[0]) as arrays:
        assert sorted(arrays) == [ASKED, CHARACTERS]
        assert arrays[CHARACTERS].tolist() == [b"Greek/character01", b"Latin/character02"]
    for path in (folder / "official/runs").glob("*/tests/*/episodes.npz"):
        with np.load(path) as arrays:
            assert sorted(arrays) == [CHANGES, MISSED]
    with np.load(published[0].folder / "tests" / published[0].headline.test_key / ARRAYS) as arrays:
        assert arrays[CHANGES].dtype == np.int8, "counts of 40"
    names, asked = published[0].by_character(published[0].headline) or ([], [])
    assert list(names) == [b"Greek/character01", b"Latin/character02"]
    assert np.array_equal(asked, [[450, 330], [450, 150]])


def test_published_arrays_are_small_numbers_that_add_up_to_those_of_the_store(folder: Path, plan: Plan) -> None:
    """Three episodes of 300 queries over four steps, worked by hand, and a character that is always missed."""
    state = states(folder / "official/runs", plan.runs)[0]
    correct = np.array([[297, 299, 300, 299], [0, 300, 0, 1], [150, 150, 150, 150]], np.uint16)
    by_character = np.array([[700, 450], [200, 0]], np.uint32)
    names = np.array([b"Greek/character01", b"Latin/character02"])
    test = state.headline.model_copy(update={"episodes_digest": "0" * 64})
    write_published_arrays(state.folder, test, {CORRECT: correct, CHARACTERS: names, BY_CHARACTER: by_character})
    with np.load(state.folder / "tests" / test.test_key / ARRAYS) as arrays:
        assert arrays[CHANGES].tolist() == [[297, 2, 1, -1], [0, 300, -300, 1], [150, 0, 0, 0]]
        assert arrays[MISSED].tolist() == [250, 200]
        assert arrays[CHANGES].dtype == arrays[MISSED].dtype == np.int16
    read = read_arrays(state.folder, test)
    assert np.array_equal(read[CORRECT], correct) and read[CORRECT].dtype == np.uint16
    assert np.array_equal(read[BY_CHARACTER], by_character) and np.array_equal(read[CHARACTERS], names)


def test_arrays_that_an_older_version_published_are_read(folder: Path, plan: Plan) -> None:
    published = states(folder / "official/runs", plan.runs)
    before = [arrays_of(state) for state in published]
    for state in published:
        for test in state.tests:
            whole = read_arrays(state.folder, test)
            answered = whole[BY_CHARACTER][:, 1]
            np.savez(state.folder / "tests" / test.test_key / ARRAYS, **{CORRECT: whole[CORRECT], ANSWERED: answered})
    assert [arrays_of(state) for state in states(folder / "official/runs", plan.runs)] == before


@pytest.mark.parametrize(
    "name, damage",
    [
        (CHANGES, lambda changes: np.full((12, 1), -1)),
        (CHANGES, lambda changes: np.full((12, 1), 76)),
        (CHANGES, lambda changes: changes + np.int64(65_536)),
        (CHANGES, lambda changes: changes[:, 0]),
        (CHANGES, lambda changes: changes.astype("U")),
        (CHANGES, lambda changes: changes.astype(float)),
        (MISSED, lambda missed: missed + np.int64(2**32)),
        (MISSED, lambda missed: missed.astype(np.uint64) + np.uint64(2**63)),
        (MISSED, lambda missed: missed - missed.max() * np.array([1, -1])),
        (MISSED, lambda missed: missed.astype("datetime64[Y]")),
        (MISSED, lambda missed: missed.sum()),
        (MISSED, lambda missed: missed[:1]),
    ],
)  # fmt: skip
def test_published_counts_that_cannot_be_are_damage(
    folder: Path, plan: Plan, name: str, damage: Callable[[np.ndarray], np.ndarray]
) -> None:
    state = states(folder / "official/runs", plan.runs)[0]
    path = state.folder / "tests" / state.headline.test_key / ARRAYS
    with np.load(path) as arrays:
        kept = dict(arrays)
    np.savez(path, **{**kept, name: damage(kept[name])})
    assert run_state(plan.runs[0], state.folder).status == "corrupt"


@pytest.mark.parametrize("name", [CHANGES, MISSED])
def test_a_member_that_is_no_array_is_damage(folder: Path, plan: Plan, name: str) -> None:
    state = states(folder / "official/runs", plan.runs)[0]
    path = state.folder / "tests" / state.headline.test_key / ARRAYS
    with np.load(path) as arrays:
        kept = dict(arrays)
    np.savez(path, **{other: array for other, array in kept.items() if other != name})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{name}.npy", b"")
    found = run_state(plan.runs[0], state.folder)
    assert found.status == "corrupt" and f"{name} is no array" in found.message


def test_negative_counts_by_character_in_the_store_are_damage(folder: Path, plan: Plan) -> None:
    state = states(folder / "runs", plan.runs)[0]
    path = state.folder / "tests" / state.headline.test_key / ARRAYS
    with np.load(path) as arrays:
        kept = dict(arrays)
    counts = kept[BY_CHARACTER].astype(np.int64)
    moved = counts[1, 1] + 1
    kept[BY_CHARACTER] = counts + np.array([[moved, moved], [-moved, -moved]])  # so that none is above the queries
    assert (kept[BY_CHARACTER][:, 1] <= kept[BY_CHARACTER][:, 0]).all()
    assert kept[BY_CHARACTER].min() == -1 and (kept[BY_CHARACTER].sum(0) == counts.sum(0)).all()
    np.savez(path, **kept)
    assert run_state(plan.runs[0], state.folder).status == "corrupt"


def test_a_test_that_asks_for_other_characters_keeps_its_own(tmp_path: Path, plan: Plan) -> None:
    def others(*asked: object) -> dict[str, tuple[int, int]]:
        first, second = characters(*asked).values()  # type: ignore[arg-type]
        return {"Greek/character01": first, "Tagalog/character09": second}

    write_study(tmp_path, plan)
    for run, found in zip(plan.runs, (characters, others), strict=True):
        write_run(tmp_path, plan, run, counts, found)
    publish(tmp_path, plan.study, plan.profile, partial=False)
    published = states(tmp_path / "official/runs", plan.runs)
    assert [arrays_of(state) for state in published] == [
        arrays_of(state) for state in states(tmp_path / "runs", plan.runs)
    ]


def test_runs_taken_or_merged_from_the_published_ones_have_all_of_their_arrays(folder: Path, plan: Plan) -> None:
    before = [arrays_of(state) for state in states(folder / "runs", plan.runs)]
    (folder / "runs").rename(folder / "elsewhere")
    assert take_published(folder, plan) == 2
    for run in plan.runs:
        merged = merge_run(folder / "official/runs" / run.run_key, folder / "there/runs")
        assert merged.outcome == "taken", merged.message
    shutil.rmtree(folder / "official")
    for place in ("runs", "there/runs"):
        assert [arrays_of(state) for state in states(folder / place, plan.runs)] == before


@pytest.mark.parametrize("damage", ["missing", "damaged", "of other episodes"])
def test_damaged_shared_arrays_are_named(folder: Path, plan: Plan, damage: str) -> None:
    found = states(folder / "official/runs", plan.runs)[0]
    path = folder / "official/episodes" / f"{found.headline.episodes_digest}.npz"
    if damage == "missing":
        path.unlink()
    elif damage == "damaged":
        path.write_bytes(path.read_bytes()[:-40])
    else:
        np.savez(path, **{CHARACTERS: np.array([b"Greek/character01"]), ASKED: np.array([900])})
    view = load_study(folder / "official" / f"{plan.study}-{plan.profile}")
    assert [run.status for run in view.runs] == ["corrupt", "corrupt"]
    assert str(path) in view.runs[0].message and "\n" not in view.runs[0].message
    publish(folder, plan.study, plan.profile, partial=False)  # from the store, which is whole
    published = states(folder / "official/runs", plan.runs)
    assert [arrays_of(state) for state in published] == [
        arrays_of(state) for state in states(folder / "runs", plan.runs)
    ]


@pytest.mark.parametrize(
    "change",
    [
        {ASKED: np.array(["2026", "2027"], "datetime64[Y]")},
        {ASKED: np.array(450)},
        {ASKED: np.zeros(2, [("a", "u1")])},
        {CHARACTERS: None},
        {CHARACTERS: np.array([b"Greek/character01"])},
    ],
)  # fmt: skip
def test_shared_arrays_that_cannot_be_counts_are_named_not_raised(
    folder: Path, plan: Plan, change: dict[str, np.ndarray | None]
) -> None:
    found = states(folder / "official/runs", plan.runs)[0]
    path = folder / "official/episodes" / f"{found.headline.episodes_digest}.npz"
    with np.load(path) as arrays:
        kept = {**arrays, **change}
    np.savez(path, **{name: array for name, array in kept.items() if array is not None})
    assert run_state(plan.runs[0], found.folder).status == "corrupt"


def test_publishing_mends_shared_arrays_for_the_other_studies_too(folder: Path, plan: Plan) -> None:
    write_study(folder, plan.model_copy(update={"study": "other", "runs": plan.runs[1:]}))
    publish(folder, "other", plan.profile, partial=False)
    for path in (folder / "official/episodes").iterdir():
        path.write_bytes(b"damaged")
    publish(folder, "other", plan.profile, partial=False)
    assert len(load_study(folder / "official" / f"{plan.study}-{plan.profile}").done) == 2


def test_shared_arrays_that_no_test_needs_any_more_are_removed(folder: Path) -> None:
    before = set((folder / "official/episodes").iterdir())
    other = make_plan({"pixels_32": {"learner": "pixels", "n_train_episodes": 0, "image_size": 32}}, [0], numerics=None)
    write_study(folder, other)
    write_run(folder, other, other.runs[0], counts, characters)
    publish(folder, other.study, other.profile, partial=False, replace=True)
    after = set((folder / "official/episodes").iterdir())
    assert len(after) == len(before) and not after & before


def test_a_published_run_that_differs_is_kept_apart_with_all_of_its_arrays(folder: Path, plan: Plan) -> None:
    there = folder / "there"
    write_run(there, plan, plan.runs[0], lambda *_: counts("", 1), characters)
    merged = merge_run(folder / "official/runs" / plan.runs[0].run_key, there / "runs")
    assert merged.outcome == "differs"
    (apart,) = (there / "differing").iterdir()
    shutil.rmtree(folder / "official")
    assert run_state(plan.runs[0], apart).status == "done"


def test_a_digest_that_would_name_a_file_elsewhere_is_refused(folder: Path, plan: Plan) -> None:
    state = states(folder / "runs", plan.runs)[0]
    record = state.folder / "tests" / state.headline.test_key / "result.json"
    edit_record(record, episodes_digest="../../elsewhere")
    assert "episodes_digest" in run_state(plan.runs[0], state.folder).message
    with pytest.raises(LeoBenchError, match="not done"):
        publish(folder, plan.study, plan.profile, partial=False)


def test_a_shared_file_that_is_replaced_is_read_again(folder: Path, plan: Plan) -> None:
    """Also by one of the same size and time, as after a copy that keeps times."""
    found = states(folder / "official/runs", plan.runs)[0]
    path = folder / "official/episodes" / f"{found.headline.episodes_digest}.npz"
    before, state = path.read_bytes(), path.stat()
    assert run_state(plan.runs[0], found.folder).status == "done"
    path.with_suffix(".new").write_bytes(bytes(len(before)))
    path.with_suffix(".new").rename(path)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert run_state(plan.runs[0], found.folder).status == "corrupt"
