"""Files of a test: a published record leaves out what that of its run says too, and is read as if it were whole."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from results_fixture import edit_record, make_plan, write_run, write_study

from leo_bench.errors import LeoBenchError
from leo_bench.records import Plan, RunState, TestResult, load_study, read_test_record, run_state, write_record
from leo_bench.records.files import read_json
from leo_bench.records.test_files import OF_THE_RUN, read_test_fields
from leo_bench.running.merge import merge_run
from leo_bench.running.publish import publish
from leo_bench.running.take_published import take_published


@pytest.fixture
def plan() -> Plan:
    return make_plan({"pixels": {"learner": "pixels", "n_train_episodes": 0}}, [0], numerics=None)


@pytest.fixture
def folder(tmp_path: Path, plan: Plan) -> Path:
    """Results with one done run, whose second test another commit scored on another machine."""
    write_study(tmp_path, plan)
    write_run(tmp_path, plan, plan.runs[0], lambda *_: np.full((12, 1), 40))
    state = state_of(tmp_path / "runs", plan)
    path = record_of(state, state.tests[1])
    write_record(path, read_test_record(path).model_copy(update={"commit": "later", "host": {"system": "another"}}))
    publish(tmp_path, plan.study, plan.profile, partial=False)
    return tmp_path


def state_of(store: Path, plan: Plan) -> RunState:
    return run_state(plan.runs[0], store / plan.runs[0].run_key)


def record_of(state: RunState, test: TestResult) -> Path:
    return state.folder / "tests" / test.test_key / "result.json"


def fields_of(state: RunState) -> list[set[str]]:
    return [set(json.loads(record_of(state, test).read_bytes())) for test in state.tests]


def test_a_published_test_has_what_differs_from_its_run_and_is_read_whole(folder: Path, plan: Plan) -> None:
    own, published = state_of(folder / "runs", plan), state_of(folder / "official/runs", plan)
    assert published.status == "done", published.message
    assert published.tests == own.tests
    assert [read_test_record(record_of(published, test)) for test in published.tests] == own.tests
    whole = set(TestResult.model_fields) | {"digest"}
    assert fields_of(own) == [whole] * len(own.tests)
    first, second, *others = fields_of(published)
    null = {name for name, value in own.tests[1] if value is None} - {
        "adapt_core_ms",
        "queries",
    }  # which old records lack
    assert null > {"inner_steps", "adaptation", "adapt_ms"}
    assert first == whole - set(OF_THE_RUN) - null | {"adapt_ms"}
    assert second == first - {"adapt_ms"} | {"commit", "host"}
    assert own.result is not None
    assert published.tests[1].host != published.tests[0].host == own.result.host
    assert all(fields == first - {"adapt_ms"} for fields in others)


def test_a_test_that_lacks_a_field_which_most_have_is_published_whole(folder: Path, plan: Plan) -> None:
    own = state_of(folder / "runs", plan)
    path = record_of(own, own.headline)
    fields = {
        name: value for name, value in json.loads(path.read_bytes()).items() if name not in ("mislabelled", "digest")
    }
    path.write_text(json.dumps(fields), encoding="utf-8")
    publish(folder, plan.study, plan.profile, partial=False)
    published = state_of(folder / "official/runs", plan)
    assert published.status == "done", published.message
    assert json.loads(record_of(published, published.headline).read_bytes()) == fields


def test_a_taken_or_merged_test_is_that_of_the_store_byte_for_byte(folder: Path, plan: Plan) -> None:
    own = state_of(folder / "runs", plan)
    before = [record_of(own, test).read_bytes() for test in own.tests]
    (folder / "runs").rename(folder / "elsewhere")
    assert take_published(folder, plan) == 1
    merged = merge_run(folder / "official/runs" / plan.runs[0].run_key, folder / "there/runs")
    assert merged.outcome == "taken", merged.message
    shutil.rmtree(folder / "official")
    for place in ("runs", "there/runs"):
        found = state_of(folder / place, plan)
        assert [record_of(found, test).read_bytes() for test in found.tests] == before


def test_a_test_of_another_study_keeps_its_machine_when_the_run_is_published_from_another(
    folder: Path, plan: Plan
) -> None:
    before = state_of(folder / "official/runs", plan)
    left_out = before.tests[-1]
    settings = {**plan.runs[0].settings, "test_n_ways": []}
    fewer = plan.runs[0].model_copy(update={"settings": settings})
    other = plan.model_copy(update={"study": "other", "runs": [fewer]})
    write_study(folder, other)
    assert left_out not in run_state(fewer, before.folder).tests
    edit_record(folder / "runs" / fewer.run_key / "result.json", host={"system": "a third"}, commit="third")
    publish(folder, "other", plan.profile, partial=False)
    after = state_of(folder / "official/runs", plan)
    assert after.status == "done", after.message
    assert after.result is not None and after.result.commit == "third"
    assert after.tests[-1] == left_out
    assert after.tests[-1].host != after.result.host


@pytest.mark.parametrize("content", [None, b"[]", b'{"host": 3'])
def test_a_test_without_the_record_of_its_run_is_named_not_raised(
    folder: Path, plan: Plan, content: bytes | None
) -> None:
    path = state_of(folder / "official/runs", plan).folder / "result.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    (run,) = load_study(folder / "official" / f"{plan.study}-{plan.profile}").runs
    assert run.status == ("missing" if content is None else "corrupt")
    publish(folder, plan.study, plan.profile, partial=False)  # from the store, which is whole
    assert state_of(folder / "official/runs", plan).status == "done"


def test_a_damaged_record_of_a_run_does_not_pass_to_its_tests(folder: Path, plan: Plan) -> None:
    before = state_of(folder / "official/runs", plan)
    files = {test.test_key: record_of(before, test).read_bytes() for test in before.tests}
    fewer = plan.runs[0].model_copy(update={"settings": {**plan.runs[0].settings, "test_n_ways": []}})
    write_study(folder, plan.model_copy(update={"study": "other", "runs": [fewer]}))
    path = before.folder / "result.json"
    path.write_text(path.read_text().replace(before.tests[0].commit, "forged"), encoding="utf-8")
    with pytest.raises(LeoBenchError, match=f"{path} was changed after it was written"):
        read_test_record(record_of(before, before.headline))
    publish(folder, "other", plan.profile, partial=False)
    after = state_of(folder / "official/runs", plan)
    assert after.tests == before.tests, after.message
    assert {test.test_key: record_of(after, test).read_bytes() for test in after.tests} == files


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("content", [None, '{"a"'])
def test_a_test_never_counts_for_weights_that_took_the_place_of_its_own(
    folder: Path, plan: Plan, sealed: bool, content: str | None
) -> None:
    own = state_of(folder / "runs", plan)
    records = [own.folder / "result.json", *(record_of(own, test) for test in own.tests)]
    for path in [] if sealed else records:
        values = read_json(path)
        path.write_text(json.dumps({name: values[name] for name in values if name != "digest"}))
    publish(folder, plan.study, plan.profile, partial=False)
    published = state_of(folder / "official/runs", plan)
    assert published.status == "done", published.message
    for path in records:
        edit_record(path, weights_digest="f" * 64)  # trained again
    fewer = plan.runs[0].model_copy(update={"settings": {**plan.runs[0].settings, "test_n_ways": []}})
    write_study(folder, plan.model_copy(update={"study": "other", "runs": [fewer]}))
    place = published.folder / "result.json"
    place.unlink()
    if content is not None:
        place.write_text(content)
    publish(folder, "other", plan.profile, partial=False)
    after = state_of(folder / "official/runs", plan)
    assert after.status == ("corrupt" if sealed else "missing"), after.message


def test_a_published_test_is_read_by_any_path_but_not_without_its_run(
    folder: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = state_of(folder / "official/runs", plan)
    path = record_of(published, published.headline)
    monkeypatch.chdir(path.parent)
    assert read_test_record(Path("result.json")) == published.headline
    shutil.copy(path, folder / "alone.json")
    with pytest.raises(LeoBenchError, match="read a test in the folder of its run"):
        read_test_record(folder / "alone.json")


def test_a_published_test_is_guarded_by_its_digest(folder: Path, plan: Plan) -> None:
    published = state_of(folder / "official/runs", plan)
    path = record_of(published, published.headline)
    fields = json.loads(path.read_bytes())
    path.write_text(json.dumps({**fields, "commit": "forged"}), encoding="utf-8")
    assert "was changed after it was written" in state_of(folder / "official/runs", plan).message


def test_a_run_that_has_changed_is_read_again_for_its_tests(folder: Path, plan: Plan) -> None:
    published = state_of(folder / "official/runs", plan)
    assert published.tests[0].commit != "third"
    edit_record(published.folder / "result.json", commit="third")
    assert fields_of_first(published)["commit"] == "third"
    (published.folder / "result.json").unlink()
    with pytest.raises(LeoBenchError, match=r"result\.json is missing"):
        fields_of_first(published)


def fields_of_first(state: RunState) -> dict[str, object]:
    """Return the fields of the first test of a run, those that it leaves out too."""
    return dict(read_test_fields(record_of(state, state.tests[0])))
