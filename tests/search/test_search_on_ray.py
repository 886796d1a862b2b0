"""A search over a Ray cluster of two nodes, with its trials in PostgreSQL and two calls at the same time.

It needs both: python -m pytest -m "ray and postgres".
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from search_call import N_TRIALS
from small_search import small_plan
from test_search_postgres import address  # noqa: F401 - a fixture
from test_search_run import check_agreement

pytestmark = [pytest.mark.ray, pytest.mark.postgres]


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A cluster of two nodes with two processors each, on 127.0.0.1."""
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    folder = tempfile.mkdtemp(prefix="ray-")
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "temp_dir": folder})
    made.add_node(num_cpus=2, temp_dir=f"{folder}/node")
    yield made
    made.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


def test_two_calls_share_the_budget_and_lose_no_trial(tmp_path: Path, address: str, cluster: Any) -> None:  # noqa: F811
    folder, root = tmp_path / "small-smoke", Path(__file__).parents[2]
    environment = {**os.environ, "LEO_BENCH_STORAGE": address, "PYTHONPATH": str(root)}
    command = [sys.executable, str(Path(__file__).with_name("search_call.py")), str(tmp_path), cluster.address]
    first = subprocess.Popen(command, env=environment)
    while not (folder / "trials.json").exists():
        time.sleep(0.1)
        assert first.poll() is None
    second = subprocess.Popen(command, env=environment)
    assert (first.wait(), second.wait()) == (0, 0)
    trials = check_agreement(tmp_path, small_plan(n_trials=N_TRIALS), address)
    assert len(trials.trials) == N_TRIALS
    assert {trial.state for trial in trials.trials} <= {"complete", "pruned"}
    assert len(trials.sittings) == 2
    assert "secret" not in "".join(path.read_text(errors="replace") for path in tmp_path.rglob("*.json"))
