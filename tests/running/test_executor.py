"""Executors: the scheduler with one that it does not know, what a node does, and Ray's bookkeeping without Ray."""

import json
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from results_fixture import make_plan, write_big_study
from test_sources import EARLY, package

from leo_bench.commands.cli import main
from leo_bench.config import Settings, make_settings
from leo_bench.data.locate import DataSource
from leo_bench.errors import EXIT_BUSY, EXIT_FAILED, EXIT_INTERRUPTED, LeoBenchError
from leo_bench.records import AttemptStatus, Plan, attempts_of, is_held, load_study, read_record
from leo_bench.running import cluster_node, provenance
from leo_bench.running.attempts import MAX_ATTEMPTS
from leo_bench.running.cluster import RayExecutor, Request
from leo_bench.running.cluster_node import Order, Outcome, do
from leo_bench.running.data_parcel import needs_files, pack_data, unpack_data
from leo_bench.running.estimate import cost_of_all
from leo_bench.running.executor import Ended, Task
from leo_bench.running.local_processes import LocalProcesses
from leo_bench.running.parcel import Parcel, digest_of, pack
from leo_bench.running.run_queue import RunQueue
from leo_bench.running.scheduler import StudyRunner
from leo_bench.running.sources import AT_COMMIT, Source
from leo_bench.running.worker import task_of_run

WORKER = (sys.executable, str(Path(__file__).parents[1] / "fake_worker.py"))


def plan_of(**latent_dims: int) -> Plan:
    """Return a plan with one variant per name. latent_dim tells the fake worker what to do."""
    variants = {name: {"latent_dim": value} for name, value in latent_dims.items()}
    return make_plan(variants, [0], base={"dataset": "glyphs"}, numerics=None)


class Elsewhere:
    """Executor that does each task at once, in this thread, and loses the first `losses` of them. Counts its window."""

    def __init__(self, window: int, losses: int = 0) -> None:
        self.window, self.losses = window, losses
        self.waiting: list[Task] = []
        self.most = 0
        self.done: list[str] = []

    @property
    def at_once(self) -> int:
        return self.window

    def check(self, settings: Iterable[Settings]) -> None:
        pass

    def room(self) -> int:
        return self.window - len(self.waiting)

    def start(self, task: Task) -> None:
        assert task.name not in [other.name for other in self.waiting]
        self.waiting.append(task)
        self.most = max(self.most, len(self.waiting))

    def ended(self, patience: float) -> list[Ended]:
        task = self.waiting.pop(0)
        if self.losses:
            self.losses -= 1
            return [Ended(task, EXIT_FAILED, "its node died")]
        self.done.append(task.name)
        return [Ended(task, subprocess.run(task.command(task.folder, task.data)).returncode)]

    def stop(self) -> list[Ended]:
        found = [Ended(task, EXIT_INTERRUPTED) for task in self.waiting]
        self.waiting.clear()
        return found


def study(results: Path, plan: Plan, executor: Any, **more: Any) -> StudyRunner:
    return StudyRunner(plan, plan, results, executor, say=lambda text: None, worker=WORKER, **more)


def test_the_scheduler_fills_the_window_of_any_executor_and_does_each_run_once(tmp_path: Path) -> None:
    plan, place = plan_of(a=101, b=102, c=103, d=104), Elsewhere(window=2)
    view = study(tmp_path, plan, place).run()
    assert [run.status for run in view.runs] == ["done"] * 4
    assert place.most == 2 and place.done == [run.run_key for run in plan.runs]


def test_a_lost_run_is_tried_again_and_its_loss_recorded(tmp_path: Path) -> None:
    (run,) = study(tmp_path, plan_of(a=101), Elsewhere(1, losses=1)).run().runs
    assert run.status == "done"
    first, second = attempts_of(run.folder)
    assert read_record(first / "status.json", AttemptStatus).message == "its node died"
    assert read_record(second / "status.json", AttemptStatus).status == "done"


def test_the_cap_on_attempts_ends_the_retries_of_lost_runs(tmp_path: Path) -> None:
    place = Elsewhere(1, losses=99)
    (run,) = study(tmp_path, plan_of(a=101), place).run().runs
    assert run.status == "failed" and len(attempts_of(run.folder)) == MAX_ATTEMPTS
    assert place.losses == 99 - MAX_ATTEMPTS


def test_runs_that_wait_at_the_executor_are_left_for_a_later_call(tmp_path: Path) -> None:
    plan, place = plan_of(a=101, b=102, c=103), Elsewhere(window=3)

    def interrupt(text: str) -> None:
        raise KeyboardInterrupt

    runner = study(tmp_path, plan, place)
    runner.say = interrupt
    with pytest.raises(KeyboardInterrupt):
        runner.run()
    view = load_study(tmp_path / "ablations-cpu")
    assert [run.status for run in view.runs] == ["done", "missing", "missing"] and not place.waiting
    assert [run.status for run in study(tmp_path, plan, LocalProcesses(2)).run().runs] == [
        "done"
    ] * 3  # by local processes


@pytest.mark.slow
def test_tables_are_written_in_a_small_share_of_the_time_and_always_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=lambda seconds: None)
    monkeypatch.setattr("leo_bench.running.scheduler.time", clock)
    written: list[float] = []

    def takes_a_second() -> None:
        written.append(now[0])
        now[0] += 1

    class Slow(Elsewhere):
        def ended(self, patience: float) -> list[Ended]:
            now[0] += 8
            return super().ended(patience)

    plan = make_plan({"a": {"latent_dim": 101}}, range(6), numerics=None)
    study(tmp_path, plan, Slow(1), on_change=takes_a_second).run()
    assert written == [0.0, 25.0, 50.0]  # at 0, after 20 s more than the second that it took, and at the end


def test_the_queue_knows_the_time_that_is_left() -> None:
    variants = {"a": {"latent_dim": 8}, "b": {"latent_dim": 8, "test_k_shots": [5]}, "c": {"latent_dim": 9}}
    plan = make_plan(variants, [0, 1], base={"test_n_ways": []})
    queue, left = RunQueue(plan.runs), list(plan.runs)
    for run in [plan.runs[4], plan.runs[0], plan.runs[1]]:
        queue.take(run)
        left = [other for other in left if other is not run]
        assert queue.seconds == pytest.approx(cost_of_all(left))
    queue.put_back(plan.runs[0])
    assert queue.seconds == pytest.approx(cost_of_all([*left, plan.runs[0]]))
    assert queue.first(9, ())[0] is plan.runs[0]
    keys = {run.run_key for run in left}
    assert [run.run_key for run in queue.first(9, keys)] == [plan.runs[0].run_key]
    assert queue.first(0, ()) == queue.first(-1, ()) == []


def order(task: Task, results: Path, **changes: Any) -> Order:
    """Return an order as RayExecutor makes it for a node that shares no disk."""
    fields: dict[str, Any] = {
        "program": task.program[1:],
        "options": task.options,
        "results": str(results),
        "folder": task.folder.relative_to(results).as_posix(),
        "log": task.log.relative_to(results).as_posix(),
        "environment": {provenance.EXECUTOR: "test"},
        "learner": task.settings.learner,
        "dataset": task.settings.dataset,
        "numerics": task.numerics,
        "source": "",
        "probe": "probe",
        "sent": pack(results, [task.folder]),
        "is_trial": False,
        "data": "",
        "data_digest": "",
    }
    return Order(**{**fields, **changes})


def no_data() -> Parcel:
    raise AssertionError("no data is needed")


def task(results: Path, latent_dim: int = 101) -> Task:
    run = plan_of(a=latent_dim).runs[0]
    return task_of_run(run, results, results / "runs" / run.run_key, worker=WORKER)


def test_a_node_works_in_a_folder_of_its_own_and_sends_everything_back(tmp_path: Path) -> None:
    asked = task(tmp_path / "here")
    asked.folder.mkdir(parents=True)
    (asked.folder / "attempt-1").mkdir()
    (asked.folder / "attempt-1/status.json").write_text("{}")
    outcome = do(order(asked, tmp_path / "here"), no_data, tmp_path / "node")
    assert outcome.code == 0 and outcome.parcel is not None and outcome.parcel.is_whole
    names = {Path(name).relative_to(f"runs/{asked.name}").as_posix() for name in outcome.parcel.files}
    assert {"result.json", "stderr.txt", "attempt-1/status.json", "attempt-2/status.json"} <= names
    assert ".lock" not in names
    assert [path.name for path in asked.folder.iterdir()] == ["attempt-1"]  # nothing is written here by the node
    assert list((tmp_path / "node/work").iterdir()) == []


def test_a_node_with_a_shared_disk_works_there_and_others_say_that_they_have_none(tmp_path: Path) -> None:
    asked = task(tmp_path)
    assert do(order(asked, tmp_path, sent=None), no_data, tmp_path / "node").shares_no_disk
    (tmp_path / "probe").write_text("probe")
    gone = order(asked, tmp_path, sent=None, data=str(tmp_path / "data"))
    assert do(gone, no_data, tmp_path / "node").shares_no_disk
    outcome = do(order(asked, tmp_path, sent=None), no_data, tmp_path / "node")
    assert (outcome.code, outcome.parcel) == (0, None)
    assert (asked.folder / "result.json").exists()


def test_a_process_on_a_node_works_in_the_folder_of_its_results(tmp_path: Path) -> None:
    asked = replace(task(tmp_path), program=(sys.executable, "-c", "import os; print(os.getcwd())"))
    outcome = do(order(asked, tmp_path), no_data, tmp_path / "node")
    assert outcome.parcel is not None
    (written,) = outcome.parcel.files.values()
    assert Path(written.decode().strip()).parent == tmp_path / "node/work"


def test_a_node_with_other_source_is_refused_before_it_trains(tmp_path: Path) -> None:
    asked = task(tmp_path)
    outcome = do(order(asked, tmp_path, numerics="0" * 12), no_data, tmp_path / "node")
    assert "another version of leo_bench" in outcome.refused and asked.numerics in outcome.refused
    assert not (tmp_path / "node").exists()


def test_a_damaged_parcel_is_refused_by_the_node(tmp_path: Path) -> None:
    asked = task(tmp_path)
    outcome = do(order(asked, tmp_path, sent=Parcel({"a": b"1"}, "wrong")), no_data, tmp_path / "node")
    assert "damaged" in outcome.refused


@pytest.mark.parametrize("step", ["data", "log", "shared disk"])
def test_a_full_disk_on_a_node_is_said_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    asked, opened = task(tmp_path), Path.open

    def full(path: Path, mode: Any = "r", *more: Any, **options: Any) -> Any:
        if mode == "r":
            return opened(path, mode, *more, **options)
        raise OSError(28, "No space left on device", str(path))

    changes: dict[str, Any] = {"sent": None} if step == "shared disk" else {}
    if step == "data":
        changes = {"data": "data", "data_digest": "0" * 64}
        monkeypatch.setattr(Path, "write_bytes", full)
    else:
        (tmp_path / "probe").write_text("probe")
        monkeypatch.setattr(Path, "open", full)
    files = {"images_background/1.png": b"1"}
    outcome = do(order(asked, tmp_path, **changes), lambda: Parcel(files, digest_of(files)), tmp_path / "node")
    assert outcome.refused.startswith("a node (") and outcome.refused.endswith("or check the permissions")
    assert "No space left on device" in outcome.refused and str(tmp_path) in outcome.refused


@pytest.mark.parametrize("taken", ["open to all", "a file", "a link"])
def test_a_node_works_in_no_folder_that_others_can_open(tmp_path: Path, taken: str) -> None:
    asked, place = task(tmp_path), tmp_path / "node"
    if taken == "open to all":
        place.mkdir()
        place.chmod(0o777)
    elif taken == "a file":
        place.touch()
    else:
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        place.symlink_to(tmp_path / "elsewhere")
    outcome = do(order(asked, tmp_path), no_data, place)
    assert f"{place} is not a folder of this user alone" in outcome.refused
    assert not list(tmp_path.glob("elsewhere/*")) and not (place.is_dir() and any(place.iterdir()))


def test_a_node_works_in_no_folder_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "node").mkdir(mode=0o700)
    monkeypatch.setattr(cluster_node.os, "getuid", lambda: 12345)
    assert (
        "is not a folder of this user alone" in do(order(task(tmp_path), tmp_path), no_data, tmp_path / "node").refused
    )


def test_the_folder_of_a_node_is_closed_to_others(tmp_path: Path) -> None:
    assert do(order(task(tmp_path), tmp_path), no_data, tmp_path / "node").code == 0
    assert (tmp_path / "node").stat().st_mode & 0o777 == 0o700


def test_a_process_on_a_node_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    asked = task(tmp_path, latent_dim=500)  # waits to be stopped
    (tmp_path / "probe").write_text("probe")
    code = (
        "import sys, pickle\nfrom pathlib import Path\nfrom leo_bench.running.cluster_node import do\n"
        "do(pickle.load(open(sys.argv[1], 'rb')), None, Path(sys.argv[2]))"
    )
    (tmp_path / "order").write_bytes(pickle.dumps(order(asked, tmp_path, sent=None)))
    node = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "order"), str(tmp_path / "node")])
    waiting = asked.folder / "waiting"
    while not waiting.exists():
        time.sleep(0.05)
        assert node.poll() is None
    node.kill()
    node.wait()
    status = asked.folder / "attempt-1/status.json"
    while read_record(status, AttemptStatus).status == "running":
        time.sleep(0.05)
    assert read_record(status, AttemptStatus).status == "interrupted"


def test_a_node_stops_its_process_when_the_user_stops_the_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Process:
        returncode = EXIT_INTERRUPTED
        stopped = False

        def wait(self, *_: object) -> int:
            if not self.stopped:
                raise KeyboardInterrupt
            return self.returncode

        def terminate(self) -> None:
            self.stopped = True

    monkeypatch.setattr(cluster_node.subprocess, "Popen", lambda *_, **__: Process())
    outcome = do(order(task(tmp_path), tmp_path), no_data, tmp_path / "node")
    assert outcome.code == EXIT_INTERRUPTED and outcome.parcel is not None


def test_data_is_written_once_on_a_node_and_only_whole(tmp_path: Path) -> None:
    for name in ("images_background", "images_evaluation"):
        (tmp_path / "data" / name / "A").mkdir(parents=True)
        (tmp_path / "data" / name / "A/1.png").write_bytes(name.encode())
    (tmp_path / "data/other").mkdir()
    parcel = pack_data(DataSource("omniglot", "folders", tmp_path / "data"))
    assert sorted(parcel.files) == ["images_background/A/1.png", "images_evaluation/A/1.png"]
    fetched: list[int] = []

    def fetch() -> Parcel:
        fetched.append(1)
        return parcel

    folders = {unpack_data(tmp_path / "node", parcel.digest, fetch) for _ in range(3)}
    (folder,) = folders
    assert len(fetched) == 1
    assert (folder / "images_background/A/1.png").read_bytes() == b"images_background"
    with pytest.raises(LeoBenchError, match="damaged"):
        unpack_data(tmp_path / "other", "f" * 64, lambda: Parcel(parcel.files, "wrong"))
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["data.lock"]


def test_data_behind_links_is_sent_whole(tmp_path: Path) -> None:
    """Links to alphabets and drawings are followed, as in reading; a link to a folder around itself adds nothing."""
    (tmp_path / "disk/A/c").mkdir(parents=True)
    (tmp_path / "disk/A/c/1.png").write_bytes(b"1")
    for name in ("images_background", "images_evaluation"):
        (tmp_path / "data" / name / "B").mkdir(parents=True)
        (tmp_path / "data" / name / "A").symlink_to(tmp_path / "disk/A")
        (tmp_path / "data" / name / "B/2.png").symlink_to(tmp_path / "disk/A/c/1.png")
        (tmp_path / "data" / name / "again").symlink_to(tmp_path / "data")
    parcel = pack_data(DataSource("omniglot", "folders", tmp_path / "data"))
    assert set(parcel.files.values()) == {b"1"}
    for name in ("images_background", "images_evaluation"):
        (tmp_path / "data" / name / "again").unlink()
    assert sorted(pack_data(DataSource("omniglot", "folders", tmp_path / "data")).files) == sorted(
        f"{name}/{file}" for name in ("images_background", "images_evaluation") for file in ("A/c/1.png", "B/2.png")
    )


def test_only_a_data_set_with_files_is_sent() -> None:
    assert needs_files(make_settings({"dataset": "omniglot"}))
    assert needs_files(make_settings({"dataset": "glyphs", "test_datasets": ["omniglot"]}))
    assert not needs_files(make_settings({"dataset": "glyphs", "test_datasets": ["digits"]}))


class FakeRay:
    """Stand-in with the part of Ray that RayExecutor uses; this process does a task when it is waited for."""

    __version__ = "0"

    class exceptions:
        class RayError(Exception):
            pass

        class TaskCancelledError(RayError):
            pass

        class RayTaskError(RayError):
            cause: Exception = ModuleNotFoundError("No module named 'torch'")

        class RuntimeEnvSetupError(RayError):
            pass

    def __init__(self, node: Path, **resources: float) -> None:
        self.node = node
        self.living = [resources]
        self.put_away: list[Any] = []
        self.outcome: Callable[[Order], Outcome] = lambda order: do(order, self.fetch, node)
        self.options_of: list[dict[str, Any]] = []
        self.orders: list[Order] = []

    def fetch(self) -> Parcel:
        parcel: Parcel = self.put_away[0]
        return parcel

    def put(self, value: Any) -> int:
        self.put_away.append(value)
        return len(self.put_away)

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": resources} for resources in self.living]

    def remote(self, function: Any) -> Any:
        def options(**options: Any) -> Any:
            self.options_of.append(options)
            return SimpleNamespace(remote=self.placed)

        return SimpleNamespace(options=options)

    def placed(self, order: Order, data: list[Any]) -> int:
        self.orders.append(order)
        return len(self.orders) - 1

    def wait(self, references: list[Any], num_returns: int, timeout: float) -> tuple[list[Any], list[Any]]:
        return references[:num_returns], references[num_returns:]

    def get(self, reference: Any) -> Outcome:
        return self.outcome(self.orders[reference])

    def cancel(self, reference: Any, force: bool = False) -> None:
        def cancelled(order: Order) -> Outcome:
            raise self.exceptions.TaskCancelledError

        self.outcome = cancelled


@pytest.fixture
def ray(tmp_path: Path) -> FakeRay:
    return FakeRay(tmp_path / "node", CPU=2.0)


def executor(ray: FakeRay, results: Path, **more: Any) -> RayExecutor:
    made = RayExecutor(ray, results, say=lambda text: None, **more)
    made.check([make_settings({})])
    return made


@pytest.mark.slow
@pytest.mark.parametrize("collect", [True, False])
def test_a_study_by_way_of_ray_leaves_the_same_files(tmp_path: Path, ray: FakeRay, collect: bool) -> None:
    plan = plan_of(a=101, b=200, c=400)
    local, there = tmp_path / "local", tmp_path / "there"
    study(local, plan, LocalProcesses(2)).run()
    place = executor(ray, there, collect=collect)
    view = study(there, plan, place).run()
    assert [run.status for run in view.runs] == ["done", "failed", "done"]
    for root in (local, there):
        assert [len(attempts_of(root / "runs" / run.run_key)) for run in plan.runs] == [1, 1, 2]
    names = [
        sorted(
            path.relative_to(root).as_posix()
            for path in root.glob("runs/*/**/*")
            if path.is_file() and path.name != ".lock"
        )
        for root in (local, there)
    ]
    assert names[0] == names[1]
    assert not any(is_held(path) for path in (there / "runs").iterdir())
    assert {options["max_retries"] for options in ray.options_of} == {0}


def test_a_node_without_the_disk_turns_collecting_on_and_costs_no_attempt(tmp_path: Path, ray: FakeRay) -> None:
    place = executor(ray, tmp_path / "there")
    (tmp_path / "there" / place.probe).unlink()  # as on a machine with another disk
    (run,) = study(tmp_path / "there", plan_of(a=101), place).run().runs
    assert (run.status, run.attempts, place.collect) == ("done", 1, True)


@pytest.mark.parametrize("collect", [True, False])
def test_the_source_of_an_earlier_commit_travels_with_its_task(tmp_path: Path, ray: FakeRay, collect: bool) -> None:
    root = package(tmp_path / "reproduce/source-abc", EARLY)
    shutil.copy(AT_COMMIT, root)
    folder = tmp_path / "reproduce/run"
    folder.mkdir()
    place = executor(ray, tmp_path, collect=collect)
    place.start(Source("aaaabbbbcccc", root).task(make_settings({"dataset": "glyphs"}), tmp_path, folder, None))
    (ended,) = place.ended(0)
    assert ended.code == 0, ended.task.log.read_text()
    settings, _ = json.loads((folder / "did.json").read_text())  # written by the package that travelled
    assert settings["dataset"] == "glyphs"
    assert not list((tmp_path / "node").glob("work/*"))


def test_a_run_that_is_out_on_a_node_is_held_here(tmp_path: Path, ray: FakeRay) -> None:
    place, asked = executor(ray, tmp_path, collect=True), task(tmp_path)
    place.start(asked)
    assert is_held(asked.folder)
    other = executor(ray, tmp_path, collect=True)
    other.start(asked)
    assert other.ended(0) == [Ended(asked, EXIT_BUSY)]
    assert [ended.code for ended in place.stop()] == [EXIT_INTERRUPTED]
    assert not is_held(asked.folder)


@pytest.mark.parametrize(
    ("error", "words"),
    [("RayTaskError", "a node cannot start runs (ModuleNotFoundError: No module named 'torch')"),
     ("RuntimeEnvSetupError", "cannot unpack the source")],
)  # fmt: skip
def test_a_node_that_can_start_nothing_ends_the_study_in_one_line(
    tmp_path: Path, ray: FakeRay, error: str, words: str
) -> None:
    def fails(order: Order) -> Outcome:
        raise getattr(ray.exceptions, error)("why")

    ray.outcome = fails
    with pytest.raises(LeoBenchError) as caught:
        study(tmp_path, plan_of(a=101, b=102), executor(ray, tmp_path, collect=True)).run()
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert not any(is_held(path) for path in (tmp_path / "runs").iterdir())


def test_an_error_on_a_node_that_no_package_can_mend_is_not_put_down_to_packages(tmp_path: Path, ray: FakeRay) -> None:
    def fails(order: Order) -> Outcome:
        error = ray.exceptions.RayTaskError("why")
        error.cause = ValueError("not enough of it")
        raise error

    ray.outcome = fails
    with pytest.raises(LeoBenchError) as caught:
        study(tmp_path, plan_of(a=101), executor(ray, tmp_path, collect=True)).run()
    assert str(caught.value) == "a node cannot start runs (ValueError: not enough of it)"


def test_what_came_back_damaged_is_no_result(tmp_path: Path, ray: FakeRay) -> None:
    def damaged(order: Order) -> Outcome:
        outcome = do(order, no_data, ray.node)
        assert outcome.parcel is not None
        return Outcome(0, Parcel({**outcome.parcel.files, "runs/x": b""}, outcome.parcel.digest))

    ray.outcome = damaged
    (run,) = study(tmp_path, plan_of(a=101), executor(ray, tmp_path, collect=True)).run().runs
    assert (run.status, run.attempts) == ("failed", MAX_ATTEMPTS)
    assert run.message == "what came back of it from its node is damaged"


def test_runs_are_packed_by_threads_and_shares_of_gpus() -> None:
    box = {"CPU": 8.0, "GPU": 1.0}
    assert Request(1, 0).fits(box) == 8 and Request(3, 0).fits(box) == 2
    assert Request(1, 0.25).fits(box) == 4 and Request(4, 0.25).fits(box) == 2
    assert Request(1, 2).fits(box) == 0 and Request(9, 0).fits(box) == 0


def test_the_window_is_bounded_and_follows_the_cluster(tmp_path: Path, ray: FakeRay) -> None:
    place = executor(ray, tmp_path)
    assert (place.room(), place.at_once) == (3, 2)  # two that run, one that waits
    ray.living += [{"CPU": 6.0}]
    place.looked = -1e9
    assert (place.room(), place.at_once) == (10, 8)
    place.jobs = 5
    assert (place.room(), place.at_once) == (5, 5)
    ray.living, place.looked, place.jobs = [], -1e9, None
    assert place.room() == 1  # one waits for a node to come


def test_what_no_node_has_is_refused_before_anything_starts(tmp_path: Path, ray: FakeRay) -> None:
    place = RayExecutor(ray, tmp_path, gpus_per_run=0.5)
    with pytest.raises(LeoBenchError, match=r"needs 1 CPUs and 0.5 GPUs on one node, .* have 2 CPUs and 0 GPUs; add"):
        place.check([make_settings({"device": "cuda"})])
    with pytest.raises(LeoBenchError, match="needs 3 CPUs and 0 GPUs"):
        RayExecutor(ray, tmp_path).check([make_settings({"threads": 3})])
    with pytest.raises(LeoBenchError, match="add --device cuda, or leave it out"):
        place.check([make_settings({})])
    place.check([])  # all is done


def test_a_record_names_the_engine_and_the_commit_of_the_source_that_was_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "executor" not in provenance.host()
    monkeypatch.setenv(provenance.EXECUTOR, "Ray 2.60.0")
    monkeypatch.setenv(provenance.COMMIT, "abc123")
    assert provenance.host()["executor"] == "Ray 2.60.0"
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path / "leo_bench")
    assert provenance.commit() == "abc123"
    monkeypatch.delenv(provenance.COMMIT)
    assert provenance.commit() == "unknown"


@pytest.fixture
def without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)


@pytest.mark.usefixtures("without_ray")
@pytest.mark.parametrize(
    "command",
    [["study", "ablations", "--dataset", "glyphs"], ["search", "search", "--dataset", "glyphs"], ["reproduce"]],
)
def test_without_the_extra_one_line_says_how_to_install_it(
    tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    results = write_big_study(tmp_path, seeds=(0,)).parent
    assert main([*command, "--results", str(results), "--ray", "local"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: --ray needs Ray") and "pip install 'leo_bench[ray]'" in line


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--gpus-per-run", "0.5"], "--gpus-per-run would be ignored without --ray"),
        (["--collect"], "--collect would be ignored without --ray"),
        (["--ray", "auto", "--gpus-per-run", "1.5"], "a share of a GPU up to 1, or a whole number, got 1.5"),
        (["--ray", "auto", "--gpus-per-run", "0"], "got 0"),
        (["--ray", "auto", "--gpus-per-run", "inf"], "a whole number, got inf"),
        (["--ray", "auto", "--gpus-per-run", "nan"], "a whole number, got nan"),
        (["--ray", "auto", "--plan"], "--plan starts nothing, so --ray would be ignored"),
        (["--ray", "ray://head:10001"], "Ray Client"),
        (["--ray", "head"], "--ray head: expected auto, local, or HOST:PORT of the head of a cluster"),
        (["--ray", "127.0.0.1:70000"], "--ray 127.0.0.1:70000: expected auto, local, or HOST:PORT"),
        (
            ["--ray", "127.0.0.1:1"],
            "--ray 127.0.0.1:1: no connection to a Ray cluster (",
        ),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    tmp_path: Path, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", "ablations", "--dataset", "glyphs", "--results", str(tmp_path), *options]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert words in line


def test_a_search_on_several_machines_needs_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LEO_BENCH_STORAGE", raising=False)
    assert main(["search", "--ray", "auto", "--dataset", "glyphs", "--results", str(tmp_path)]) == 2
    assert "--storage postgresql://" in capsys.readouterr().err
