"""Report of a study, kept up to date in a separate process while runs end, so that runs never wait for figures."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from leo_bench.running.child_processes import PYTHON, import_path, stop_all


@dataclass
class BackgroundReport:
    """Report process, at most one at a time. Changes during one report are drawn by the next."""

    study_folder: Path
    report_folder: Path
    process: subprocess.Popen[bytes] | None = None
    pending: bool = False

    def request(self) -> None:
        """Start a report process if none is running; else note that another report is needed. Does not wait."""
        if self.process is not None and self.process.poll() is None:
            self.pending = True
            return
        self.pending = False
        command = [
            *PYTHON,
            "leo_bench.commands.cli",
            "report",
            str(self.study_folder.absolute()),
            "--out",
            str(self.report_folder.absolute()),
            "--reports",
            str(self.report_folder.absolute().parent),
        ]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, **import_path()},
            start_new_session=True,  # Ctrl-C reaches the study only
            preexec_fn=_yield_to_runs,
        )

    def finish(self) -> bool:
        """Wait until the report shows all changes. Returns False if it could not be made. Ctrl-C stops the report."""
        try:
            if self.process is not None:
                self.process.wait()
            if self.pending:
                self.request()
                assert self.process is not None
                self.process.wait()
        except KeyboardInterrupt:
            self.stop()
            raise
        return self.process is not None and self.process.returncode == 0

    def stop(self) -> None:
        """Stop the report process, if one is running."""
        if self.process is not None:
            stop_all([self.process])


def _yield_to_runs() -> None:
    os.nice(10)
