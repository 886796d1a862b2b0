"""Faults that the soak test looks for are seen; and a short soak test, with real kills, finds nothing."""

import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from results_fixture import edit_record, make_plan, write_attempt, write_run, write_study

from leo_bench.records import Plan, load_study
from tools.soak.__main__ import Soak, main
from tools.soak.checks import Store


def write(results: Path, correct: int = 5) -> Plan:
    """A study of two done runs, each by one attempt."""
    plan = make_plan({"a": {}, "b": {"latent_dim": 32}}, [0], base={"test_n_ways": [5]})
    for run in plan.runs:
        write_run(results, plan, run, lambda *_: np.full((12, 6), correct))
        write_attempt(results, run, "done")
    write_study(results, plan)
    return plan


def test_a_whole_store_has_no_fault(tmp_path: Path) -> None:
    write(tmp_path)
    store = Store(tmp_path / "ablations-cpu")
    assert store.faults() == store.faults() == []
    assert store.differences_from(load_study(store.folder)) == []
    assert Store(tmp_path / "not-begun").faults() == []


def test_a_torn_record_is_seen(tmp_path: Path) -> None:
    plan = write(tmp_path)
    store = Store(tmp_path / "ablations-cpu")
    path = tmp_path / "runs" / plan.runs[0].run_key / "result.json"
    path.write_bytes(path.read_bytes()[:100])
    (fault,) = store.faults()
    assert fault.startswith("corrupt: ") and "truncated" in fault
    (store.folder / "study.json").write_text("{")
    assert store.faults()[0].startswith("torn: ")


def test_a_done_run_that_is_lost_or_done_again_is_seen(tmp_path: Path) -> None:
    first, second = (run.run_key for run in write(tmp_path).runs)
    store = Store(tmp_path / "ablations-cpu")
    assert store.faults() == []
    edit_record(tmp_path / "runs" / first / "result.json", finished="2027-01-01T00:00:00+00:00")
    shutil.rmtree(tmp_path / "runs" / second)
    assert store.faults() == [f"lost: run {second} was done", f"done again: run {first}"]


def test_a_copy_of_a_run_is_seen(tmp_path: Path) -> None:
    plan = write(tmp_path)
    run = tmp_path / "runs" / plan.runs[0].run_key
    shutil.copytree(run, run.with_name("copy"))
    assert [fault[:10] for fault in Store(tmp_path / "ablations-cpu").faults()] == ["duplicate:"]


def test_results_other_than_the_undisturbed_ones_are_seen(tmp_path: Path) -> None:
    write(tmp_path / "undisturbed")
    wanted = load_study(tmp_path / "undisturbed" / "ablations-cpu")
    plan = write(tmp_path, 6)
    store = Store(tmp_path / "ablations-cpu")
    found = store.differences_from(wanted)
    assert any("accuracy: recorded 0.0666" in words for words in found) and found[-1] == "the tables of runs differ"
    write(tmp_path)
    run = tmp_path / "runs" / plan.runs[0].run_key
    shutil.copytree(run / "attempt-1", run / "attempt-2")
    assert store.differences_from(wanted) == [f"run {plan.runs[0].run_key} was done 2 times"]
    shutil.rmtree(run)
    assert store.differences_from(wanted)[0] == f"not done: run {plan.runs[0].run_key}"


@pytest.mark.parametrize(
    ("program", "patience", "starts", "fault"),
    [
        ("import sys; sys.exit('the disk is full')", 60, 3, "given up: the runner failed 3 times: the disk is full"),
        ("import time; time.sleep(600)", 0.5, 1, "given up: the study did not end in 0 s"),
    ],
)
def test_a_round_that_cannot_end_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, patience: float, starts: int, fault: str
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def start(soak: Soak, results: Path) -> "subprocess.Popen[bytes]":
        results.mkdir(exist_ok=True)
        with (results / "said.txt").open("ab") as said:
            started.append(subprocess.Popen([sys.executable, "-c", program], stderr=said))
        return started[-1]

    monkeypatch.setattr(Soak, "start", start)
    (tmp_path / "pids").mkdir()
    write(tmp_path)
    soak = Soak(tmp_path, "light", 1, 1, random.Random(0))
    soak.round(load_study(tmp_path / "ablations-cpu"), 1.0, 0, 0.0, patience)
    assert soak.given_up and soak.faults == [fault]
    assert len(started) == starts and all(one.poll() is not None for one in started)


@pytest.mark.slow
def test_a_short_soak_finds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--study", "mixed", "--seeds", "1", "--kills", "6", "--minutes", "30"]) == 0
    out = capsys.readouterr().out
    assert "6 kills\n" in out and out.endswith("no fault: identical to the undisturbed study\n")
