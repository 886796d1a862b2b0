"""The dashboard as it is started and asked: address, port, answers, its end."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ranges_fixture import DRAWN, make_ranges
from results_fixture import make_plan, write_run, write_study
from search_fixture import write_search

from leo_bench.commands.cli import main
from leo_bench.dashboard.content import Folders, ShownStudy
from leo_bench.dashboard.follow import Follower, sources
from leo_bench.dashboard.optuna_database import OptunaDatabase
from leo_bench.dashboard.server import HOST, DashboardApp, dashboard, open_server, with_reports
from leo_bench.records.search import Trial

DEADLINE = 30.0
"""Seconds within which a change must show; it takes a fraction of one."""


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A study of four runs, of which one is done, and a search of two trials."""
    plan = make_plan({"leo": {}, "none": {"relation": "none"}}, [0, 1])
    write_study(tmp_path / "results", plan)
    write_run(tmp_path / "results", plan, plan.runs[0], lambda *_: np.full((12, 6), 60))
    trials = [
        Trial(number=0, state="complete", parameters=DRAWN, values=[0.5]),
        Trial(number=1, state="running", parameters=DRAWN),
    ]
    write_search(tmp_path / "results", make_ranges(), trials)
    return tmp_path / "results"


class Served:
    """A dashboard that answers."""

    def __init__(self, port: int, said: list[str]) -> None:
        self.port, self.said = port, said

    def ask(self, path: str, method: str = "GET") -> tuple[int, bytes]:
        request = urllib.request.Request(f"http://{HOST}:{self.port}{path}", method=method)
        request.add_header("Accept-Encoding", "identity")
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def json(self, path: str) -> Any:
        status, body = self.ask(path)
        assert status == 200, body
        return json.loads(body)

    def studies(self) -> dict[str, int]:
        return {study["study_name"]: study["study_id"] for study in self.json("/api/studies")["study_summaries"]}

    def wait_for(self, condition: Any) -> None:
        for _ in range(int(DEADLINE / 0.1)):
            if condition():
                return
            threading.Event().wait(0.1)
        raise AssertionError(f"did not come about; said: {self.said}")


@contextmanager
def served(results: Path) -> Iterator[Served]:
    said: list[str] = []
    with dashboard(results, results.parent / "reports", 0, said.append, seconds=0.1) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            shown = Served(server.server_port, said)
            shown.wait_for(lambda: len(said) > 1)
            yield shown
        finally:
            server.shutdown()
            thread.join()


def test_it_says_where_it_is_and_answers(results: Path) -> None:
    with served(results) as shown:
        assert shown.said == [
            f"dashboard: http://127.0.0.1:{shown.port}/  "
            f"(Ctrl-C stops it; nothing you delete there touches {results}/)",
            "shown: 2 studies and searches, 6 trials; kept up to date",
        ]
        status, page = shown.ask("/dashboard")
        assert status == 200 and b"<html" in page
        studies = shown.studies()
        assert set(studies) == {"ablations-cpu", "ranges-cpu"}
        study = shown.json(f"/api/studies/{studies['ablations-cpu']}")
        assert [trial["state"] for trial in study["trials"]] == ["Complete", "Waiting", "Waiting", "Waiting"]
        assert study["trials"][0]["values"] == [pytest.approx(0.8)]
        assert study["objective_names"] == ["accuracy"]
        assert "4 planned: 1 done, 3 missing" in study["note"]["body"]
        assert {parameter["name"] for parameter in study["intersection_search_space"]} == {
            "variant",
            "seed",
            "relation",
        }


def test_address_is_said_when_the_first_study_is_there(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    when_called: list[int] = []
    when_made: list[int] = []
    show = OptunaDatabase.show

    def watched(database: OptunaDatabase, shown: ShownStudy) -> bool:
        when_called.append(len(said))
        changed = show(database, shown)
        when_made.append(len(said))
        return changed

    monkeypatch.setattr(OptunaDatabase, "show", watched)
    with dashboard(results, results.parent / "reports", 0, said.append, seconds=DEADLINE):
        assert said[0].startswith("dashboard: http://127.0.0.1:")
    # Two studies. Nothing is said until the first one is in the database; the address is said before the second one.
    assert when_made[0] == 0 and when_called[1:] in ([], [1])


def test_address_is_said_after_what_is_wrong_if_no_study_can_be_shown(results: Path) -> None:
    for name in ("ablations-cpu/study.json", "ranges-cpu/search.json"):
        (results / name).write_text("{")
    said: list[str] = []
    with dashboard(results, results.parent / "reports", 0, said.append, seconds=DEADLINE):
        assert [line.split(":")[0].removeprefix(f"{results}/") for line in said[:3]] == [
            "ablations-cpu is passed over",
            "ranges-cpu is passed over",
            "dashboard",
        ]


def test_stopped_before_the_first_study_it_says_no_address(results: Path) -> None:
    said: list[str] = []
    stop = threading.Event()
    stop.set()
    database = OptunaDatabase(results)
    Follower(Folders(results, results), database, said.append, on_first=lambda: said.append("address")).run(stop, 1.0)
    database.close()
    assert said == []


def test_it_follows_what_happens(results: Path) -> None:
    with served(results) as shown:
        search = shown.studies()["ranges-cpu"]

        def states() -> list[str]:
            return [trial["state"] for trial in shown.json(f"/api/studies/{search}")["trials"]]

        assert states() == ["Complete", "Running"]
        trials = [Trial(number=n, state="complete", parameters=DRAWN, values=[0.5]) for n in range(3)]
        write_search(results, make_ranges(), trials)
        shown.wait_for(lambda: states() == ["Complete"] * 3)
        write_study(results, make_plan({"leo": {}}, [0], profile="smoke"))
        shown.wait_for(lambda: "ablations-smoke" in shown.studies())


def test_trial_that_has_not_drawn_its_parameters_takes_none_from_the_others(results: Path) -> None:
    """Else plots that need the parameters of all trials would stay empty."""
    with served(results) as shown:
        search = shown.studies()["ranges-cpu"]

        def shared() -> list[str]:
            space = shown.json(f"/api/studies/{search}")["intersection_search_space"]
            return [parameter["name"] for parameter in space]

        done = Trial(number=0, state="complete", parameters=DRAWN, values=[0.5])
        running = Trial(number=1, state="running", parameters=DRAWN)
        for drawn in ({}, DRAWN):
            write_search(results, make_ranges(), [done, running, Trial(number=2, state="running", parameters=drawn)])
            shown.wait_for(lambda drawn=drawn: shared() == sorted(drawn))


def test_cache_is_emptied_between_requests_only() -> None:
    """Else a request could put the trials that it read before a change into the emptied cache."""
    done: list[str] = []
    asked, answer = threading.Event(), threading.Event()

    class App:
        _inmemory_cache = SimpleNamespace(clear=lambda: done.append("emptied"))

        def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
            asked.set()
            answer.wait(DEADLINE)
            done.append("answered")
            return []

    app = DashboardApp(App())
    request, emptying = threading.Thread(target=app, args=({}, None)), threading.Thread(target=app.empty_cache)
    request.start()
    assert asked.wait(DEADLINE)
    emptying.start()
    emptying.join(0.2)
    assert done == []
    answer.set()
    request.join()
    emptying.join()
    assert done == ["answered", "emptied"]


def test_deleting_a_study_hurts_no_file(results: Path) -> None:
    before = {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}
    with served(results) as shown:
        status, _ = shown.ask(f"/api/studies/{shown.studies()['ablations-cpu']}", "DELETE")
        assert status == 204
        write_search(results, make_ranges(profile="quick"), [])
        shown.wait_for(lambda: "ranges-quick" in shown.studies())
        assert "ablations-cpu" not in shown.studies()
        assert len(shown.said) == 2
    assert before.items() <= {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}.items()


def test_no_other_machine_gets_in(results: Path) -> None:
    """On all of 127.0.0.0/8 this machine answers to itself; a server on every address would answer on 127.0.0.2."""
    with served(results) as shown:
        with socket.create_connection((HOST, shown.port), timeout=DEADLINE):
            pass
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.2", shown.port), timeout=1)


def test_reports_are_served_and_nothing_beside_them(results: Path, tmp_path: Path) -> None:
    report = tmp_path / "reports" / "ablations-cpu" / "report.html"
    report.parent.mkdir(parents=True)
    report.write_text("<html>a report</html>")
    (tmp_path / "secret.txt").write_text("secret")
    with served(results) as shown:
        assert shown.ask("/reports/ablations-cpu/report.html") == (200, b"<html>a report</html>")
        for path in ("/reports/", "/reports/none.html", "/reports/../secret.txt", "/reports/%2e%2e/secret.txt"):
            assert shown.ask(path)[0] == 404, path
        assert shown.ask("/dashboard")[0] == 200


def test_what_is_not_a_report_goes_to_the_dashboard(tmp_path: Path) -> None:
    both = with_reports(lambda environ, start_response: [environ["PATH_INFO"].encode()], tmp_path)
    assert both({"PATH_INFO": "/reportsx"}, None) == [b"/reportsx"]


def test_searches_are_added_last_and_so_listed_first(results: Path) -> None:
    write_study(results / "official", make_plan({"leo": {}}, [0], study="a"))
    names = [folder.relative_to(results).as_posix() for folder in sources(results)]
    assert names == ["official/a-cpu", "ablations-cpu", "ranges-cpu"]


def test_busy_port_is_named_with_the_option(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as busy:
        busy.bind((HOST, 0))
        busy.listen()
        port = busy.getsockname()[1]
        assert main(["dashboard", "--results", str(results), "--port", str(port)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.fullmatch(rf"error: port {port} is taken; name another: --port \d+\n", captured.err)


def test_it_ends_cleanly_and_says_nothing_of_requests(results: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "leo_bench.commands.cli", "dashboard", "--port", "0", "--results", str(results)]
    with ExitStack() as started:  # both at once: most of the time is their start
        processes = {}
        for end in (signal.SIGINT, signal.SIGTERM):
            temporary = tmp_path / end.name
            temporary.mkdir()
            environment = {**os.environ, "TMPDIR": str(temporary)}
            process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment,
                preexec_fn=partial(signal.signal, end, signal.SIG_DFL),  # a suite in the background may ignore it
            )
            processes[end] = (started.enter_context(process), temporary)
            started.callback(process.kill)
        for end, (process, temporary) in processes.items():
            assert process.stdout is not None and process.stderr is not None
            address = re.match(r"dashboard: (http://127\.0\.0\.1:\d+)/ ", process.stdout.readline())
            assert address
            assert "shown: 2 studies" in process.stdout.readline()
            assert next(path.name for path in temporary.iterdir()).startswith("leo_bench-dashboard-")
            with urllib.request.urlopen(f"{address[1]}/api/studies", timeout=DEADLINE) as answer:
                assert len(json.load(answer)["study_summaries"]) == 2
            process.send_signal(end)
            out, err = process.communicate(timeout=DEADLINE)
            assert (process.returncode, out, err) == (0, "dashboard stopped\n", "")
            assert list(temporary.iterdir()) == []


def test_it_listens_on_this_machine_only() -> None:
    with open_server(0) as server:
        assert server.socket.getsockname()[0] == "127.0.0.1"
