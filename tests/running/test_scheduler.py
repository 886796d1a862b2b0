"""The study runner against processes that finish, fail, die and hang (tests/fake_worker.py)."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from results_fixture import make_plan, write_attempt, write_run

from leo_bench.config import make_settings
from leo_bench.errors import LeoBenchError
from leo_bench.records import (
    AttemptStatus,
    Plan,
    RunState,
    attempts_of,
    load_study,
    read_record,
    run_state,
    write_record,
)
from leo_bench.running.attempts import MAX_ATTEMPTS
from leo_bench.running.local_processes import LocalProcesses
from leo_bench.running.scheduler import StudyRunner
from leo_bench.running.worker import worker_environment, worker_options

WORKER = (sys.executable, str(Path(__file__).parents[1] / "fake_worker.py"))


def plan_of(**latent_dims: int) -> Plan:
    """Return a plan with one variant per name. latent_dim tells the fake worker what to do."""
    return make_plan({name: {"latent_dim": value} for name, value in latent_dims.items()}, [0], numerics=None)


def runner(results: Path, plan: Plan, jobs: int = 2, **more: object) -> StudyRunner:
    return StudyRunner(plan, plan, results, LocalProcesses(jobs), say=lambda text: None, worker=WORKER, **more)  # type: ignore[arg-type]


def state(results: Path, plan: Plan, variant: str) -> RunState:
    run = next(run for run in plan.runs if run.variant == variant)
    return run_state(run, results / "runs" / run.run_key, plan.accept_stale)


def test_done_runs_are_not_done_again(tmp_path: Path) -> None:
    plan = plan_of(a=101, b=102)
    runner(tmp_path, plan).run()
    written = {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/*/result.json")}
    assert len(written) == 2
    view = runner(tmp_path, plan).run()
    assert [run.status for run in view.runs] == ["done", "done"]
    assert all(run.attempts == 1 for run in view.runs)
    assert written == {path: path.stat().st_mtime_ns for path in written}


def test_variants_that_differ_in_their_tests_share_a_training(tmp_path: Path) -> None:
    variants = {"a": {"latent_dim": 101}, "b": {"latent_dim": 101, "test_k_shots": [5]}}
    plan = make_plan(variants, [0], base={"test_n_ways": []}, numerics=None)
    assert len({run.run_key for run in plan.runs}) == 1
    view = runner(tmp_path, plan).run()
    assert [run.status for run in view.runs] == ["done", "done"]
    assert [len(run.tests) for run in view.runs] == [2, 4]


def test_another_study_uses_the_same_runs(tmp_path: Path) -> None:
    runner(tmp_path, plan_of(a=101)).run()
    other = plan_of(x=101, y=102).model_copy(update={"study": "other"})
    view = runner(tmp_path, other).run()
    assert [run.attempts for run in view.runs] == [1, 1]
    assert len(list((tmp_path / "runs").iterdir())) == 2


def test_a_failed_run_stays_visible_and_the_rest_goes_on(tmp_path: Path) -> None:
    plan = plan_of(bad=200, good=101)
    view = runner(tmp_path, plan, jobs=1).run()
    assert [(run.status, run.message) for run in view.runs] == [("failed", "the loss became nan"), ("done", "")]


def test_runs_for_a_gpu_that_is_not_there_use_up_no_attempts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line before the first run starts, not a failed attempt for each; runs that are done need no GPU."""
    variants = {
        "done": {"latent_dim": 101, "device": "cuda"},
        "on_cpu": {"latent_dim": 102},
        "waiting": {"latent_dim": 103, "device": "cuda"},
    }
    plan = make_plan(variants, [0], numerics=None)
    write_run(tmp_path, plan, plan.runs[0], lambda *_: np.full((12, 6), 60))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(LeoBenchError, match="finds no CUDA device; use --device cpu, or repair the driver"):
        runner(tmp_path, plan).run()
    assert [state(tmp_path, plan, name).attempts for name in variants] == [0, 0, 0]
    done_alone = plan.model_copy(update={"runs": plan.runs[:1]})
    assert [run.status for run in runner(tmp_path, done_alone).run().runs] == ["done"]
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert [run.status for run in runner(tmp_path, plan).run().runs] == ["done", "done", "done"]


def test_a_training_that_diverged_is_not_done_again_unless_asked(tmp_path: Path) -> None:
    """It would end likewise here, and on another machine perhaps not: then only failures would be drawn again."""
    plan = make_plan({"a": {"latent_dim": 101}}, [0], numerics=None)
    write_attempt(tmp_path, plan.runs[0], "failed", "the training loss became nan by episode 400; lower inner_lr", 300)
    assert [(run.status, run.attempts) for run in runner(tmp_path, plan).run().runs] == [("failed", 1)]
    assert [run.status for run in runner(tmp_path, plan, retry=True).run().runs] == ["done"]


@pytest.mark.parametrize(("numerics", "ends"), [("of the plan", "failed"), ("000000000000", "done"), (None, "failed")])
def test_a_training_that_diverged_by_other_source_is_done_again(
    tmp_path: Path, numerics: str | None, ends: str
) -> None:
    plan = make_plan({"a": {"latent_dim": 101}}, [0], numerics=None)
    write_attempt(tmp_path, plan.runs[0], "failed", "the training loss became nan by episode 400; lower inner_lr", 300)
    status = tmp_path / "runs" / plan.runs[0].run_key / "attempt-1" / "status.json"
    asked = plan.runs[0].numerics if numerics == "of the plan" else numerics
    write_record(status, read_record(status, AttemptStatus).model_copy(update={"numerics": asked}))
    assert [run.status for run in runner(tmp_path, plan).run().runs] == [ends]


def test_failures_by_other_source_use_up_no_attempts(tmp_path: Path) -> None:
    plan = make_plan({"a": {"latent_dim": 101}}, [0], numerics=None)
    folder = tmp_path / "runs" / plan.runs[0].run_key
    for number in range(1, MAX_ATTEMPTS + 1):
        failed = AttemptStatus(status="failed", started="then", message="x", numerics=f"00000000000{number}")
        write_record(folder / f"attempt-{number}" / "status.json", failed)
    accepting = plan.model_copy(update={"accept_stale": True})
    assert [run.status for run in runner(tmp_path, accepting).run().runs] == ["failed"]
    assert [run.status for run in runner(tmp_path, plan).run().runs] == ["done"]


def test_a_killed_run_is_tried_again_and_its_first_attempt_kept(tmp_path: Path) -> None:
    plan = plan_of(shaky=400)
    view = runner(tmp_path, plan).run()
    assert view.runs[0].status == "done"
    first, second = attempts_of(view.runs[0].folder)
    assert "SIGKILL" in read_record(first / "status.json", AttemptStatus).message
    assert read_record(second / "status.json", AttemptStatus).status == "done"


@pytest.mark.slow
def test_a_run_that_always_dies_is_left_alone_after_its_attempts(tmp_path: Path) -> None:
    plan = plan_of(doomed=300)
    view = runner(tmp_path, plan).run()
    assert view.runs[0].status == "failed"
    assert len(attempts_of(view.runs[0].folder)) == MAX_ATTEMPTS
    runner(tmp_path, plan).run()
    assert len(attempts_of(view.runs[0].folder)) == MAX_ATTEMPTS
    runner(tmp_path, plan, retry=True).run()
    assert len(attempts_of(view.runs[0].folder)) == 2 * MAX_ATTEMPTS


def fail(folder: Path, numbers: range) -> None:
    for number in numbers:
        write_record(
            folder / f"attempt-{number}" / "status.json",
            AttemptStatus(status="failed", started="then", message="n_way is 2000"),
        )


@pytest.mark.slow
@pytest.mark.parametrize("stale", [False, True])
def test_failures_of_scoring_do_not_count_against_a_training_that_is_done(tmp_path: Path, stale: bool) -> None:
    plan = plan_of(a=101)
    (first,) = runner(tmp_path, plan).run().runs
    assert first.result is not None
    if stale:
        write_record(first.folder / "result.json", first.result.model_copy(update={"numerics": "of before"}))
    fail(first.folder, range(2, 2 + MAX_ATTEMPTS))
    more = make_plan({"a": {"latent_dim": 101, "test_k_shots": [5]}}, [0], numerics=None)
    view = runner(tmp_path, more).run()
    assert [(run.status, run.attempts) for run in view.runs] == [("done", 2 + MAX_ATTEMPTS)]


@pytest.mark.slow
def test_scoring_that_always_dies_ends_with_its_attempts_in_each_call(tmp_path: Path) -> None:
    plan = make_plan({"doomed": {"latent_dim": 300}}, [0], numerics=None)
    run, more = plan.runs[0], make_plan({"doomed": {"latent_dim": 300, "test_k_shots": [5]}}, [0], numerics=None)
    steps = make_settings(run.settings).inner_steps + 1
    write_run(tmp_path, plan, run, lambda *_: np.full((12, steps), 5))
    for calls in (1, 2):
        (state_of_run,) = runner(tmp_path, more).run().runs
        assert state_of_run.status == "failed"
        assert len(attempts_of(state_of_run.folder)) == calls * MAX_ATTEMPTS


@pytest.mark.slow
def test_being_stopped_by_the_user_does_not_count_as_an_attempt(tmp_path: Path) -> None:
    plan = plan_of(slow=500)
    folder = tmp_path / "runs" / plan.runs[0].run_key
    for number in range(1, MAX_ATTEMPTS + 2):
        (folder / "waiting").unlink(missing_ok=True)
        interrupt_when(folder / "waiting")
        with pytest.raises(KeyboardInterrupt):
            runner(tmp_path, plan).run()
        assert len(attempts_of(folder)) == number
        assert state(tmp_path, plan, "slow").status == "interrupted"


def interrupt_when(path: Path) -> None:
    """Send this process SIGTERM as soon as path is there."""

    def wait() -> None:
        while not path.exists():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def test_stopping_keeps_what_is_done_and_a_later_call_does_the_rest(tmp_path: Path) -> None:
    plan = plan_of(quick=101, slow=500)
    interrupt_when(tmp_path / "runs" / plan.runs[1].run_key / "waiting")
    with pytest.raises(KeyboardInterrupt):
        runner(tmp_path, plan, jobs=1).run()
    assert state(tmp_path, plan, "quick").status == "done"
    assert state(tmp_path, plan, "slow").message == "stopped by the user"


def test_the_report_is_made_again_for_a_run_that_is_stopped(tmp_path: Path) -> None:
    plan, shown = plan_of(slow=500), []
    interrupt_when(tmp_path / "runs" / plan.runs[0].run_key / "waiting")
    stopped = runner(tmp_path, plan, jobs=1)
    stopped.on_change = lambda: shown.append(state(tmp_path, plan, "slow").status)
    with pytest.raises(KeyboardInterrupt):
        stopped.run()
    assert shown[-1:] == ["interrupted"]


def test_stale_runs_are_done_again_unless_accepted(tmp_path: Path) -> None:
    plan = plan_of(a=101)
    (first,) = runner(tmp_path, plan).run().runs
    assert first.result is not None
    older = {"numerics": "of before"}
    write_record(first.folder / "result.json", first.result.model_copy(update=older))
    for test in first.tests:
        write_record(first.folder / "tests" / test.test_key / "result.json", test.model_copy(update=older))
    assert state(tmp_path, plan, "a").status == "stale"
    accepting = plan.model_copy(update={"accept_stale": True})
    assert [(run.status, run.attempts) for run in runner(tmp_path, accepting).run().runs] == [("done", 1)]
    said: list[str] = []
    view = StudyRunner(plan, plan, tmp_path, LocalProcesses(1), say=said.append, worker=WORKER).run()
    assert [(run.status, run.attempts) for run in view.runs] == [("done", 2)]
    assert (first.folder / "attempt-1" / "result.json").exists()
    assert any("stale" in text for text in said)


def test_the_processes_of_runs_accept_stale_trainings_if_the_study_does(tmp_path: Path) -> None:
    settings = make_settings(plan_of(a=101).runs[0].settings)
    assert "--accept-stale" in worker_options(settings, accept_stale=True)
    assert "--accept-stale" not in worker_options(settings)
    plan = plan_of(a=101)
    runner(tmp_path, plan).run()
    folder = tmp_path / "runs" / plan.runs[0].run_key
    assert not (folder / "accepts-stale").exists()
    more = make_plan({"a": {"latent_dim": 101, "test_k_shots": [5]}}, [0], numerics=None)
    runner(tmp_path, more.model_copy(update={"accept_stale": True})).run()
    assert (folder / "accepts-stale").exists()


def test_a_corrupt_result_is_named_and_done_again(tmp_path: Path) -> None:
    plan = plan_of(a=101)
    runner(tmp_path, plan).run()
    path = tmp_path / "runs" / plan.runs[0].run_key / "result.json"
    path.write_bytes(path.read_bytes()[:300])
    assert state(tmp_path, plan, "a").status == "corrupt"
    assert str(path) in state(tmp_path, plan, "a").message
    assert runner(tmp_path, plan).run().runs[0].status == "done"


def test_a_run_held_by_another_process_is_waited_for(tmp_path: Path) -> None:
    plan = plan_of(held=101)
    folder = tmp_path / "runs" / plan.runs[0].run_key
    folder.mkdir(parents=True)
    lock = FileLock(folder / ".lock", thread_local=False)
    lock.acquire()
    released: list[float] = []

    def release() -> None:
        time.sleep(1)
        released.append(time.monotonic())
        lock.release()

    threading.Thread(target=release).start()
    view = runner(tmp_path, plan).run()
    assert released and view.runs[0].status == "done"
    assert view.runs[0].attempts == 1


def test_an_attempt_whose_process_vanished_is_seen_as_interrupted(tmp_path: Path) -> None:
    plan = plan_of(gone=101)
    attempt = tmp_path / "runs" / plan.runs[0].run_key / "attempt-1"
    write_record(attempt / "status.json", AttemptStatus(status="running", started="then", episode=700))
    found = state(tmp_path, plan, "gone")
    assert found.status == "interrupted"
    assert "700 training episodes" in found.message


def test_kill_9_of_the_study_loses_nothing(tmp_path: Path) -> None:
    plan = plan_of(quick=101, slow=500)
    write_record(tmp_path / "plan.json", plan)
    script = (
        "from pathlib import Path\nfrom leo_bench.records import Plan, read_record\n"
        "from leo_bench.running.local_processes import LocalProcesses\n"
        "from leo_bench.running.scheduler import StudyRunner\n"
        f"plan = read_record(Path({str(tmp_path / 'plan.json')!r}), Plan)\n"
        f"StudyRunner(plan, plan, Path({str(tmp_path)!r}), LocalProcesses(1), worker={WORKER!r}).run()"
    )
    study = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[2])
    folder = tmp_path / "runs" / plan.runs[1].run_key
    while not (folder / "waiting").exists():
        time.sleep(0.05)
        assert study.poll() is None
    study.kill()
    study.wait()
    view = load_study(tmp_path / "ablations-cpu")
    assert [run.status for run in view.runs] == ["done", "running"]  # the orphan still holds its run
    orphan = int((folder / "waiting").read_text())
    os.kill(orphan, signal.SIGKILL)


def test_attempts_that_left_no_status_count_as_failures(tmp_path: Path) -> None:
    plan = plan_of(a=101)
    folder = tmp_path / "runs" / plan.runs[0].run_key
    for number in range(1, MAX_ATTEMPTS + 1):
        (folder / f"attempt-{number}").mkdir(parents=True)
    said: list[str] = []
    view = StudyRunner(plan, plan, tmp_path, LocalProcesses(1), say=said.append, worker=WORKER).run()
    assert len(attempts_of(folder)) == MAX_ATTEMPTS  # left alone
    assert view.runs[0].status == "interrupted" and "left no status" in view.runs[0].message
    assert len(said) == 1 and said[0].startswith("a seed 0 is not started again after 3 failed attempts: ")
    assert runner(tmp_path, plan, retry=True).run().runs[0].status == "done"


def test_a_process_gets_the_threads_that_its_settings_have() -> None:
    settings = make_settings({**plan_of(a=101).runs[0].settings, "threads": 3})
    environment = worker_environment(settings)
    assert (environment["OMP_NUM_THREADS"], environment["MKL_NUM_THREADS"]) == ("3", "3")
    assert environment["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert environment["PATH"] == os.environ["PATH"]
