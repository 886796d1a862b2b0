"""Doing recorded runs again, with a worker that is quick (tests/fake_worker.py)."""

import dataclasses
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from results_fixture import make_plan, seal, write_study

from leo_bench.commands.cli import main
from leo_bench.config import Settings, make_settings, planned_tests
from leo_bench.errors import LeoBenchError
from leo_bench.records import Result, RunState, StudyView, TestResult, load_study, read_record
from leo_bench.running import reproduce, sources
from leo_bench.running.attempts import MAX_ATTEMPTS
from leo_bench.running.executor import Ended
from leo_bench.running.local_processes import LocalProcesses
from leo_bench.running.numerics import numerics_digest
from leo_bench.running.sample import Candidate, Sample
from leo_bench.running.scheduler import StudyRunner
from leo_bench.running.sources import Source
from leo_bench.running.worker import worker_environment, worker_options

WORKER = (sys.executable, str(Path(__file__).parents[1] / "fake_worker.py"))


@pytest.fixture(autouse=True)
def fake_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every run be done again by the quick worker."""
    monkeypatch.setattr(sources, "WORKER", WORKER)


def steps(run: RunState, folder: Path) -> reproduce.Steps:
    """Return the tasks of doing a run again with this source, below the results folder that holds folder."""
    settings = make_settings(run.planned.settings)
    source = Source(numerics_digest(settings.learner, settings.dataset))
    return reproduce.again(run, folder.parent, folder, None, source)


def again(run: RunState, folder: Path) -> reproduce.Comparison:
    """Do a run again with this source, on this machine."""
    (outcome,) = Sample([Candidate((folder,), run)], lambda run: steps(run, folder), LocalProcesses(1)).outcomes()
    assert outcome.comparison, outcome.reason
    return outcome.comparison


def do(settings: Settings, folder: Path) -> None:
    """Do a run in its folder."""
    command = [*WORKER, str(folder), *worker_options(settings)]
    subprocess.run(command, env=worker_environment(settings), check=True)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a results folder with a study that is done, for all tests: each copies it."""
    results = tmp_path_factory.mktemp("done")
    variants = {"short": {"latent_dim": 101, "n_train_episodes": 40}, "long": {"latent_dim": 102}}
    plan = make_plan(variants, [0], numerics=None)
    StudyRunner(plan, plan, results, LocalProcesses(2), say=lambda text: None, worker=WORKER).run()
    return results


@pytest.fixture
def view(done: Path, tmp_path: Path) -> StudyView:
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    return load_study(tmp_path / "ablations-cpu")


def test_a_run_is_found_by_its_key_in_whichever_study_has_it(view: StudyView, tmp_path: Path) -> None:
    other = make_plan({"else": {"latent_dim": 103}}, [0], study="other")
    folders = [write_study(tmp_path, other), view.folder]
    folder, run = reproduce.with_key(folders, view.runs[1].planned.run_key)
    assert (folder, run.planned.variant) == (view.folder, "long")
    with pytest.raises(LeoBenchError, match="no done run"):  # planned, not done
        reproduce.with_key(folders, other.runs[0].run_key)


def test_the_command_does_the_run_of_a_key_and_no_other(
    view: StudyView, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = view.runs[1].planned.run_key
    assert main(["reproduce", "--key", key, "--results", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert f"long seed 0 ({key}): bit for bit the same" in out and "short" not in out
    assert main(["reproduce", "--key", "nothing", "--results", str(tmp_path)]) == 2
    assert "no done run 'nothing'" in capsys.readouterr().err


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """Return the folder of a run that no study names, with tests of two calls, as `run` and `score` make them."""
    settings = make_settings({"latent_dim": 101, "n_test_episodes": 12})
    folder = tmp_path / "runs" / settings.run_key
    folder.mkdir(parents=True)
    more = {"test_inner_steps": 3, "test_k_shots": [5], "n_test_episodes": 20, "test_datasets": ["glyphs"]}
    for asked in (settings, make_settings({**settings.canonical(), **more})):
        do(asked, folder)
    return folder


@pytest.mark.slow
def test_a_run_that_no_study_names_is_done_again_with_the_tests_of_every_call(
    alone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [read_record(path, TestResult).asked for path in alone.glob("tests/*/result.json")]
    _, run = reproduce.with_key([], alone.name, tmp_path / "runs")
    assert {test.asked for test in run.tests} == set(asked)
    assert {(test.inner_steps, test.n_test_episodes) for test in asked} == {(None, 12), (3, 20)}
    command = ["reproduce", "--key", alone.name, "--results", str(tmp_path)]
    assert main(command) == 0
    assert f"run seed 0 ({alone.name}): bit for bit the same" in capsys.readouterr().out
    scored = next(path for path in alone.glob("tests/*/result.json") if '"glyphs"' in path.read_text())
    scored.write_text(scored.read_text().replace('"episodes_digest": "', '"episodes_digest": "other'))
    seal(scored)
    main(command)
    out = capsys.readouterr().out
    assert "DIFFERS" in out
    assert re.search(r"3 steps on glyphs: episodes_digest: recorded other", out)


@pytest.mark.slow
def test_a_run_of_a_study_is_compared_with_the_tests_of_score_too(view: StudyView, tmp_path: Path) -> None:
    run = view.runs[0]
    more = make_settings({**run.planned.settings, "test_inner_steps": 3})
    do(more, run.folder)
    folder, found = reproduce.with_key([view.folder], run.planned.run_key, tmp_path / "runs")
    assert (folder, found.planned.variant) == (view.folder, "short")
    assert len(found.tests) == 2 * len(run.tests)
    assert again(found, tmp_path / "again").differences == []


def test_a_trained_run_without_a_test_on_record_is_refused(alone: Path, tmp_path: Path) -> None:
    shutil.rmtree(alone / "tests")
    with pytest.raises(LeoBenchError, match="no test of it is on record"):
        reproduce.with_key([], alone.name, tmp_path / "runs")


def test_a_key_that_no_run_has_is_refused_without_reading_the_runs(
    view: StudyView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reproduce, "done_runs", lambda folder: pytest.fail(f"{folder} is read"))
    for key in ("abc", "0" * 16):
        with pytest.raises(LeoBenchError, match=f"no done run '{key}'"):
            reproduce.with_key([view.folder], key, tmp_path / "runs")


def test_equal_bits_are_called_equal_and_nothing_is_left(view: StudyView, tmp_path: Path) -> None:
    comparison = again(view.runs[0], tmp_path / "again")
    assert comparison.differences == []
    assert list((tmp_path / "again").iterdir()) == []


def test_a_run_whose_node_dies_is_done_again_and_given_up_after_as_many_attempts_as_in_a_study(
    view: StudyView, tmp_path: Path
) -> None:
    doing = steps(view.runs[0], tmp_path / "again")
    task = next(doing)
    for _ in range(MAX_ATTEMPTS - 1):
        assert doing.send(Ended(task, 1, "its node died")) == task
    with pytest.raises(LeoBenchError, match="could not be done again: its node died"):
        doing.send(Ended(task, 1, "its node died"))


def test_a_run_that_fails_is_not_tried_twice_and_its_last_line_said(view: StudyView, tmp_path: Path) -> None:
    doing = steps(view.runs[0], tmp_path / "again")
    task = next(doing)
    task.log.write_text("...\nerror: no data\n")
    with pytest.raises(LeoBenchError, match="could not be done again: no data"):
        doing.send(Ended(task, 1))


def test_processor_and_versions_are_compared_with_those_of_the_machine_that_did_it(
    view: StudyView, tmp_path: Path
) -> None:
    run = view.runs[0]
    assert run.result is not None
    older = run.result.model_copy(update={"host": {"processor": "Old CPU"}, "versions": {"torch": "1.0"}})
    changed = again(dataclasses.replace(run, result=older), tmp_path / "again").changed
    assert "processor was Old CPU, is Some CPU" in changed  # that of tests/fake_worker.py, not of this machine
    assert "torch was 1.0, is " in changed


@pytest.mark.parametrize("before", ["AVX-512", None])
def test_instructions_of_a_processor_of_the_same_name_are_compared(view: StudyView, before: str | None) -> None:
    result = view.runs[0].result
    assert result is not None
    host = {"processor": "Some CPU"} | ({"instructions": before} if before else {})
    old = result.model_copy(update={"host": host})
    new = result.model_copy(update={"host": {**host, "instructions": "AVX2"}})
    words = f"vector instructions of the processor were {before or 'not recorded'}, are AVX2"
    assert reproduce._changed_since(old, new, result.numerics) == words
    assert reproduce._changed_since(new, new, result.numerics) == ""
    another = result.model_copy(update={"host": {"processor": "Another CPU"}})
    assert reproduce._changed_since(another, new, result.numerics) == "processor was Another CPU, is Some CPU"


def test_other_bits_are_named_and_kept(view: StudyView, tmp_path: Path) -> None:
    run = view.runs[0]
    assert run.result is not None
    other = dataclasses.replace(run, result=run.result.model_copy(update={"weights_digest": "other"}))
    comparison = again(other, tmp_path / "again")
    now = f"weights of {run.planned.run_key}"
    assert comparison.differences == [f"weights_digest: recorded other, now {now}"]
    assert read_record(tmp_path / "again" / run.planned.run_key / "result.json", Result).weights_digest == now


def test_a_run_of_other_source_is_compared_and_its_source_named(view: StudyView, tmp_path: Path) -> None:
    run = view.runs[0]
    assert run.result is not None
    older = dataclasses.replace(
        run,
        result=run.result.model_copy(update={"numerics": "of before"}),
        tests=[test.model_copy(update={"numerics": "of before"}) for test in run.tests],
    )
    same = again(older, tmp_path / "again")
    assert same.differences == []  # the bits still agree
    assert "source was of before, is " in same.changed


def test_a_run_recorded_under_an_older_schema_is_compared(view: StudyView, tmp_path: Path) -> None:
    # Its keys were made otherwise, and it lacks settings that came later.
    run = view.runs[0]
    assert run.result is not None
    lacking = {name: value for name, value in run.planned.settings.items() if name not in ("padding", "test_k_shots")}
    planned = run.planned.model_copy(update={"run_key": "0" * 16, "settings": lacking})
    result = run.result.model_copy(update={"run_key": "0" * 16, "settings": lacking})
    tests = [test.model_copy(update={"run_key": "0" * 16, "test_key": f"{n:016}"}) for n, test in enumerate(run.tests)]
    for old, new in zip(run.tests, tests, strict=True):
        (run.folder / "tests" / old.test_key).rename(run.folder / "tests" / new.test_key)
    older = dataclasses.replace(run, planned=planned, result=result, tests=tests)
    assert again(older, tmp_path / "again").differences == []


@pytest.mark.parametrize(
    "more",
    [
        {"test_head": "nearest_neighbour"},
        {"test_head": "logistic_regression", "test_head_c": 3.0, "test_mislabelled": 2},
        {"test_head": "descended_prototypes", "test_inner_steps": 50, "test_inner_lr": 2.0},
        {"test_inner_temperature": 4.0},
        {"test_support_copies": "shifted"},
        {"test_n_query": 1},
        {"test_queries": "alone", "learner": "maml", "transductive": True},
    ],
)
def test_a_test_that_is_answered_in_another_way_is_asked_for_again(more: dict[str, object]) -> None:
    trained = {name: more[name] for name in ("learner", "transductive") if name in more}
    base = make_settings({"decode": "class", "n_test_episodes": 20, **trained})
    settings = make_settings({**base.canonical(), "test_k_shots": [5], "test_datasets": ["digits"], **more})
    for asked in planned_tests(settings):
        assert asked in planned_tests(reproduce._with_test(base, asked))
        assert asked in planned_tests(reproduce._with_test(settings, asked))


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_test_on_another_data_set_is_asked_for_again_on_its_own_split(split: str) -> None:
    base = make_settings({"n_test_episodes": 20, "test_split": "test" if split == "val" else "val"})
    scored = make_settings({**base.canonical(), "test_split": split, "test_datasets": ["glyphs"]})
    for asked in planned_tests(scored):
        assert asked.split == split
        assert asked in planned_tests(reproduce._with_test(base, asked))


def test_a_test_without_copies_of_a_run_that_has_them_is_asked_for_again() -> None:
    run = make_settings({"n_test_episodes": 20}, "tuned")
    more = make_settings({**run.canonical(), "test_support_copies": "none"})
    for settings, copies in ((run, "shifted"), (more, None)):
        for asked in planned_tests(settings):
            assert asked.support_copies == copies
            assert asked in planned_tests(reproduce._with_test(run, asked))


@pytest.mark.parametrize(
    ("field", "point"),
    [("curve", {"train_loss": 9.5}), ("validation", {"accuracy": 0.125}), ("validation", {"accuracy_before": 0.125})],
)
def test_one_changed_point_of_a_curve_is_named(
    view: StudyView, tmp_path: Path, field: str, point: dict[str, float]
) -> None:
    run = view.runs[0]
    assert run.result is not None
    points = list(getattr(run.result, field))
    points[1] = points[1].model_copy(update=point)
    other = dataclasses.replace(run, result=run.result.model_copy(update={field: points}))
    (difference,) = again(other, tmp_path / "again").differences
    assert difference.startswith(f"{field}: recorded ")
