"""Sample of recorded runs that are done again, several at a time and within a time limit. No torch."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from leo_bench.errors import LeoBenchError
from leo_bench.records import RunState
from leo_bench.running.executor import Ended, Executor
from leo_bench.running.reproduce import Comparison, Steps

POLL_SECONDS = 0.3
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
class _Going:
    """A run that is being done again."""

    candidate: Candidate
    steps: Steps
    began: float


@dataclass
class Sample:
    """Runs that are done again, as many at a time as the executor can do. None is started that should end too late."""

    waiting: list[Candidate]
    """Runs in the order in which they are tried. Those that the time does not allow stay here."""
    do: Callable[[RunState], Steps]
    """Does a run again. Raises LeoBenchError."""
    executor: Executor
    deadline: float | None = None
    """Time by time.monotonic() at which no run may go on; None: no limit."""
    going: dict[str, _Going] = field(default_factory=dict)
    """Runs whose tasks are placed, by the names of the tasks."""
    measured: list[tuple[float, float]] = field(default_factory=list)
    """Seconds on record and now, of the runs that ended."""

    def outcomes(self) -> Iterator[Outcome]:
        """Yield how each run ended, as they end. Any error, such as Ctrl-C, stops the processes of the others."""
        try:
            while True:
                while len(self.going) < self.executor.at_once and (candidate := self._next()):
                    outcome = self._go_on(_Going(candidate, self.do(candidate.run), time.monotonic()))
                    if outcome:
                        yield outcome
                if not self.going:
                    return
                for ended in self.executor.ended(POLL_SECONDS):
                    outcome = self._go_on(self.going.pop(ended.task.name), ended)
                    if outcome:
                        yield outcome
        except BaseException:
            self.executor.stop()
            raise

    def _next(self) -> Candidate | None:
        """Take the next run that can be expected to end in time; None if there is none."""
        on_record, now = (sum(column) for column in zip(*self.measured, strict=True)) if self.measured else (1, 1)
        for candidate in self.waiting:
            if self.deadline is None or time.monotonic() + candidate.seconds * now / on_record <= self.deadline:
                self.waiting.remove(candidate)
                return candidate
        return None

    def _go_on(self, one: _Going, ended: Ended | None = None) -> Outcome | None:
        """Start the next task of a run. Returns how the run ended if there is none.

        ended: how its last task ended; None before the first.
        """
        comparison, reason = None, ""
        try:
            task = next(one.steps) if ended is None else one.steps.send(ended)
            self.executor.start(task)
            self.going[task.name] = one
            return None
        except StopIteration as end:
            comparison = end.value
        except LeoBenchError as error:
            reason = str(error)
        seconds = time.monotonic() - one.began
        if comparison:
            self.measured.append((one.candidate.seconds, seconds))
        return Outcome(one.candidate, comparison, reason, seconds)


def others_of(run: RunState, runs: Iterable[RunState]) -> list[float]:
    """Return the headline accuracies on record of the seeds of the same variant, the run's own among them."""
    same = [one for one in runs if one.planned.variant == run.planned.variant]
    return [one.headline.accuracy for one in same if one.headline.asked == run.headline.asked]
