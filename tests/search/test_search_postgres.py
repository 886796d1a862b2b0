"""A search on a real PostgreSQL server: make test-postgres.

The server is that of LEO_BENCH_POSTGRES (a postgresql:// address of an empty database), or one that is started here in
a temporary folder with the programs of a PostgreSQL installation.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_search import small_plan
from test_search_run import WORKER, check_agreement

from leo_bench.errors import LeoBenchError
from leo_bench.records import write_record
from leo_bench.running.local_processes import LocalProcesses
from leo_bench.search.runner import SearchRunner
from leo_bench.search.storage import open_storage
from leo_bench.search.study import create_study

pytestmark = pytest.mark.postgres

NEEDS = (
    "needs PostgreSQL's initdb and pg_ctl (a package postgresql; or an address in LEO_BENCH_POSTGRES), and the driver: "
    "pip install 'leo_bench[postgres]'"
)


def program(name: str) -> str:
    for place in (None, *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)):
        found = shutil.which(name, path=place)
        if found:
            return found
    pytest.fail(f"{name} is missing; {NEEDS}")


@pytest.fixture
def address() -> Iterator[str]:
    """Address of an empty database."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        pytest.fail(f"psycopg is missing; {NEEDS}")
    if "LEO_BENCH_POSTGRES" in os.environ:
        yield os.environ["LEO_BENCH_POSTGRES"]
        return
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # pytest keeps its own folders from other users
    as_owner: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        as_owner = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = str(folder / "data")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder}"
    subprocess.run([*as_owner, program("initdb"), "-D", data, "-U", "leo", "--auth=trust"], check=True, cwd=folder)
    control = [*as_owner, program("pg_ctl"), "-D", data, "-w", "-l", str(folder / "log")]
    subprocess.run([*control, "-o", options, "start"], check=True, cwd=folder)
    try:
        yield f"postgresql://leo:secret@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, cwd=folder)
        shutil.rmtree(folder)


def test_workers_share_a_search_on_postgres_and_one_of_them_is_killed(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = small_plan(n_trials=4)
    folder = tmp_path / "small-smoke"
    monkeypatch.setenv("DIE_AT", "1 4")
    runner = SearchRunner(
        plan, folder, address, LocalProcesses(2), say=lambda _: None, heartbeat=1, grace=5, worker=WORKER
    )
    trials = runner.run()
    assert check_agreement(tmp_path, plan, address) == trials
    assert sum(trial.state in ("complete", "pruned") for trial in trials.trials) == 4
    died = next(trial for trial in trials.trials if trial.number == 1)
    again = next(trial for trial in trials.trials if trial.retry_of == 1)
    assert died.state == "failed"
    assert again.parameters == died.parameters
    assert not (folder / "optuna.db").exists()
    assert "secret" not in "".join(path.read_text() for path in folder.glob("*.json"))


def test_workers_of_several_calls_never_begin_more_trials_than_the_budget(tmp_path: Path, address: str) -> None:
    plan = small_plan(n_trials=3)
    folder = tmp_path / "small-smoke"
    write_record(folder / "search.json", plan)
    storage = open_storage(address)
    study = create_study(plan, storage)
    environment = {**os.environ, "LEO_BENCH_STORAGE": address}
    workers = [subprocess.Popen([*WORKER, str(folder)], env=environment) for _ in range(8)]  # all see an empty study
    assert [worker.wait() for worker in workers] == [0] * 8
    assert [trial.number for trial in study.get_trials()] == [0, 1, 2]
    storage.engine.dispose()


def test_a_server_that_is_not_there_is_named_without_its_password(address: str) -> None:
    with pytest.raises(LeoBenchError, match=r"cannot open the database postgresql://leo:\*\*\*@127") as caught:
        open_storage("postgresql://leo:secret@127.0.0.1:1/postgres")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
