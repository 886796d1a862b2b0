"""The report that is refreshed while runs end."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from results_fixture import make_plan, write_run, write_study

from leo_bench.running.background_report import BackgroundReport


@pytest.mark.slow
def test_changes_that_come_while_a_report_is_drawn_are_in_the_last_one(tmp_path: Path) -> None:
    plan = make_plan({"leo": {}, "none": {"relation": "none"}}, [0])
    folder = write_study(tmp_path / "results", plan)
    report = BackgroundReport(folder, tmp_path / "report")
    report.request()
    first = report.process
    for run in plan.runs:
        write_run(tmp_path / "results", plan, run, lambda *_: np.full((12, 6), 50))
        report.request()
    assert report.process is first  # never two at a time
    assert report.finish()
    assert "all 2 planned runs are done" in (tmp_path / "report" / "report.md").read_text()
    assert (tmp_path / "index.html").exists()  # beside the report, not in the reports of the checkout


def test_ctrl_c_while_waiting_stops_the_report(tmp_path: Path) -> None:
    class Interrupted(subprocess.Popen[bytes]):
        """A process whose first wait ends with Ctrl-C."""

        asked = False

        def wait(self, timeout: float | None = None) -> int:
            if not self.asked:
                self.asked = True
                raise KeyboardInterrupt
            return super().wait(timeout)

    report = BackgroundReport(tmp_path / "nothing", tmp_path / "report")
    report.process = Interrupted([sys.executable, "-c", "import time; time.sleep(60)"])
    with pytest.raises(KeyboardInterrupt):
        report.finish()
    assert report.process.poll() is not None


def test_a_report_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    report = BackgroundReport(tmp_path / "nothing", tmp_path / "report")
    report.request()
    assert not report.finish()
