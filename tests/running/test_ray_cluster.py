"""Studies on a real Ray cluster of several nodes on this machine: make test-ray.

Each node has its own temporary folder. With --collect no node looks into the results folder: what it made comes back
through Ray, as from a machine that shares no disk. All ports are bound to 127.0.0.1.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cluster_study import CLI, command, environment, study, write_studies

from leo_bench.config import make_settings
from leo_bench.records import RunState, attempts_of, load_study, read_record
from leo_bench.records.schema import AttemptStatus
from leo_bench.running.cluster import connected
from leo_bench.running.executor import Ended, Task
from leo_bench.running.reproduce import differences

pytestmark = pytest.mark.ray


class Nodes:
    """A cluster whose nodes come and go."""

    def __init__(self, folder: Path) -> None:
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        try:
            from ray.cluster_utils import Cluster
        except ImportError:
            pytest.fail("needs Ray: make test-ray, or pip install 'leo_bench[ray]'")
        self.folder = folder
        self.cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "temp_dir": str(folder)})
        self.address: str = self.cluster.address
        self.n = 0

    def add(self, num_cpus: int = 1, num_gpus: int = 0) -> Any:
        """Add a node with a temporary folder of its own, for Ray too. Ray believes in any number of GPUs."""
        self.n += 1
        own = self.newest
        own.mkdir()
        return self.cluster.add_node(
            num_cpus=num_cpus, num_gpus=num_gpus, temp_dir=str(own), env_vars={"TMPDIR": str(own)}
        )

    @property
    def newest(self) -> Path:
        """Temporary folder of the node that was added last."""
        return self.folder / f"node-{self.n}"

    def has_worked(self) -> bool:
        """Return True if the node that was added last has been given a run of a study with --collect.

        It works in a folder of its own, which is removed when the study ends.
        """
        return any(self.newest.glob("leo_bench-*"))

    def kill(self, node: Any) -> None:
        """Kill the processes of a node with SIGKILL."""
        self.cluster.remove_node(node, allow_graceful=False)


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    folder = Path(tempfile.mkdtemp(prefix="ray-"))  # short, since the paths of sockets must be
    made = Nodes(folder)
    made.add()
    yield made
    made.cluster.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the study file, and its results by one process that does all runs without a scheduler."""
    folder = tmp_path_factory.mktemp("studies")
    write_studies(folder)
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("cluster_study.py")), str(folder)],
        env=environment(folder),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


def runs_of(folder: Path, profile: str = "smoke") -> list[RunState]:
    return load_study(folder / f"light-{profile}").runs


def outcomes(run: RunState) -> list[str]:
    return [read_record(attempt / "status.json", AttemptStatus).status for attempt in attempts_of(run.folder)]


def names_in(folder: Path) -> set[str]:
    """Names of all files of a run, apart from the messages of the process that a scheduler starts for it."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")} - {"stderr.txt"}


def check_same(ours: list[RunState], theirs: list[RunState]) -> None:
    """Check that two studies have the same runs, bit for bit apart from times and machines."""
    assert [run.status for run in theirs] == ["done"] * len(ours)
    for one, other in zip(ours, theirs, strict=True):
        assert one.planned == other.planned
        assert differences(one, other) == []


def wait_for(what: Any, process: subprocess.Popen[str]) -> None:
    while not what():
        time.sleep(0.1)
        assert process.poll() is None, process.communicate()


def n_done(results: Path) -> int:
    return len(list(results.glob("runs/*/result.json")))


def test_a_study_survives_the_death_of_a_node_bit_for_bit(place: Path, nodes: Nodes) -> None:
    victim, results = nodes.add(), place / "collected"
    options = ["--profile", "smoke", "--ray", nodes.address, "--collect"]
    with subprocess.Popen(
        command(place, "collected", *options),
        env=environment(place),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_for(lambda: n_done(results) >= 8, process)
        in_the_middle = n_done(results)
        nodes.kill(victim)
        nodes.add()
        wait_for(nodes.has_worked, process)  # the node that was added does runs too
        _, errors = process.communicate(timeout=1800)
    assert process.returncode == 0, errors
    assert in_the_middle < 35
    runs = runs_of(results)
    assert len(runs) == 40
    check_same(runs_of(place / "local"), runs)
    attempts = [outcomes(run) for run in runs]
    assert all(one.count("done") == 1 for one in attempts)  # no run twice
    lost = [one for one in attempts if one != ["done"]]
    assert 1 <= len(lost) <= 2 and all(one == ["failed", "done"] for one in lost)
    assert {run.result.host.get("executor", "") for run in runs if run.result} != {""}
    assert all(run.result.host["executor"].startswith("Ray ") for run in runs if run.result)
    assert not any("executor" in run.result.host for run in runs_of(place / "local") if run.result)
    assert not list(results.glob(".shared-disk*")) and not list(results.glob(".brought*"))
    for one, other in zip(runs_of(place / "local"), runs, strict=True):
        if outcomes(other) == ["done"]:  # one that was lost has the folder of its first attempt too
            assert names_in(one.folder) == names_in(other.folder)


def test_nodes_that_share_the_disk_write_their_results_themselves(place: Path, nodes: Nodes) -> None:
    done = study(place, "shared", "--profile", "quick", "--ray", nodes.address)
    assert done.returncode == 0, done.stderr
    assert "send back" not in done.stdout + done.stderr
    runs = runs_of(place / "shared", "quick")
    check_same(runs_of(place / "local")[:2], runs)


@pytest.mark.parametrize("collect", [True, False])
def test_recorded_runs_are_done_again_on_the_nodes(place: Path, nodes: Nodes, collect: bool) -> None:
    folder = place / "local/light-smoke"
    options = ["-n", "3", "--levels", "2", "--json", "--ray", nodes.address, *(["--collect"] if collect else [])]
    done = subprocess.run(
        [*CLI, "reproduce", str(folder), "--results", str(place / "again"), *options],
        env=environment(place),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [run["level"] for run in found["runs"]] == [2, 2, 2]
    assert not list((place / "again/reproduce").iterdir())


@pytest.mark.parametrize("collect", [True, False])
def test_a_study_that_is_stopped_goes_on_without_ray(place: Path, nodes: Nodes, collect: bool) -> None:
    name = f"stopped-{collect}"
    options = ["--profile", "smoke", "--seeds", "0", "--ray", nodes.address, *(["--collect"] if collect else [])]
    with subprocess.Popen(
        command(place, name, *options),
        env=environment(place),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a suite in the background may ignore it
    ) as process:
        wait_for(lambda: n_done(place / name) >= 2, process)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=200)
    assert process.returncode == 130, errors
    assert "run the same command again to continue" in errors
    assert n_done(place / name) < 8
    again = study(place, name, "--profile", "smoke", "--seeds", "0")
    assert again.returncode == 0, again.stderr
    runs = runs_of(place / name)
    check_same(runs_of(place / "local")[:8], runs)
    assert all(outcomes(run).count("done") == 1 and "failed" not in outcomes(run) for run in runs)


USES_A_GPU = """
import os, pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
mine = folder.parent / f"going-{folder.name}"
mine.touch()
most, four, begin = 0, folder.parent / "four", time.monotonic()
while time.monotonic() < begin + 2 or not (four.exists() or time.monotonic() > begin + 120):
    most = max(most, len(list(folder.parent.glob("going-*"))))
    if most == 4:
        four.touch()
    time.sleep(0.02)
mine.unlink()
(folder / "seen").write_text(f"{most} {os.environ['CUDA_VISIBLE_DEVICES']}")
"""
"""A run that says how many were going on at the same time, and which GPUs it sees. It waits until four were seen, and
for a fifth that may come."""


def test_four_runs_share_a_gpu_and_each_sees_it(tmp_path: Path, nodes: Nodes) -> None:
    settings = make_settings({"device": "cuda"})
    folders = [tmp_path / f"run-{n}" for n in range(9)]
    for folder in folders:
        folder.mkdir()
    waiting = [
        Task(folder.name, (sys.executable, "-c", USES_A_GPU), tmp_path, folder, settings, folder / "log.txt")
        for folder in folders
    ]
    ended: list[Ended] = []
    box = nodes.add(num_cpus=9, num_gpus=1)
    try:
        with connected(nodes.address, tmp_path, gpus_per_run=0.25) as executor:
            executor.check([settings])
            assert executor.at_once == 4
            while waiting or executor.placed:
                while waiting and executor.room() > 0:
                    executor.start(waiting.pop())
                ended += executor.ended(0.3)
    finally:
        nodes.cluster.remove_node(box)  # in good order, so that the cluster knows at once
    assert [one.code for one in ended] == [0] * 9, [one.task.log.read_text() for one in ended]
    seen = [(folder / "seen").read_text().split() for folder in folders]
    assert max(int(most) for most, _ in seen) == 4
    assert {gpus for _, gpus in seen} == {"0"}


def test_a_local_cluster_listens_on_this_machine_only(tmp_path: Path) -> None:
    with connected("local", tmp_path):
        import psutil  # comes with Ray

        sockets = [one for child in psutil.Process().children(recursive=True) for one in child.net_connections("inet")]
        places = {one.laddr.ip.removeprefix("::ffff:") for one in sockets if one.status == psutil.CONN_LISTEN}
    assert places == {"127.0.0.1"}


def test_what_no_node_can_do_is_refused_in_one_line(place: Path, nodes: Nodes) -> None:
    done = study(place, "refused", "--profile", "quick", "--ray", nodes.address, "--device", "cuda")
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: a run needs 1 CPUs and 1 GPUs on one node, but the nodes of the Ray cluster have ")
