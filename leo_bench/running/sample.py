"""Sample of recorded runs that are done again, several at a time and within a time limit. No torch."""

import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leo_bench.errors import LeoBenchError
from leo_bench.records import RunState
from leo_bench.running.child_processes import stop_all
from leo_bench.running.reproduce import Comparison, Start

START_SECONDS = 10.0
"""Seconds that a process needs before it trains, about."""


@dataclass(frozen=True)
class Candidate:
    """Recorded run that may be done again."""

    folder: Path
    """Study, search or store that has it."""
    run: RunState

    @property
    def seconds(self) -> float:
        """Seconds that the run took on record, with the start of its process."""
        assert self.run.result is not None
        return START_SECONDS + self.run.result.train_seconds + sum(test.eval_seconds for test in self.run.tests)


@dataclass(frozen=True)
class Outcome:
    """How a run that was done again ended."""

    candidate: Candidate
    comparison: Comparison | None
    reason: str
    """Why there is no comparison; empty if there is one."""
    seconds: float


def in_turns(done: Mapping[Path, Sequence[RunState]], most: int | None = None) -> list[Candidate]:
    """Return runs in the order in which they are tried: the cheapest of each folder first, then the next of each.

    done: folder -> its done runs. most: largest number of runs of one folder. In each turn the cheapest comes first, by
    the time on record. Runs without training are the last of their folder. A run that several folders share is
    done once.
    """
    turns: list[list[Candidate]] = []
    taken: set[Path] = set()
    for folder, runs in done.items():
        own = sorted((Candidate(folder, run) for run in runs if run.folder not in taken), key=_untrained_and_seconds)
        for place, candidate in enumerate(own[:most]):
            taken.add(candidate.run.folder)
            if place == len(turns):
                turns.append([])
            turns[place].append(candidate)
    return [candidate for turn in turns for candidate in sorted(turn, key=lambda one: one.seconds)]


def _untrained_and_seconds(candidate: Candidate) -> tuple[bool, float]:
    """Return a key by which runs without training come last, because they show least."""
    return candidate.run.planned.settings["n_train_episodes"] == 0, candidate.seconds


@dataclass
class Sample:
    """Runs that are done again, `jobs` at a time. A run is started only if it can be expected to end in time."""

    waiting: list[Candidate]
    """Runs in the order in which they are tried. Those that the time does not allow stay here."""
    do: Callable[[RunState, Start], Comparison]
    """Does a run again. Raises LeoBenchError."""
    jobs: int
    deadline: float | None = None
    """Time by time.monotonic() at which no run may go on; None: no limit."""
    processes: "list[subprocess.Popen[str]]" = field(default_factory=list)
    stopped: bool = False
    measured: list[tuple[float, float]] = field(default_factory=list)
    """Seconds on record and now, of the runs that ended."""

    def outcomes(self) -> Iterator[Outcome]:
        """Yield how each run ended, as they end. Any error, such as Ctrl-C, stops the processes of the others."""
        going: dict[Future[Outcome], Candidate] = {}
        with ThreadPoolExecutor(self.jobs) as pool:
            try:
                while True:
                    while len(going) < self.jobs and (candidate := self._next()):
                        going[pool.submit(self._outcome, candidate)] = candidate
                    if not going:
                        return
                    for ended in wait(going, return_when=FIRST_COMPLETED).done:
                        del going[ended]
                        outcome = ended.result()
                        if outcome.comparison:
                            self.measured.append((outcome.candidate.seconds, outcome.seconds))
                        yield outcome
            except BaseException:
                self.stopped = True
                stop_all(self.processes)  # type: ignore[arg-type]  # text or bytes is all the same here
                raise

    def _next(self) -> Candidate | None:
        """Take the next run that can be expected to end in time; None if there is none."""
        on_record, now = (sum(column) for column in zip(*self.measured, strict=True)) if self.measured else (1, 1)
        for candidate in self.waiting:
            if self.deadline is None or time.monotonic() + candidate.seconds * now / on_record <= self.deadline:
                self.waiting.remove(candidate)
                return candidate
        return None

    def _outcome(self, candidate: Candidate) -> Outcome:
        began = time.monotonic()
        try:
            comparison, reason = self.do(candidate.run, self._start), ""
        except LeoBenchError as error:
            comparison, reason = None, str(error)
        return Outcome(candidate, comparison, reason, time.monotonic() - began)

    def _start(self, *arguments: Any, **options: Any) -> "subprocess.Popen[str]":
        """Start a process and keep track of it. Raises LeoBenchError after a stop."""
        if self.stopped:
            raise LeoBenchError("stopped by the user")
        process = subprocess.Popen(*arguments, **options)
        self.processes.append(process)
        return process


def others_of(run: RunState, runs: Iterable[RunState]) -> list[float]:
    """Return the headline accuracies on record of the seeds of the same variant, the run's own among them."""
    same = [one for one in runs if one.planned.variant == run.planned.variant]
    return [one.headline.accuracy for one in same if one.headline.asked == run.headline.asked]
