"""How commands end: with one line and a true exit code, whatever the output, the permissions and the surroundings."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from as_user import ROOT, forbid_writing, leo_bench
from results_fixture import make_plan, write_attempt, write_run, write_study

COMMAND = [sys.executable, "-P", "-m", "leo_bench.commands.cli"]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A study with one done run and one that another user is doing."""
    plan = make_plan({"pixels": {"learner": "pixels"}, "leo": {}}, [0])
    folder = tmp_path / "results"
    write_run(folder, plan, plan.runs[0], lambda *_: np.full((12, 1), 40))
    (write_attempt(folder, plan.runs[1], "running", episode=5) / ".lock").touch()
    write_study(folder, plan)
    return folder


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_reading_needs_no_right_to_write(results: Path, tmp_path: Path) -> None:
    forbid_writing(results)
    told = leo_bench("status", cwd=tmp_path)
    assert (told.returncode, told.stderr) == (0, "")
    assert "1 of 2 runs done, 1 interrupted" in told.stdout
    (tmp_path / "reports").mkdir()
    made = leo_bench("report", cwd=tmp_path)
    assert (made.returncode, made.stderr) == (0, "")
    assert (tmp_path / "reports/ablations-cpu/report.html").exists()


@pytest.mark.slow
def test_a_report_is_made_of_a_study_that_is_named_below_the_results(results: Path, tmp_path: Path) -> None:
    made = leo_bench("report", "ablations-cpu", cwd=tmp_path)
    assert (made.returncode, made.stderr) == (0, "")
    assert (tmp_path / "reports/ablations-cpu/report.html").exists()
    results.rename(tmp_path / "elsewhere")
    made = leo_bench("report", "ablations-cpu", "--results", "elsewhere", "--reports", "r", cwd=tmp_path)
    assert (made.returncode, made.stderr) == (0, "")
    assert (tmp_path / "r/ablations-cpu/report.html").exists()


@pytest.mark.slow
def test_publishing_into_other_reports_leaves_the_pages_of_the_checkout(results: Path, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "findings.md"
    page.write_text("# Findings\n\n<!-- end text -->\n")
    before = page.read_text()
    elsewhere = leo_bench("publish", "ablations", "--profile", "cpu", "--partial", "--reports", "r", cwd=tmp_path)
    assert (elsewhere.returncode, elsewhere.stderr) == (0, "") and (tmp_path / "r/official/ablations-cpu").is_dir()
    assert page.read_text() == before
    assert leo_bench("publish", "ablations", "--profile", "cpu", "--partial", cwd=tmp_path).returncode == 0
    assert page.read_text() != before


@pytest.mark.parametrize("arguments", [("report",), ("reproduce", "--level", "2", "--this-source")])
def test_a_folder_that_may_not_be_written_is_one_line(
    results: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    forbid_writing(tmp_path)
    told = leo_bench(*arguments, cwd=tmp_path)
    assert told.returncode in (1, 2)
    assert "Permission denied" in told.stdout + told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_an_output_that_is_full_is_one_line(results: Path, tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(
            [*COMMAND, "status"], cwd=tmp_path, env=environment(), stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert told.returncode == 1
    assert told.stderr.startswith("error: the output cannot be written")
    assert told.stderr.endswith("No space left on device\n") and told.stderr.count("\n") == 1


def test_a_reader_that_has_ended_is_no_error_but_no_success_either(results: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    told = subprocess.run(
        [*COMMAND, "status"], cwd=tmp_path, env=environment(), stdout=writing, stderr=subprocess.PIPE, text=True
    )
    os.close(writing)
    assert (told.returncode, told.stderr) == (141, "")


def test_a_sign_that_the_terminal_lacks_is_no_error(results: Path, tmp_path: Path) -> None:
    plan = make_plan({"ü": {}}, [0], study="other")
    write_study(results, plan)
    told = leo_bench("status", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert (told.returncode, told.stderr) == (0, "")
    assert r"\xfc seed 0" in told.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT], ids=lambda number: number.name)
def test_signals_that_end_a_program_end_a_command_as_ctrl_c_does(tmp_path: Path, number: signal.Signals) -> None:
    script = (
        "import sys, time\nfrom leo_bench.commands import cli, status\n"
        "def waits(options):\n    print('ready', flush=True)\n    time.sleep(60)\n"
        "status.command_status = waits\nsys.exit(cli.main(['status']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # a suite in the background may ignore it
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, errors = process.communicate()
    assert (process.returncode, errors) == (130, "interrupted\n")


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.slow
def test_a_report_is_the_same_bytes_in_any_surroundings(results: Path, tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text(
        "font.size: 22\naxes.grid: True\nlines.linewidth: 9\ntext.usetex: True\nsavefig.dpi: 30\nsvg.fonttype: path\n"
    )
    plain = leo_bench("report", "--reports", "plain", cwd=tmp_path)
    assert (plain.returncode, plain.stderr) == (0, "")
    strange = leo_bench(
        *("report", "--reports", "strange"),
        cwd=tmp_path,
        MPLBACKEND="module://matplotlib_inline.backend_inline",
        MATPLOTLIBRC=str(tmp_path / "matplotlibrc"),
        LC_ALL="C",
        PYTHONUTF8="0",
        PYTHONCOERCECLOCALE="0",
        PYTHONHASHSEED="7",
        TZ="Asia/Tokyo",
        SOURCE_DATE_EPOCH="1",
    )
    assert strange.returncode == 0, strange.stderr
    assert digests(tmp_path / "plain") == digests(tmp_path / "strange")


def test_one_broken_study_does_not_hide_the_others(results: Path, tmp_path: Path) -> None:
    (results / "a-cpu").mkdir()
    (results / "a-cpu/study.json").write_text("{")
    (results / "b-cpu").mkdir()
    (results / "b-cpu/study.json").write_text('{"schema_version": 99}')
    for arguments in (("status",), ("report",)):
        told = leo_bench(*arguments, cwd=tmp_path)
        assert told.returncode == 1
        first, second = told.stderr.splitlines()
        assert "a-cpu/study.json is truncated or not JSON" in first
        assert "b-cpu/study.json has schema version 99" in second
        assert "ablations-cpu" in told.stdout
