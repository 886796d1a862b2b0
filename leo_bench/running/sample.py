"""Sample of recorded runs that are done again, several at a time and within a time limit. No torch."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

from leo_bench.errors import LeoBenchError
from leo_bench.records import RunState, tests_of
from leo_bench.running.executor import Ended, Executor
from leo_bench.running.reproduce import Comparison, Steps

POLL_SECONDS = 0.3
START_SECONDS = 10.0
"""Seconds that a process needs before it trains, about."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """Recorded run that may be done again."""

    folders: tuple[Path, ...]
    """Studies, searches or stores that have it."""
    run: RunState
    """The run as the first of them has it, with the tests that any of them lists."""

    def also_of(self, folder: Path, run: RunState) -> "Candidate":
        """Return the candidate with one more folder that has it. run: as that folder has it."""
        known = {test.test_key for test in self.run.tests}
        tests = [*self.run.tests, *(test for test in run.tests if test.test_key not in known)]
        return Candidate((*self.folders, folder), replace(self.run, tests=tests))

    @cached_property
    def seconds(self) -> float:
        """Seconds that the run took on record, with the start of its process, and of one for each test that the first
        folder does not plan."""
        assert self.run.result is not None
        planned = tests_of(self.run.planned)
        n_starts = 1 + sum(test.test_key not in planned for test in self.run.tests)
        return START_SECONDS * n_starts + self.run.result.train_seconds + sum(t.eval_seconds for t in self.run.tests)


@dataclass(frozen=True)
class Outcome:
    """How a run that was done again ended."""

    candidate: Candidate
    comparison: Comparison | None
    reason: str
    """Why there is no comparison; empty if there is one."""
    seconds: float


def in_turns(done: Mapping[Path, Sequence[RunState]], n_turns: int | None = None) -> list[Candidate]:
    """Return runs in the order in which they are tried. Each turn has a run of every folder with a run left.

    done: folder -> its done runs. n_turns: number of turns; None: until no run is left. A run that several folders
    share is done once and counts for all of them, so a turn takes as little time as this rule finds (greedy weighted
    set cover): next comes the run with the fewest seconds on record for each folder that it is the turn's first of.
    Runs without training come last.
    """
    shared: dict[tuple[Path, int], Candidate] = {}
    for folder, runs in done.items():
        listed: Counter[Path] = Counter()  # variants of one study may differ in their tests alone
        for run in runs:
            key = run.folder, listed[run.folder]
            listed[run.folder] += 1
            shared[key] = shared[key].also_of(folder, run) if key in shared else Candidate((folder,), run)
    if len(done) == 1:
        (folder,) = done
        return sorted(shared.values(), key=partial(_untrained_and_seconds, {folder}))[:n_turns]
    waiting, order, n_done = list(shared.values()), [], 0
    while waiting and n_done != n_turns:
        lacking = set(done)
        while useful := [one for one in waiting if not lacking.isdisjoint(one.folders)]:
            best = min(useful, key=partial(_untrained_and_seconds, lacking))
            waiting.remove(best)
            order.append(best)
            lacking.difference_update(best.folders)
        n_done += 1
    return order


def _untrained_and_seconds(lacking: set[Path], one: Candidate) -> tuple[bool, float]:
    """Return what the next run of a turn has least of. Runs without training show least, so they come last."""
    return one.run.planned.settings["n_train_episodes"] == 0, one.seconds / len(lacking.intersection(one.folders))


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
        """Take the next run that can be expected to end in time; None if there is none.

        A run that is being done is left waiting: variants that differ in their tests alone share its name and folder.
        """
        on_record, now = (sum(column) for column in zip(*self.measured, strict=True)) if self.measured else (1, 1)
        for candidate in self.waiting:
            if candidate.run.planned.run_key in self.going:
                continue
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
    """Return the headline accuracies on record of the seeds of the same variant, the run's own among them.

    runs: those of one folder. Folders that share a run may give its variant other names.
    """
    asked = [one for one in runs if one.headline.asked == run.headline.asked]
    variant = next((one.planned.variant for one in asked if one.planned.run_key == run.planned.run_key), None)
    return [one.headline.accuracy for one in asked if one.planned.variant == variant]
