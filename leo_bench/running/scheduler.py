"""Scheduler: does the runs of a plan that are not done, each in its own process, wherever the executor places it.

The store results/runs/ holds every run once, under its key, and a study is a view of the store. A done run is never
done again, whichever study needs it. Neither torch nor Sacred is imported here, only in the processes of the runs.
What the scheduler does for one run takes the same time in a plan of ten thousand runs as in one of ten.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from leo_bench.config import Settings, make_settings
from leo_bench.errors import EXIT_BUSY, EXIT_FAILED, EXIT_INTERRUPTED
from leo_bench.records import (
    RUNS,
    Plan,
    PlannedRun,
    RunState,
    StudyView,
    attempts_of,
    is_held,
    load_study,
    make_folder,
    run_state,
    write_record,
    write_tables,
)
from leo_bench.running.attempts import MAX_ATTEMPTS, counted_attempts, forget_attempts, note_death
from leo_bench.running.child_processes import signals_interrupt
from leo_bench.running.estimate import duration
from leo_bench.running.executor import Ended, Executor
from leo_bench.running.plan import study_folder
from leo_bench.running.run_queue import RunQueue
from leo_bench.running.worker import WORKER, task_of_run

POLL_SECONDS = 0.3
SHARE = 0.05
"""Largest share of the time that each of these may take: looking for locks, and writing the tables of the study."""


@dataclass
class _Started:
    run: PlannedRun
    folder: Path
    began: float
    cost: float
    """Estimated seconds."""
    attempts: int
    """Attempts of the run when its process was started."""


@dataclass
class StudyRunner:
    """Runner of the runs that a plan lacks. Keeps tables and report up to date."""

    plan: Plan
    """Runs to do."""
    view: Plan
    """Plan written to study.json: the runs to do, and those of earlier calls."""
    results: Path
    executor: Executor
    """Place for the processes."""
    data: Path | None = None
    retry: bool = False
    """True if runs that used up their attempts get new ones."""
    on_change: Callable[[], None] = lambda: None
    """Function called after runs have ended, to refresh the report."""
    say: Callable[[str], None] = tqdm.write
    worker: Sequence[str] = WORKER
    """Command that does one run. Its first argument is the folder of the run."""
    started: dict[str, _Started] = field(default_factory=dict)
    """Runs whose processes are placed, by their keys."""
    n_done: int = 0
    said_held: list[str] = field(default_factory=list)
    """Keys of runs that another process was seen to do."""
    retried: list[str] = field(default_factory=list)
    """Keys of runs that this call has given new attempts."""
    durations: tuple[float, float] = (0.0, 0.0)
    """Estimated and measured seconds of the runs done by this runner, in all."""
    held: set[str] = field(default_factory=set)
    """Keys of waiting runs that another process did at the last look."""
    next_look: float = 0.0
    changed: bool = False
    """True if a run may have ended since the tables were written."""
    next_tables: float = 0.0

    @property
    def store(self) -> Path:
        """Folder that holds every run under its key."""
        return self.results / RUNS

    def state(self, run: PlannedRun) -> RunState:
        """Return the state of a planned run in the store."""
        return run_state(run, self.store / run.run_key, self.plan.accept_stale)

    def run(self) -> StudyView:
        """Do all runs and return the view of the study. Raises LeoBenchError if no place could ever take one of them.

        On Ctrl-C or a signal such as SIGTERM, stops the running processes and raises KeyboardInterrupt. Any other
        error, such as an output that nobody reads any more, stops them too.
        """
        folder = study_folder(self.results, self.plan)
        write_record(folder / "study.json", self.view)
        lacking = [run for run in self.plan.runs if self.state(run).status != "done"]
        self.executor.check(_distinct_settings(lacking))
        self.n_done = len(self.plan.runs) - len(lacking)
        self._refresh()
        bar = tqdm(
            total=len(self.plan.runs),
            initial=self.n_done,
            unit="run",
            disable=not sys.stderr.isatty(),
            leave=False,
        )
        with signals_interrupt(), bar:
            try:
                self._do(RunQueue(lacking), bar)
            except BaseException:
                self._stop()
                raise
        if self.changed:
            self._refresh()
        return load_study(folder)

    def _do(self, queue: RunQueue, bar: "tqdm[NoReturn]") -> None:
        """Do all runs of the queue, and empty it."""
        given_up: list[str] = []
        while len(queue) or self.started:
            for run in self._startable(queue):
                queue.take(run)
                if self._may_start(run, given_up):
                    self._start(run, queue.cost(run))
                else:
                    bar.update()
                    self.changed = True  # another process may have done it
            for ended in self.executor.ended(POLL_SECONDS):
                one = self.started.pop(ended.task.name)
                if self._ended(one, ended):
                    queue.put_back(one.run)
                else:
                    sentence = self._sentence(one)
                    bar.update()
                    self.say(f"[{self.n_done}/{bar.total}] {sentence}; about {self._eta(queue)} left")
                self.changed = True
            bar.set_postfix_str(f"{self._eta(queue)} left", refresh=False)
            if self.changed and time.monotonic() >= self.next_tables:
                self._refresh()

    def _startable(self, queue: RunQueue) -> list[PlannedRun]:
        """Return the next runs to start, at most one for each key.

        A run that another process is doing is waited for, and counts as one of the jobs. Such a process may belong to
        an earlier call that was killed.
        """
        room = self.executor.room()
        if room <= 0 or not len(queue):
            return []
        self._look_for_locks(queue)
        return queue.first(room - len(self.held), self.held | self.started.keys())

    def _look_for_locks(self, queue: RunQueue) -> None:
        """Bring `held` up to date, and say once of each run that another process is doing that it is waited for."""
        begin = time.monotonic()
        if begin >= self.next_look:
            self.held = {key for key in queue.keys() - self.started.keys() if is_held(self.store / key)}
            self.next_look = time.monotonic() + (time.monotonic() - begin) / SHARE
        for key in sorted(self.held - set(self.said_held)):
            run = queue.named(key)
            self.said_held.append(key)
            self.say(
                f"{run.variant} seed {run.seed}: another process is doing this run, perhaps one that a killed call has "
                "left; it is waited for"
            )

    def _may_start(self, run: PlannedRun, given_up: list[str]) -> bool:
        """Return False if the run is done by now, has used up its attempts, or has diverged, as it would again.

        Attempts that failed after the training was recorded, such as those of `score`, say nothing about the work left.
        So each call gives a run with a recorded training new attempts.
        """
        folder = self.store / run.run_key
        state = self.state(run)
        if state.status == "done":
            self.n_done += 1
            return False
        if run.run_key in given_up:
            return False
        if (self.retry or (folder / "result.json").exists()) and run.run_key not in self.retried:
            self.retried.append(run.run_key)
            forget_attempts(folder)
        diverged = state.diverged and run.run_key not in self.retried
        if diverged or counted_attempts(folder, self._numerics(run)) >= MAX_ATTEMPTS:
            given_up.append(run.run_key)
            why = ", as it would end likewise" if diverged else f" after {MAX_ATTEMPTS} failed attempts"
            self.say(
                f"{run.variant} seed {run.seed} is not started again{why}: {state.message}; see {folder}, and use "
                "--retry to start it again"
            )
            return False
        if state.status in ("stale", "corrupt"):
            again = "is done again" if state.must_retrain else "is scored again on its damaged tests"
            self.say(f"{run.variant} seed {run.seed} is {state.status} and {again}: {state.message}")
        return True

    def _start(self, run: PlannedRun, cost: float) -> None:
        folder = self.store / run.run_key
        make_folder(folder)
        n_attempts = len(attempts_of(folder))
        self.executor.start(task_of_run(run, self.results, folder, self.data, self.worker, self.plan.accept_stale))
        self.started[run.run_key] = _Started(run, folder, time.monotonic(), cost, n_attempts)

    def _ended(self, one: _Started, ended: Ended) -> bool:
        """Record how the process of a run ended. Returns True if the run should be tried again at once.

        That is so if the process was killed, or if another process was doing the run.
        """
        if ended.code == 0:
            estimated, measured = self.durations
            self.durations = estimated + one.cost, measured + time.monotonic() - one.began
            return False
        if ended.code == EXIT_BUSY:
            return True
        if ended.code == EXIT_INTERRUPTED:
            return False
        note_death(one.folder, ended.code, make_settings(one.run.settings), one.attempts, ended.lost)
        if ended.code == EXIT_FAILED and not ended.lost:  # another attempt would end likewise
            return False
        return counted_attempts(one.folder, self._numerics(one.run)) < MAX_ATTEMPTS

    def _numerics(self, run: PlannedRun) -> str:
        """Return the digest of the source whose failures count; empty if those of any source do."""
        return "" if self.plan.accept_stale else run.numerics

    def _sentence(self, one: _Started) -> str:
        """Return how a run ended, in words, and count it if it is done."""
        state = self.state(one.run)
        name = f"{one.run.variant} seed {one.run.seed}"
        if state.status != "done":
            return f"{name} {state.status.upper()}: {state.message}"
        self.n_done += 1
        test = state.headline
        shape = f"{test.n_way}-way {test.k_shot}-shot"
        accuracy = f"{test.accuracy:.1%} +- {100 * test.accuracy_ci95:.1f} ({shape})"
        return f"{name}: {accuracy}, {time.monotonic() - one.began:.0f} s"

    def _eta(self, queue: RunQueue) -> str:
        now = time.monotonic()
        left = queue.seconds + sum(max(one.cost - (now - one.began), 0) for one in self.started.values())
        return duration(left * self._correction() / self.executor.at_once)

    def _correction(self) -> float:
        """Return the ratio of measured to estimated seconds over the runs done so far."""
        estimated, measured = self.durations
        return measured / estimated if estimated else 1.0

    def _refresh(self) -> None:
        """Write the tables of the study and have its report refreshed."""
        begin = time.monotonic()
        write_tables(load_study(study_folder(self.results, self.plan)))
        self.on_change()
        self.changed = False
        self.next_tables = time.monotonic() + (time.monotonic() - begin) / SHARE

    def _stop(self) -> None:
        for ended in self.executor.stop():
            one = self.started.get(ended.task.name)
            if one and ended.code == -signal.SIGKILL:
                note_death(one.folder, ended.code, make_settings(one.run.settings), one.attempts)
        changed = self.changed or bool(self.started)
        self.started.clear()
        if changed:
            self._refresh()


def _distinct_settings(runs: Iterable[PlannedRun]) -> list[Settings]:
    """Return settings of a run for each number of threads and device."""
    found = {(run.settings["threads"], run.settings["device"]): run.settings for run in runs}
    return [make_settings(settings) for settings in found.values()]
