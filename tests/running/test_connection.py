"""Connecting to a Ray cluster and leaving it, with a stand-in for the package: what it gets, and what stays behind."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from leo_bench.errors import LeoBenchError
from leo_bench.running import cluster
from leo_bench.running.cluster import LOOPBACK, clean_node, connected, node_place
from leo_bench.running.cluster_node import make_private


class Ray(ModuleType):
    """Stand-in with the part of Ray that `connected` and the functions on a node use."""

    __version__ = "0"

    def __init__(self) -> None:
        super().__init__("ray")
        self.init_error: Exception | None = None
        self.given: dict[str, Any] = {}
        self.sent: list[str] = []
        self.loopback: str | None = None
        self.cleaned: list[str] = []
        self.n_shutdowns = 0
        self.here = ("node-1", "job-1")

    def init(self, **given: Any) -> None:
        if self.init_error is not None:
            raise self.init_error
        self.given, self.loopback = given, os.environ.get(LOOPBACK)
        source = Path(given["runtime_env"]["working_dir"])
        self.sent = sorted(path.relative_to(source).as_posix() for path in source.rglob("*"))

    def shutdown(self) -> None:
        self.n_shutdowns += 1

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {"Alive": alive, "NodeID": name, "Resources": {"CPU": 2.0}} for name, alive in (("a", True), ("b", False))
        ]

    def remote(self, function: Any) -> Any:
        def options(scheduling_strategy: Any = None, **_: Any) -> Any:
            return SimpleNamespace(remote=lambda: self.cleaned.append(scheduling_strategy.node))

        return SimpleNamespace(options=options)

    def wait(self, references: list[Any], **_: Any) -> tuple[list[Any], list[Any]]:
        return references, []

    def get_runtime_context(self) -> Any:
        node, job = self.here
        return SimpleNamespace(get_node_id=lambda: node, get_job_id=lambda: job)


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ray]:
    made = Ray()
    strategies: Any = ModuleType("ray.util.scheduling_strategies")
    strategies.NodeAffinitySchedulingStrategy = lambda node, soft: SimpleNamespace(node=node)
    for name, module in (("ray", made), ("ray.util", ModuleType("ray.util")), (strategies.__name__, strategies)):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(cluster, "_allow_open_files", lambda: None)  # the limit is one of the whole process
    for name in (LOOPBACK, "RAY_USAGE_STATS_ENABLED"):
        monkeypatch.setenv(name, "1")  # so that it is put back
        monkeypatch.delenv(name)
    yield made


def test_a_cluster_of_this_machine_is_for_this_machine_alone_and_gets_the_source(tmp_path: Path, ray: Ray) -> None:
    with connected("local", tmp_path) as place:
        assert (ray.given["address"], ray.given["include_dashboard"], ray.loopback) == ("local", False, "0")
        assert ray.given["num_cpus"] == os.cpu_count()
        assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
        assert "leo_bench/running/cluster_node.py" in ray.sent
        assert not [name for name in ray.sent if "__pycache__" in name or not name.startswith("leo_bench")]
        assert [path.name for path in tmp_path.iterdir()] == [place.probe]
        assert place.words == "1 nodes, 2 CPUs, 0 GPUs"
        assert ray.n_shutdowns == 0
    assert ray.n_shutdowns == 1 and ray.cleaned == ["a"]
    assert list(tmp_path.iterdir()) == []
    assert not Path(ray.given["runtime_env"]["working_dir"]).exists()


def test_a_cluster_that_runs_already_keeps_its_own_ports_and_resources(tmp_path: Path, ray: Ray) -> None:
    with connected("auto", tmp_path):
        assert ray.given["address"] == "auto" and "num_cpus" not in ray.given
        assert ray.loopback is None


def test_an_error_leaves_the_cluster_too(tmp_path: Path, ray: Ray) -> None:
    with pytest.raises(KeyError), connected("auto", tmp_path):
        raise KeyError
    assert ray.n_shutdowns == 1 and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error", [ConnectionError("nobody\nlistens"), ValueError("no address"), OSError(111, "refused")]
)
def test_a_cluster_that_cannot_be_reached_is_one_line(tmp_path: Path, ray: Ray, error: Exception) -> None:
    ray.init_error = error
    with pytest.raises(LeoBenchError) as caught, connected("head:6379", tmp_path):
        pass
    assert str(caught.value).startswith("--ray head:6379: no connection to a Ray cluster (")
    assert "ray start --head" in str(caught.value) and "\n" not in str(caught.value)
    assert ray.n_shutdowns == 0 and list(tmp_path.iterdir()) == []


def test_each_call_has_a_folder_of_its_own_on_a_node_that_no_one_else_may_read(
    tmp_path: Path, ray: Ray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster.tempfile, "gettempdir", lambda: str(tmp_path))
    places = []
    for ray.here in (("node-1", "job-1"), ("node-1", "job-2"), ("node-2", "job-1")):
        places.append(node_place())
        make_private(places[-1])
    assert len(set(places)) == 3
    assert [place.stat().st_mode & 0o777 for place in places] == 3 * [0o700]
    ray.here = ("node-1", "job-2")
    clean_node()
    assert sorted(tmp_path.iterdir()) == sorted([places[0], places[2]])
    clean_node()  # nothing is there any more
