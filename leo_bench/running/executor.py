"""Executor: where the processes of runs and trials run. The scheduler and the search know this interface only.

LocalProcesses (local_processes.py) starts them on this machine, RayExecutor (cluster.py) on the nodes of a Ray cluster.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from leo_bench.config import Settings


@dataclass(frozen=True)
class Task:
    """One process to place: a run, or one trial of a search."""

    name: str
    """Name that no other placed task has: the key of the run, or the place of the trial."""
    program: Sequence[str]
    """Command without its arguments."""
    results: Path
    """Results folder of this call."""
    folder: Path
    """Folder that the process works in, its first argument; below results."""
    settings: Settings
    """Settings of the run, or those that all trials share: threads, device and data sets count here."""
    log: Path
    """File for the output of the process; below results."""
    options: Sequence[str] = ()
    """Arguments after the folder."""
    data: Path | None = None
    """Folder of Omniglot, if the user names one."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables on top of those of a run. They may hold a password, so that nothing writes them down."""
    numerics: str = ""
    """Digest that the source must have where the process runs; empty if another one comes with the task."""
    source: Path | None = None
    """Folder below results that holds the package of another source, which does the work; None for this source."""
    reads: Sequence[str] | None = None
    """Files in folder that a trial reads; it does its runs in the store beside folder. None for a run, whose folder
    belongs to the process as a whole."""

    def command(self, folder: Path, data: Path | None) -> list[str]:
        """Return the whole command. folder, data: the two folders where the process runs."""
        return [*self.program, str(folder), *self.options, *(["--data", str(data)] if data else [])]


@dataclass(frozen=True)
class Ended:
    """A task that has ended."""

    task: Task
    code: int
    """Exit code; the negative number of a signal that killed the process."""
    lost: str = ""
    """Reason why there is no exit code, in words: the node of the process died. Then code is 1."""


class Executor(Protocol):
    """Place for the processes of runs and trials."""

    @property
    def at_once(self) -> int:
        """Tasks that can run at the same time, at least 1; for estimates."""

    def check(self, settings: Iterable[Settings]) -> None:
        """Raise LeoBenchError if no place could ever take a run of some of these settings."""

    def room(self) -> int:
        """Return how many more tasks may be started now."""

    def start(self, task: Task) -> None:
        """Start a task. Raises LeoBenchError if no place could ever take it."""

    def ended(self, patience: float) -> list[Ended]:
        """Return the tasks that ended since the last call; waits up to `patience` seconds for one."""

    def stop(self) -> list[Ended]:
        """Stop all tasks as Ctrl-C would, wait for them, and return them. A second Ctrl-C kills them."""
