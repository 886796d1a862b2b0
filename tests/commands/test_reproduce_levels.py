"""The levels of `leo-bench reproduce` on results made by hand, with a quick process in place of training."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from results_fixture import edit_record, make_plan, write_run, write_study

from leo_bench.commands.cli import main
from leo_bench.records import Plan
from leo_bench.report import write_report
from leo_bench.running import sources
from leo_bench.statistics import next_seed_range

AGAIN = 5 / 75
"""Accuracy of every run that tests/fake_worker.py does."""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, with the quick process, whose records name the same machine as those made by hand."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sources, "WORKER", (sys.executable, str(Path(__file__).parents[1] / "fake_worker.py")))


def write(*counts: int, folder: str = "results", device: str = "cpu", **changes: Any) -> Plan:
    """A study of one variant whose seeds have these numbers of correct answers of 75 in every episode."""
    settings = {"n_train_episodes": 40, "test_n_ways": [5], "device": device}
    plan = make_plan({"a": settings}, list(range(len(counts))), numerics=None)
    for run, correct in zip(plan.runs, counts, strict=True):
        write_run(Path(folder), plan, run, lambda *_, correct=correct: np.full((12, 6), correct), **changes)  # type: ignore[misc]
    write_study(Path(folder), plan)
    return plan


def reproduce(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """Return exit code and JSON of the command."""
    code = main(["reproduce", "--json", *arguments])
    return code, json.loads(capsys.readouterr().out)


def test_levels_0_to_2_hold_and_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    write(5, folder="results/official")
    write_report(Path("results/official/ablations-cpu"), Path("reports/official/ablations-cpu"))
    Path("reports/official/ablations-cpu/report.html").unlink()  # as in a fresh clone
    assert main(["reproduce", "--jobs", "1"]) == 0
    out = capsys.readouterr().out
    assert "level 0: 1 run is valid in one study or search, none broken; the digests of 1 match\n" in out
    assert "level 1: 1 of 1 reports are the same byte for byte, " in out
    assert "results/official/ablations-cpu: a seed 0 (" in out and "bit for bit the same" in out
    assert "level 2: 1 of 1 runs are the same bit for bit\n" in out
    code, found = reproduce(capsys)
    assert code == 0
    assert found["levels"] == [0, 1, 2] and found["holds"] == {"0": True, "1": True, "2": True}
    assert found["records"] == [
        {"folder": "results/official/ablations-cpu", "runs": {"done": 1}, "with_digest": 1, "problems": []}
    ]
    (report,) = found["reports"]
    assert (report["report"], report["differences"]) == ("official/ablations-cpu", [])
    (run,) = found["runs"]
    assert (run["level"], run["source"], run["differences"], run["range"]) == (2, "this source", [], None)
    assert found["not_tried"] == []
    assert not list(Path("results/reproduce").iterdir())
    code, found = reproduce(capsys, str(Path("results/official/ablations-cpu").resolve()), "--levels", "1")
    assert code == 0 and [one["report"] for one in found["reports"]] == ["official/ablations-cpu"]


def test_a_corrupt_record_is_level_0_and_hides_no_other_study(capsys: pytest.CaptureFixture[str]) -> None:
    plan = write(5, 5)
    path = Path("results/runs") / plan.runs[0].run_key / "result.json"
    path.write_text(path.read_text().replace('"commit": "abc', '"commit": "abd'))
    (Path("results") / "broken-cpu").mkdir()
    Path("results/broken-cpu/study.json").write_text("{")
    code, found = reproduce(capsys, "--levels", "0")
    assert code == 1 and found["holds"] == {"0": False}
    broken, good = sorted(found["records"], key=lambda one: one["folder"], reverse=True)
    assert "study.json is truncated or not JSON" in broken["problems"][0]
    assert good["runs"] == {"done": 1, "corrupt": 1} and "was changed after it was written" in good["problems"][0]
    assert found["reports"] == found["runs"] == []


def test_runs_that_are_not_done_are_not_broken(capsys: pytest.CaptureFixture[str]) -> None:
    plan = write(5, 5)
    shutil.rmtree(Path("results/runs") / plan.runs[0].run_key)
    code, found = reproduce(capsys, "--levels", "0")
    assert code == 0 and found["records"][0]["runs"] == {"missing": 1, "done": 1}


def test_each_file_of_a_report_that_differs_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    write(5)
    made = Path("reports/ablations-cpu")
    write_report(Path("results/ablations-cpu"), made)
    (made / "report.md").write_text("other")
    (made / "tables/main.csv").unlink()
    (made / "left.txt").write_text("of before")
    code, found = reproduce(capsys, "--level", "1")
    assert code == 1 and found["holds"] == {"1": False}
    assert found["reports"][0]["differences"] == [
        "report.md differs",
        "tables/main.csv is missing",
        "left.txt is no longer made",
    ]
    code, found = reproduce(capsys, "--level", "1", "--reports", "none")
    assert code == 1 and found["holds"] == {"1": None}  # nothing to compare is no success


def test_other_bits_on_the_same_machine_fail(capsys: pytest.CaptureFixture[str]) -> None:
    write(5, weights_digest="other")
    code, found = reproduce(capsys, "--levels", "2")
    assert code == 1 and found["holds"] == {"2": False}
    (run,) = found["runs"]
    assert (run["level"], run["changed"]) == (None, "")
    assert run["differences"][0] == f"weights_digest: recorded other, now weights of {run['run_key']}"


@pytest.mark.parametrize(("counts", "level", "code"), [((4, 5, 7), 3, 0), ((50, 51, 52), None, 1), ((5,), None, 0)])
def test_elsewhere_the_range_of_other_seeds_decides(
    capsys: pytest.CaptureFixture[str], counts: tuple[int, ...], level: int | None, code: int
) -> None:
    elsewhere = {"host": {"processor": "Another CPU"}, "weights_digest": "other"}
    write(*counts, **elsewhere)
    got, found = reproduce(capsys, "--levels", "2", "-n", "1")
    (run,) = found["runs"]
    assert (got, run["level"]) == (code, level)
    assert run["changed"] == "processor was Another CPU, is Some CPU"
    assert run["accuracy"] == AGAIN
    expected = next_seed_range([count / 75 for count in counts])
    assert run["range"] == (expected and pytest.approx(list(expected)))


def test_level_3_is_checked_on_the_same_machine_if_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    write(5, 6, 7)
    code, found = reproduce(capsys, "--levels", "3", "-n", "1")
    assert code == 0 and found["holds"] == {"3": True}
    assert found["runs"][0]["level"] == 2  # the same bits are more than the range
    write(5)
    code, found = reproduce(capsys, "--levels", "3", "-n", "1")
    assert code == 1 and found["holds"] == {"3": None}  # one seed has no range


def test_runs_that_the_time_does_not_allow_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    plan = write(5, 5, train_seconds=3600.0)
    code, found = reproduce(capsys, "--levels", "2", "--minutes", "1")
    assert code == 1 and found["holds"] == {"2": None} and found["runs"] == []
    assert [one["run_key"] for one in found["not_tried"]] == [run.run_key for run in plan.runs]
    assert found["not_tried"][0]["seconds"] == 3630
    code, found = reproduce(capsys, "--levels", "2", "-n", "1")  # a number of runs in place of a time
    assert code == 0 and [one["run_key"] for one in found["runs"]] == [plan.runs[0].run_key]


def test_runs_of_a_gpu_are_left_out_where_there_is_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = write(5, device="cuda")
    key = plan.runs[0].run_key
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    code, found = reproduce(capsys, "--levels", "2")
    assert code == 1 and found["holds"] == {"2": None} and found["runs"] == []
    assert [one["run_key"] for one in found["not_tried"]] == [key]
    main(["reproduce", "--levels", "2"])
    assert "left out: 1 runs that were computed on a GPU, and torch finds none here" in capsys.readouterr().out
    assert main(["reproduce", "--key", key]) == 2
    assert f"error: run {key} was computed on a GPU, and torch finds none here" in capsys.readouterr().err
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    code, found = reproduce(capsys, "--levels", "2")
    assert code == 0 and [one["run_key"] for one in found["runs"]] == [key]


def test_a_record_of_another_source_says_why_it_is_not_compared(capsys: pytest.CaptureFixture[str]) -> None:
    plan = write(5, numerics="0123456789ab")
    study = Path("results/ablations-cpu/study.json")
    runs = [run.model_dump(mode="json") | {"numerics": "0123456789ab"} for run in plan.runs]
    edit_record(study, runs=runs)
    code, found = reproduce(capsys, "--levels", "2")
    assert code == 1 and found["holds"] == {"2": None}
    assert "its source is that of commit abc123def456, which this repository lacks" in found["runs"][0]["reason"]
    code, found = reproduce(capsys, "--levels", "2", "--this-source")
    assert code == 0 and found["runs"][0]["level"] == 2
    assert "source was 0123456789ab, is " in found["runs"][0]["changed"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--levels", "4"], "--levels '4': expected a number from 0 to 3"),
        (["--levels", "2-0"], "--levels '2-0': expected a number from 0 to 3"),
        (["--levels", "0-1", "-n", "2"], "--levels 0-1 does no run, so -n would be ignored"),
        (["--levels", "0", "--minutes", "2"], "--levels 0 does no run, so --minutes would be ignored"),
        (["--levels", "1", "--this-source"], "--levels 1 does no run, so --this-source would be ignored"),
        (["--levels", "0-1", "--ray", "auto"], "--levels 0-1 does no run, so --ray would be ignored"),
        (["--collect"], "--collect would be ignored without --ray"),
        (["--key", "0" * 16, "--levels", "0-2"], "--key names one run, so levels below 2 do not apply"),
        (["--key", "0" * 16, "--minutes", "2"], "--key names one run, so --minutes would be ignored"),
        (["--minutes", "0"], "--minutes must be a number above 0, got 0"),
        (["--minutes", "nan"], "--minutes must be a number above 0, got nan"),
        ([], "no study in "),
    ],
)
def test_wrong_options_are_refused(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    assert main(["reproduce", *arguments]) == 2
    err = capsys.readouterr().err
    assert words in err and err.count("\n") == 1


def test_two_calls_do_not_do_runs_again_in_one_place(capsys: pytest.CaptureFixture[str]) -> None:
    write(5)
    with FileLock("results/.reproduce.lock"):
        assert main(["reproduce", "--levels", "2"]) == 2
    assert "another call does runs again in results/reproduce/; wait until it ends" in capsys.readouterr().err
    assert main(["reproduce", "--levels", "2"]) == 0
