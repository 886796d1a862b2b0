"""Executor that starts processes on this machine."""

import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from leo_bench.config import Settings
from leo_bench.records import make_folder
from leo_bench.running.child_processes import import_path, stop_all
from leo_bench.running.executor import Ended, Task
from leo_bench.running.worker import worker_environment


class LocalProcesses:
    """Processes on this machine, at most `jobs` at a time. Results are where the processes write them."""

    def __init__(self, jobs: int) -> None:
        """jobs: processes at a time."""
        self.jobs = jobs
        self.placed: dict[str, tuple[Task, subprocess.Popen[bytes]]] = {}

    @property
    def at_once(self) -> int:
        """Processes at a time."""
        return self.jobs

    def check(self, settings: Iterable[Settings]) -> None:
        """Raise LeoBenchError if some of these settings need a GPU and there is none: each process would find this
        itself, and use up an attempt of its run. More threads than there are cores are no hindrance."""
        devices = {one.device for one in settings} - {"cpu"}
        if devices:
            from leo_bench.running.devices import check_device  # torch is slow to import

            for device in devices:
                check_device(device)

    def room(self) -> int:
        """Return how many more processes may be started now."""
        return self.jobs - len(self.placed)

    def start(self, task: Task) -> None:
        """Start the process of a task. Raises LeoBenchError as `check` does."""
        self.check([task.settings])
        source = import_path(task.source) if task.source else {}
        environment = {**worker_environment(task.settings), **source, **task.environment}
        self.placed[task.name] = task, start_process(task.command(task.folder, task.data), task.log, environment)

    def ended(self, patience: float) -> list[Ended]:
        """Return the tasks whose processes ended since the last call. Waits `patience` seconds first."""
        time.sleep(patience)
        polled = [(task, process.poll()) for task, process in self.placed.values()]
        found = [Ended(task, code) for task, code in polled if code is not None]
        for one in found:
            del self.placed[one.task.name]
        return found

    def stop(self) -> list[Ended]:
        """Send SIGTERM to all processes and wait; those that take too long are killed. Returns their tasks."""
        stop_all(process for _, process in self.placed.values())
        found = [Ended(task, process.returncode) for task, process in self.placed.values()]
        self.placed.clear()
        return found


def start_process(command: list[str], log: Path, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start a process whose output goes into the file `log`. Ctrl-C does not reach it."""
    make_folder(log.parent)
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(environment),
            start_new_session=True,  # Ctrl-C reaches the scheduler only, which then stops the processes
        )
