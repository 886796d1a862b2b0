"""Timing of a group of cases, each in its own process, in turn."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.cases import Case, make
from benchmarks.suite import Group
from leo_bench.errors import LeoBenchError

CHECKOUT = Path(__file__).resolve().parents[1]
"""Working folder of the workers, which need this package and the published results."""


def measure(group: Group) -> pd.DataFrame:
    """Time a group. Returns one row per timing, with columns group, case, threads, round, seconds, peak_mb.

    peak_mb is the peak memory of the process of the case, MiB.
    """
    cases = [case for case in group.cases if not case.missing()]
    for case in group.cases:
        if case not in cases:
            print(f"{case.name} is left out: {case.missing()}", file=sys.stderr)
    workers = [Worker(case) for case in cases]
    rows = []
    try:
        for number in range(group.rounds):
            for worker in workers:
                for seconds in worker.time(group.repeats, group.warm_up):
                    rows.append({"case": worker.case.name, "round": number, "seconds": seconds})
        peaks = {worker.case.name: worker.peak_mb() for worker in workers}
    except BaseException:  # Ctrl-C or SIGTERM: what a worker is timing is of no use any more
        for worker in workers:
            worker.process.kill()
        raise
    finally:
        for worker in workers:
            worker.end()
    threads = {case.name: case.threads for case in group.cases}
    frame = pd.DataFrame(rows)
    return frame.assign(group=group.name, threads=frame["case"].map(threads), peak_mb=frame["case"].map(peaks))


class Worker:
    """Process that sets up a case and times it on request."""

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
        """Return the seconds of `repeats` timings, after one that does not count if warm_up is True."""
        self.ask(str(repeats + warm_up))
        seconds: list[float] = self.answer()
        return seconds[warm_up:]

    def peak_mb(self) -> float:
        """Return the peak memory of the process, MiB."""
        self.ask("peak")
        return float(self.answer())

    def end(self) -> None:
        """End the process by closing its input; kill it after 10 seconds."""
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
        """Send a request to the process. `answer` waits for the result."""
        assert self.process.stdin
        with suppress(BrokenPipeError):  # the process is dead, and `answer` raises the error
            self.process.stdin.write(question + "\n")
            self.process.stdin.flush()

    def answer(self) -> Any:
        """Return the result of a request. Raises LeoBenchError if the process died."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise LeoBenchError(
                f"benchmark {self.case.name!r} ended with exit code {self.process.wait()}; its message is above"
            )
        return json.loads(line)


def work(arguments: Sequence[str]) -> None:
    """Answer requests, one per line of standard input, on standard output. The process of a worker runs this."""
    seconds = make(json.loads(arguments[0]))
    for question in sys.stdin:
        if question.strip() == "peak":
            kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            print(json.dumps(kilobytes / (2**20 if sys.platform == "darwin" else 2**10)), flush=True)
        else:
            print(json.dumps([seconds() for _ in range(int(question))]), flush=True)


if __name__ == "__main__":
    work(sys.argv[1:])
