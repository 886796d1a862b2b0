"""Keeping a study's report up to date while its runs end, in a process of its own, so that runs never wait for
figures."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass
class BackgroundReport:
    """At most one report process at a time; changes that come while it works are drawn by one more at the end."""

    study_folder: Path
    report_folder: Path
    process: subprocess.Popen[bytes] | None = None
    pending: bool = False

    def request(self) -> None:
        """Ask for a fresh report. Returns at once."""
        if self.process is not None and self.process.poll() is None:
            self.pending = True
            return
        self.pending = False
        command = [
            sys.executable,
            "-m",
            "leo_bench.commands.cli",
            "report",
            str(self.study_folder),
            "--out",
            str(self.report_folder),
        ]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is the study's affair
            preexec_fn=_yield_to_runs,
        )

    def finish(self) -> bool:
        """Wait for the report that shows everything. Returns whether it was made."""
        if self.process is not None:
            self.process.wait()
        if self.pending:
            self.request()
            assert self.process is not None
            self.process.wait()
        return self.process is not None and self.process.returncode == 0


def _yield_to_runs() -> None:
    os.nice(10)
