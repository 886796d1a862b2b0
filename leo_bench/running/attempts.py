"""Attempts of a run: folders, status on disk, which of them count against the cap, results set aside. No torch."""

import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leo_bench.config import Settings
from leo_bench.errors import LeoBenchError
from leo_bench.records import (
    TESTS,
    AttemptStatus,
    attempts_of,
    make_folder,
    read_record,
    write_record,
)
from leo_bench.running.provenance import now
from leo_bench.training.troubleshooting import out_of_memory

MAX_ATTEMPTS = 3
"""Attempts of one run that may fail or die before it is left alone; stops by the user do not count."""


@dataclass
class Attempt:
    """One attempt to do a run, with its status on disk."""

    folder: Path
    number: int
    started: str = ""
    episode: int = 0

    def __post_init__(self) -> None:
        self.started = now()
        self.update(0)

    def update(self, episode: int) -> None:
        """Note how many training episodes have been seen."""
        self.episode = episode
        write_record(
            self.folder / "status.json", AttemptStatus(status="running", started=self.started, episode=episode)
        )

    def end(self, status: Any, message: str) -> None:
        """Note how the attempt ended."""
        record = AttemptStatus(
            status=status, started=self.started, finished=now(), message=message, episode=self.episode
        )
        try:
            write_record(self.folder / "status.json", record)
        except LeoBenchError as error:  # a full disk must not hide why the attempt ended
            print(f"{error} (while recording: {status} {message})", file=sys.stderr)


def new_attempt(folder: Path) -> Attempt:
    """Begin a run's next attempt."""
    number = 1 + max((int(path.name.removeprefix("attempt-")) for path in attempts_of(folder)), default=0)
    attempt = folder / f"attempt-{number}"
    make_folder(attempt)
    return Attempt(attempt, number)


def counted_attempts(folder: Path) -> int:
    """Return how many attempts failed or died since the run was last set aside."""
    return sum(_counts(attempt) for attempt in attempts_of(folder))


def _counts(attempt: Path) -> bool:
    if (attempt / "set-aside").exists():
        return False
    try:
        status = read_record(attempt / "status.json", AttemptStatus)
    except LeoBenchError:
        return True
    return status.status == "failed"


def note_death(folder: Path, code: int, settings: Settings) -> None:
    """Write down, in the last attempt's status, that its process died without doing so itself."""
    found = attempts_of(folder)
    if not found:  # it died before its first attempt
        found = [folder / "attempt-1"]
    try:
        status = read_record(found[-1] / "status.json", AttemptStatus)
    except LeoBenchError:
        status = AttemptStatus(status="running", started="unknown")
    if status.status == "running":
        how = f"killed by signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"ended with exit code {code}"
        tail = (
            " ".join((folder / "stderr.txt").read_text(errors="replace").split())[-300:]
            if (folder / "stderr.txt").exists()
            else ""
        )
        message = f"process {how}" + (f": {tail}" if code > 0 and tail else "")
        if code == -signal.SIGKILL:  # what the system does when memory runs out
            message += f"; if nobody did so: {out_of_memory(settings)}"
        write_record(found[-1] / "status.json", status.model_copy(update={"status": "failed", "message": message}))


def set_aside(folder: Path) -> None:
    """Move a stale or corrupt record and its tests below its attempt, so that the run can be done again; its attempts
    count no more."""
    kept = attempts_of(folder) or [folder / "attempt-0"]
    make_folder(kept[-1])
    for name in ("result.json", "episodes.npz", "checkpoint.safetensors", TESTS):
        if (folder / name).exists():
            if (kept[-1] / name).is_dir():
                shutil.rmtree(kept[-1] / name)
            (folder / name).replace(kept[-1] / name)
    forget_attempts(folder)


def forget_attempts(folder: Path) -> None:
    """Let a run's attempts so far count no more against its cap. They stay where they are."""
    for attempt in attempts_of(folder):
        (attempt / "set-aside").touch()
