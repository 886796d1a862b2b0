"""Cost of the scheduler for each run, alone and with Ray, while thousands of runs wait.

Every run is trivial: its process copies a record that was made before, so that the driver reads records as real ones
and waits for hardly anything else. Run: python -m benchmarks.cluster [alone|shared|collected] [RUNS ...]; it prints
one CSV line for each number of runs, every one from a process of its own. With --figure CSV PNG it draws them.
"""

import csv
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.made_up import write_study
from leo_bench.config import Settings
from leo_bench.records import RUNS, Plan, load_study, read_record, write_tables
from leo_bench.running.cluster import RayExecutor, connected
from leo_bench.running.executor import Ended, Executor, Task
from leo_bench.running.scheduler import StudyRunner

FIELDS = (
    "how",
    "runs",
    "wall_seconds",
    "driver_ms_per_run",
    "driver_peak_mb",
    "driver_start_mb",
    "tables_seconds",
    "done",
)
COPY = (
    "import os, sys, shutil; to = sys.argv[1]; "
    "shutil.copytree(os.path.join({store!r}, os.path.basename(to)), to, dirs_exist_ok=True)"
)


class Nowhere:
    """Executor whose tasks end at once, by a copy in this process: what is left is the scheduler's own time."""

    at_once = 8

    def __init__(self, store: Path) -> None:
        self.store = store
        self.placed: list[Task] = []
        self.copying = 0.0

    def check(self, settings: Iterable[Settings]) -> None:
        """Do nothing."""

    def room(self) -> int:
        """Return how many more tasks may be started now."""
        return self.at_once - len(self.placed)

    def start(self, task: Task) -> None:
        """Do a task."""
        begin = time.process_time()
        shutil.copytree(self.store / task.folder.name, task.folder, dirs_exist_ok=True)
        self.copying += time.process_time() - begin
        self.placed.append(task)

    def ended(self, patience: float) -> list[Ended]:
        """Return all tasks."""
        found = [Ended(task, 0) for task in self.placed]
        self.placed.clear()
        return found

    def stop(self) -> list[Ended]:
        """Return nothing: no task is left."""
        return []


class Unchecked(RayExecutor):
    """RayExecutor for records of any source."""

    def start(self, task: Task) -> None:
        """Hand a task to Ray without the digest of its source."""
        super().start(replace(task, numerics=""))


def measure(how: str, n_runs: int) -> dict[str, Any]:
    """Return time and memory of this process for a study of n_runs runs, and the time that its tables take."""
    with tempfile.TemporaryDirectory(prefix="leo_bench-") as name:
        made, results = Path(name) / "made", Path(name) / "results"
        plan = read_record(write_study(made, n_runs, headline_only=True) / "study.json", Plan)
        worker = [sys.executable, "-I", "-S", "-c", COPY.format(store=str(made / RUNS))]
        with executor_for(how, results, made / RUNS) as executor:
            start = peak_mb()
            begin, cpu = time.perf_counter(), time.process_time()
            runner = StudyRunner(plan, plan, results, executor, say=lambda text: None, worker=worker)
            view = runner.run()
            wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
            peak = peak_mb()
            copying = executor.copying if isinstance(executor, Nowhere) else 0.0
        begin = time.perf_counter()
        write_tables(load_study(view.folder))
        tables = time.perf_counter() - begin
    return {
        "how": how,
        "runs": n_runs,
        "wall_seconds": round(wall, 1),
        "driver_ms_per_run": round(1000 * (cpu - copying) / n_runs, 2),
        "driver_peak_mb": round(peak),
        "driver_start_mb": round(start),
        "tables_seconds": round(tables, 2),
        "done": len(view.done),
    }


@contextmanager
def executor_for(how: str, results: Path, store: Path) -> Any:
    """Give the executor of a measurement."""
    if how == "alone":
        with nullcontext(Nowhere(store)) as executor:
            yield executor
        return
    with connected("local", results) as made:
        unchecked: Executor = Unchecked(made.ray, results, collect=how == "collected")
        unchecked.check([Settings()])
        yield unchecked


def peak_mb() -> float:
    """Return the peak memory of this process, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def draw(table: Path, figure: Path) -> None:
    """Draw driver time and memory against the number of runs."""
    import matplotlib.pyplot as plt

    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    drawing, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for how in dict.fromkeys(row["how"] for row in rows):
        own = [row for row in rows if row["how"] == how]
        runs = [int(row["runs"]) for row in own]
        seconds = [float(row["driver_ms_per_run"]) * int(row["runs"]) / 1000 for row in own]
        left.loglog(runs, seconds, "o-", label=how)
        right.semilogx(runs, [float(row["driver_peak_mb"]) for row in own], "o-", label=how)
    left.set(xlabel="runs", ylabel="processor time of the driver, s")
    right.set(xlabel="runs", ylabel="peak memory of the driver, MiB", ylim=(0, None))
    left.legend(frameon=False)
    drawing.savefig(figure, dpi=120)


def main(arguments: list[str]) -> None:
    """Measure, or draw what was measured."""
    if arguments[:1] == ["--figure"]:
        draw(Path(arguments[1]), Path(arguments[2]))
    elif arguments[:1] == ["--one"]:
        csv.DictWriter(sys.stdout, FIELDS).writerow(measure(arguments[1], int(arguments[2])))
    else:
        how, *numbers = arguments or ["shared"]
        csv.DictWriter(sys.stdout, FIELDS).writeheader()
        for number in numbers or ["100", "1000", "10000"]:
            sys.stdout.flush()
            subprocess.run([sys.executable, "-m", "benchmarks.cluster", "--one", how, number], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
