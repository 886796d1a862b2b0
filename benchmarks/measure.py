"""Times a group's cases, each in a process of its own, in turn."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.cases import Case, make
from benchmarks.suite import Group
from leo_bench.errors import LeoBenchError

CHECKOUT = Path(__file__).resolve().parents[1]
"""Where the workers start, so that they find this package and the published results."""


def measure(group: Group) -> pd.DataFrame:
    """One row per timing: columns group, case, threads, round, seconds, peak_mb (of the case's process, at the end)."""
    cases = [case for case in group.cases if not case.needs or find_spec(case.needs)]
    for case in group.cases:
        if case not in cases:
            print(f"{case.name} is left out: the package {case.needs} is not installed", file=sys.stderr)
    workers = [Worker(case) for case in cases]
    rows = []
    try:
        for number in range(group.rounds):
            for worker in workers:
                for seconds in worker.time(group.repeats, group.warm_up):
                    rows.append({"case": worker.case.name, "round": number, "seconds": seconds})
        peaks = {worker.case.name: worker.peak_mb() for worker in workers}
    finally:
        for worker in workers:
            worker.end()
    threads = {case.name: case.threads for case in group.cases}
    frame = pd.DataFrame(rows)
    return frame.assign(group=group.name, threads=frame["case"].map(threads), peak_mb=frame["case"].map(peaks))


class Worker:
    """A process that has made a case and times it when told to."""

    def __init__(self, case: Case) -> None:
        self.case = case
        threads = str(case.threads)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.measure", json.dumps(case.plain())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            env={**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads},
        )

    def time(self, repeats: int, warm_up: bool) -> list[float]:
        """Seconds of `repeats` timings, after one that does not count where warm_up says so."""
        self.ask(str(repeats + warm_up))
        seconds: list[float] = self.answer()
        return seconds[warm_up:]

    def peak_mb(self) -> float:
        """Most main memory the process has held, MiB."""
        self.ask("peak")
        return float(self.answer())

    def end(self) -> None:
        """Let the process go: it ends when its input does, or is made to."""
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(BrokenPipeError):
                if pipe:
                    pipe.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def ask(self, question: str) -> None:
        """Have the process do something; `answer` waits for it."""
        assert self.process.stdin
        with suppress(BrokenPipeError):  # it is dead, and answer says so
            self.process.stdin.write(question + "\n")
            self.process.stdin.flush()

    def answer(self) -> Any:
        """What the process answers. Raises LeoBenchError when it died."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise LeoBenchError(f"benchmark {self.case.name!r} ended with exit code {self.process.wait()} (see above)")
        return json.loads(line)


def work(arguments: Sequence[str]) -> None:
    """What a worker's process does: answers on standard output, a line for each line asked."""
    seconds = make(json.loads(arguments[0]))
    for question in sys.stdin:
        if question.strip() == "peak":
            kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            print(json.dumps(kilobytes / (2**20 if sys.platform == "darwin" else 2**10)), flush=True)
        else:
            print(json.dumps([seconds() for _ in range(int(question))]), flush=True)


if __name__ == "__main__":
    work(sys.argv[1:])
