"""Processes of runs that die before they can say why, and ways out of a study that must stop them."""

import os
import sys
import threading
import time
from pathlib import Path

import pytest
from as_user import ROOT, python
from filelock import FileLock
from results_fixture import make_plan

from leo_bench.config import make_settings
from leo_bench.records import AttemptStatus, Plan, attempts_of, is_held, load_study, read_record, run_state
from leo_bench.running.attempts import MAX_ATTEMPTS
from leo_bench.running.background_report import BackgroundReport
from leo_bench.running.child_processes import PYTHON
from leo_bench.running.local_processes import LocalProcesses
from leo_bench.running.scheduler import StudyRunner
from leo_bench.running.worker import WORKER
from leo_bench.search.worker import WORKER as SEARCH_WORKER
from leo_bench.training.troubleshooting import out_of_memory

FAKE = (sys.executable, str(Path(__file__).parents[1] / "fake_worker.py"))


def plan_of(**latent_dims: int) -> Plan:
    return make_plan({name: {"latent_dim": value} for name, value in latent_dims.items()}, [0], numerics=None)


def study(results: Path, plan: Plan, worker: tuple[str, ...], **more: object) -> StudyRunner:
    return StudyRunner(plan, plan, results, LocalProcesses(2), worker=worker, **{"say": lambda text: None, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import nothing_such", "process ended with exit code 1: ModuleNotFoundError: No module named 'nothing_such'"),
        ("print('error: the disk is full'); raise SystemExit(1)", "process ended with exit code 1: the disk is full"),
        ("raise SystemExit(1)", "process ended with exit code 1: it left no message, as on a full disk"),
        ("raise SystemExit(3)", "process ended with exit code 3: it left no message, as on a full disk"),
        ("import os; os.kill(os.getpid(), 9)", "process killed by signal 9 (SIGKILL); if you did not kill it: "),
        ("import os; os.kill(os.getpid(), 40)", "process killed by signal 40 (real-time signal 40)"),
    ],
)
def test_a_process_that_dies_before_its_first_attempt_leaves_its_last_line(
    tmp_path: Path, code: str, words: str
) -> None:
    (run,) = study(tmp_path, plan_of(a=101), (sys.executable, "-c", code)).run().runs
    assert run.status == "failed"
    assert run.message.startswith(words)
    assert run.attempts == (1 if "(1)" in code or "import nothing" in code else MAX_ATTEMPTS)


def test_a_death_does_not_change_the_record_of_an_earlier_attempt(tmp_path: Path) -> None:
    plan = plan_of(bad=200)
    (run,) = study(tmp_path, plan, FAKE).run().runs
    assert run.message == "the loss became nan"
    (run,) = study(tmp_path, plan, (sys.executable, "-c", "import nothing_such")).run().runs
    assert run.message.endswith("No module named 'nothing_such'")
    first, second = attempts_of(run.folder)
    assert read_record(first / "status.json", AttemptStatus).message == "the loss became nan"
    assert read_record(second / "status.json", AttemptStatus).status == "failed"


def test_files_of_the_working_folder_are_not_imported_by_the_processes_of_runs(tmp_path: Path) -> None:
    assert WORKER[:-1] == SEARCH_WORKER[:-1] == PYTHON
    for name in ("random", "json", "torch", "leo_bench"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the working folder')")
    told = python(*PYTHON[2:], "leo_bench.running.worker", "--help", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "Do one run in its folder" in told.stdout


@pytest.mark.slow
def test_the_working_folder_is_not_on_the_import_path_even_if_that_has_empty_entries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "random.py").write_text("raise SystemExit('imported from the working folder')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f":{ROOT}::")
    (run,) = study(tmp_path / "results", plan_of(a=101), (sys.executable, "-P", *FAKE[1:])).run().runs
    assert (run.status, run.message) == ("done", "")
    report = BackgroundReport(tmp_path / "results/ablations-cpu", tmp_path / "report")
    report.request()
    assert report.finish()


LIMITED = """
import json, resource, sys
from leo_bench.running import experiment, worker
def limit(kind, most):
    resource.setrlimit(kind, (most, resource.getrlimit(kind)[1]))
def load_and_limit(*given):
    bank = load_bank(*given)
    if size == 16:
        limit(resource.RLIMIT_FSIZE, 1500)
    if size == 28:
        pages = int(open("/proc/self/statm").read().split()[0])
        limit(resource.RLIMIT_AS, pages * resource.getpagesize() + 30_000_000)
    return bank
load_bank, experiment.load_bank = experiment.load_bank, load_and_limit
size = json.loads(sys.argv[3])["image_size"]
if size == 20:
    limit(resource.RLIMIT_FSIZE, 600)
sys.exit(worker.main(sys.argv[1:]))
"""
"""The process of a run, limited by the size of its images. 20: it may write no settings. 16: once it has read its
data, no result. 28: once it has read its data, it may take only 30 MB more of memory."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process as Linux tells it")
def test_a_full_disk_and_a_lack_of_memory_end_a_run_in_one_line_and_the_next_call_does_it(tmp_path: Path) -> None:
    base = {"learner": "pixels", "dataset": "glyphs", "n_train_episodes": 0, "test_n_ways": [], "test_modes": ["mixed"]}
    sizes = {
        "at_the_start": {"image_size": 20, "n_test_episodes": 20},
        "disk": {"image_size": 16, "n_test_episodes": 20},
        "memory": {"image_size": 28, "n_test_episodes": 200},
    }
    plan = make_plan(sizes, [0], base=base, numerics=None)
    runs = study(tmp_path, plan, (sys.executable, "-P", "-c", LIMITED)).run().runs
    assert [(run.status, run.attempts) for run in runs] == [("failed", 1)] * 3
    start, disk, memory = runs
    mend = "File too large; free disk space, or check the permissions of the folder"
    assert start.message == f"process ended with exit code 1: cannot write {start.folder}/settings.json: {mend}"
    assert disk.message == f"cannot write {disk.folder}/result.json: {mend}"
    settings = make_settings(memory.planned.settings)
    assert memory.message.endswith(out_of_memory(settings)) and "\n" not in memory.message
    again = study(tmp_path, plan, WORKER).run().runs
    assert [(run.status, run.attempts) for run in again] == [("done", 2)] * 3


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(28, "No space left on device"), ValueError("a bug")])
def test_any_error_of_the_study_stops_its_processes(tmp_path: Path, error: Exception) -> None:
    plan = plan_of(quick=101, slow=500)
    waiting = tmp_path / "runs" / plan.runs[1].run_key / "waiting"

    def fails(text: str) -> None:
        while not waiting.exists():
            time.sleep(0.02)
        raise error

    with pytest.raises(type(error)):
        study(tmp_path, plan, FAKE, say=fails).run()
    assert not is_alive(int(waiting.read_text()))
    view = load_study(tmp_path / "ablations-cpu")
    assert [(run.status, run.message) for run in view.runs] == [("done", ""), ("interrupted", "stopped by the user")]
    assert run_state(plan.runs[0], view.runs[0].folder).status == "done"


def test_a_run_that_a_killed_call_has_left_is_waited_for_and_said_once(tmp_path: Path) -> None:
    plan, said = plan_of(held=101), []
    folder = tmp_path / "runs" / plan.runs[0].run_key
    folder.mkdir(parents=True)
    lock = FileLock(folder / ".lock", thread_local=False)
    lock.acquire()

    def say(text: str) -> None:
        said.append(text)
        if "another process is doing this run" in text:
            threading.Timer(0.7, lock.release).start()  # after more than one look at the lock

    (run,) = study(tmp_path, plan, FAKE, say=say).run().runs
    assert run.status == "done"
    assert [text for text in said if "another process is doing this run" in text] == said[:1]
    assert said[0].startswith("held seed 0: ")


@pytest.mark.parametrize("folder", ["there", "read-only"])
def test_looking_at_a_lock_does_not_need_the_right_to_write_it(tmp_path: Path, folder: str) -> None:
    lock = FileLock(tmp_path / ".lock")
    assert not is_held(tmp_path)  # there is no lock yet, and looking makes none
    assert list(tmp_path.iterdir()) == []
    with lock:
        (tmp_path / ".lock").chmod(0o444 if folder == "read-only" else 0o644)
        script = (
            f"from pathlib import Path\nfrom leo_bench.records import is_held\nprint(is_held(Path({str(tmp_path)!r})))"
        )
        assert python("-c", script, cwd=tmp_path).stdout == "True\n"
    assert python("-c", script, cwd=tmp_path).stdout == "False\n"
    with lock:  # looking left it free
        pass
