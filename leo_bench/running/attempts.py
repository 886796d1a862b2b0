"""Attempts of a run: their folders, their status, the limit on failures, and records set aside. No torch."""

import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leo_bench.config import Settings
from leo_bench.errors import LeoBenchError
from leo_bench.records import (
    MEASURES,
    TESTS,
    AttemptStatus,
    attempts_of,
    make_folder,
    read_record,
    shortened,
    write_record,
)
from leo_bench.running import provenance
from leo_bench.running.child_processes import signal_name
from leo_bench.training.troubleshooting import out_of_memory

MAX_ATTEMPTS = 3
"""Failed attempts after which a run is not started again. Stops by the user do not count."""

TRAINING_CHECKPOINT = "training.safetensors"
"""File in the folder of a run: the state of a training that has not ended (training_checkpoint.py)."""


@dataclass
class Attempt:
    """One attempt to do a run, with its status.json."""

    folder: Path
    number: int
    numerics: str
    """Digest of the source that decides the numbers of the run."""

    def __post_init__(self) -> None:
        self.status = AttemptStatus(
            status="running",
            started=provenance.now(),
            numerics=self.numerics,
            commit=provenance.commit(),
            host=provenance.host(),
            versions=provenance.versions(),
        )
        self.update(0)

    def computes_on(self, host: dict[str, str]) -> None:
        """Record the machine with what the run computes on, such as a GPU."""
        self.status = self.status.model_copy(update={"host": host})
        self.update(self.status.episode)

    def update(self, episode: int) -> None:
        """Record the number of training episodes done."""
        self.status = self.status.model_copy(update={"episode": episode})
        write_record(self.folder / "status.json", self.status)

    def end(self, status: Any, message: str) -> None:
        """Record how the attempt ended. On a full disk, print it instead."""
        record = self.status.model_copy(update={"status": status, "finished": provenance.now(), "message": message})
        try:
            write_record(self.folder / "status.json", record)
        except LeoBenchError as error:  # a full disk must not hide why the attempt ended
            print(f"{error} (while recording: {status} {message})", file=sys.stderr)


def new_attempt(folder: Path, numerics: str) -> Attempt:
    """Make the folder of the next attempt of a run. numerics: digest of the source that decides its numbers."""
    attempt = next_attempt(folder)
    make_folder(attempt)
    return Attempt(attempt, int(attempt.name.removeprefix("attempt-")), numerics)


def next_attempt(folder: Path) -> Path:
    """Return the folder of the next attempt of a run, which is not there yet."""
    number = 1 + max((int(path.name.removeprefix("attempt-")) for path in attempts_of(folder)), default=0)
    return folder / f"attempt-{number}"


def counted_attempts(folder: Path, numerics: str = "") -> int:
    """Return the number of failed attempts since the run was last set aside.

    numerics: digest of the source that the plan has; failures of other source do not count. Empty: all count.
    """
    return sum(_counts(attempt, numerics) for attempt in attempts_of(folder))


def _counts(attempt: Path, numerics: str) -> bool:
    if (attempt / "set-aside").exists():
        return False
    try:
        status = read_record(attempt / "status.json", AttemptStatus)
    except LeoBenchError:
        return True
    return status.status == "failed" and (not numerics or status.numerics in (None, numerics))


def note_death(folder: Path, code: int, settings: Settings, before: int, lost: str = "") -> None:
    """Record that the process of a run ended, if the process did not record its end itself.

    code: its exit code. before: number of attempts when it was started; if there are no more now, it ended before its
    attempt began, as a process does that cannot import its modules. lost: reason why there is no exit code, in words.
    """
    found = attempts_of(folder)
    if len(found) <= before:
        attempt, status = next_attempt(folder), AttemptStatus(status="running", started=provenance.now())
    else:
        attempt = found[-1]
        try:
            status = read_record(attempt / "status.json", AttemptStatus)
        except LeoBenchError:
            status = AttemptStatus(status="running", started="unknown")
    if status.status == "running":
        words = lost or _death_words(folder, code, settings)
        ended = status.model_copy(update={"status": "failed", "message": words})
        write_record(attempt / "status.json", ended)


def _death_words(folder: Path, code: int, settings: Settings) -> str:
    """Return how the process of a run ended, with the last line that it wrote if it was not killed."""
    if code < 0:
        words = f"process killed by signal {-code} ({signal_name(-code)})"
        # the system kills a process with SIGKILL when memory runs out
        return words + (f"; if you did not kill it: {out_of_memory(settings)}" if code == -signal.SIGKILL else "")
    last = last_line(folder / "stderr.txt") or "it left no message, as on a full disk"
    return f"process ended with exit code {code}: {last}"


def last_line(file: Path) -> str:
    """Return the last line that a process wrote into a file, at most 300 characters; empty if there is none."""
    try:
        return last_words(file.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return ""


def last_words(text: str) -> str:
    """Return the last line of a text, at most 300 characters; empty if there is none."""
    lines = text.strip().splitlines()
    return shortened(lines[-1].strip().removeprefix("error: "), 300) if lines else ""


def set_aside(folder: Path) -> None:
    """Move the records of a run into its last attempt, so that it is done again. Its attempts no longer count.

    A training checkpoint is removed.
    """
    (folder / TRAINING_CHECKPOINT).unlink(missing_ok=True)
    for name in ("result.json", "episodes.npz", "checkpoint.safetensors", MEASURES):
        _move_to_last_attempt(folder, name)
    for test in sorted(folder.glob(f"{TESTS}/*")):
        set_aside_test(folder, test.name)
    forget_attempts(folder)


def set_aside_test(folder: Path, key: str) -> None:
    """Move the record of one test of a run into its last attempt, so that the test is scored again."""
    _move_to_last_attempt(folder, f"{TESTS}/{key}")


def _move_to_last_attempt(folder: Path, name: str) -> None:
    """Move a file or folder of a run into its last attempt. What the attempt has under this name is replaced."""
    attempts = attempts_of(folder)
    target = (attempts[-1] if attempts else folder / "attempt-0") / name
    if (folder / name).exists():
        make_folder(target.parent)
        if not attempts:
            (folder / "attempt-0" / "set-aside").touch()  # no attempt was made here, so none has failed
        if target.is_dir():
            shutil.rmtree(target)
        (folder / name).replace(target)


def forget_attempts(folder: Path) -> None:
    """Mark the attempts of a run, so that they no longer count against MAX_ATTEMPTS."""
    for attempt in attempts_of(folder):
        (attempt / "set-aside").touch()
