"""`leo-bench study` when something happens around it: another call at the same time, a study file that is edited."""

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from leo_bench.commands import study as command
from leo_bench.commands.cli import main
from leo_bench.records import StudyView, load_study
from leo_bench.running.scheduler import StudyRunner

TESTS = Path(__file__).parents[1]
FAKE = (sys.executable, str(TESTS / "fake_worker.py"))
STUDY = """
question = "Q?"
baseline = "a"
[settings]
image_size = 28
n_test_episodes = 12
[profiles.cpu]
seeds = [0, 1]
[variants.a]
set = { latent_dim = 101 }
[variants.b]
set = { latent_dim = 102 }
"""


class NoReport:
    """Stands in for BackgroundReport."""

    def __init__(self, *_: object) -> None:
        pass

    def request(self) -> None:
        pass

    def finish(self) -> bool:
        return True

    def stop(self) -> None:
        pass


class StoppedReport(NoReport):
    """Says that it was stopped."""

    def stop(self) -> None:
        print("the report is stopped", file=sys.stderr)


def arguments(folder: Path) -> list[str]:
    places = [f"--{name}={folder / name}" for name in ("studies", "results", "reports")]
    return ["study", "s", "--profile", "cpu", "--dataset", "glyphs", "--jobs", "1", *places]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a study file."""
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies/s.toml").write_text(STUDY)
    return tmp_path


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have runs done by fake_worker.py in this process's calls. Returns what the runner says."""
    said: list[str] = []
    monkeypatch.setattr(command, "StudyRunner", partial(StudyRunner, worker=FAKE, say=said.append))
    monkeypatch.setattr(command, "BackgroundReport", NoReport)
    return said


def view(folder: Path) -> StudyView:
    return load_study(folder / "results/s-cpu")


def code(folder: Path, report: str = "NoReport") -> str:
    """Return what a process does that calls the command with fake_worker.py and this stand-in for the report."""
    return (
        f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import test_study_faults as own\nfrom functools import partial\n"
        "own.command.StudyRunner = partial(own.StudyRunner, worker=own.FAKE)\n"
        f"own.command.BackgroundReport = own.{report}\nsys.exit(own.main({arguments(folder)!r}))"
    )


def test_a_reader_that_ends_stops_the_study(folder: Path) -> None:
    command = [sys.executable, "-c", code(folder, "StoppedReport")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as call:
        assert call.stdout is not None and call.stderr is not None
        while not call.stdout.readline().startswith("  power"):  # the last line before the first run is done
            assert call.poll() is None
        call.stdout.close()
        told = call.stderr.read()
    assert (call.returncode, told.splitlines()) == (
        141,
        [
            "the report is stopped",
            "stopped, since nothing reads the output any more: 1 of 4 runs are done and kept; run the same command "
            "again to continue",
        ],
    )
    assert [run.status for run in view(folder).runs].count("done") == 1


@pytest.mark.slow
def test_two_calls_of_one_study_share_its_runs(folder: Path) -> None:
    command = [sys.executable, "-c", code(folder)]
    calls = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [call.communicate()[0] for call in calls]
    assert [call.returncode for call in calls] == [0, 0], said
    assert all("4 of 4 runs done" in text for text in said)
    assert [(run.status, run.attempts) for run in view(folder).runs] == [("done", 1)] * 4


@pytest.mark.slow
def test_a_study_file_that_is_edited_while_it_is_stopped_loses_nothing(
    folder: Path, say: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stops(text: str) -> None:
        if "b seed 0" in text:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(command, "StudyRunner", partial(StudyRunner, worker=FAKE, say=stops))
        assert main(arguments(folder)) == 130
    first, old = view(folder).done
    assert [(run.planned.variant, run.planned.seed) for run in (first, old)] == [("a", 0), ("b", 0)]
    records = {path: path.read_bytes() for run in (first, old) for path in run.folder.rglob("*") if path.is_file()}

    edited = STUDY.replace("latent_dim = 102", "latent_dim = 103") + "[variants.c]\nset = { latent_dim = 104 }\n"
    (folder / "studies/s.toml").write_text(edited)
    capsys.readouterr()
    assert main(arguments(folder)) == 0
    told, key = capsys.readouterr().out, old.planned.run_key
    assert (
        f"left out of the study: 1 done runs with other settings than this call gives, first: b seed 0 ({key}" in told
    )
    found = {(run.planned.variant, run.planned.seed): run for run in view(folder).done}
    assert set(found) == {(variant, seed) for variant in "abc" for seed in (0, 1)}
    dims: dict[str, Any] = {name: run.planned.settings["latent_dim"] for (name, _), run in found.items()}
    assert dims == {"a": 101, "b": 103, "c": 104}
    assert {path: path.read_bytes() for path in records} == records

    # edited back: the run of before counts again, and is not done again
    (folder / "studies/s.toml").write_text(STUDY)
    assert main(arguments(folder)) == 0
    again = {(run.planned.variant, run.planned.seed): run for run in view(folder).done}
    assert again["b", 0].planned.run_key == old.planned.run_key and again["b", 0].attempts == 1
    assert {path: path.read_bytes() for path in records} == records
