"""Scheduler: does the runs of a plan that are not done, each in its own process.

The store results/runs/ holds every run once, under its key, and a study is a view of the store. A done run is never
done again, whichever study needs it. Neither torch nor Sacred is imported here, only in the processes of the runs.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from leo_bench.config import make_settings
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
from leo_bench.running.child_processes import signals_interrupt, stop_all
from leo_bench.running.estimate import cost, cost_of_all, duration
from leo_bench.running.plan import study_folder
from leo_bench.running.worker import WORKER, worker_command, worker_environment

POLL_SECONDS = 0.3


@dataclass
class _Child:
    run: PlannedRun
    process: subprocess.Popen[bytes]
    folder: Path
    began: float
    attempts: int
    """Attempts of the run when the process was started."""


@dataclass
class StudyRunner:
    """Runner of the runs that a plan lacks, `jobs` at a time. Keeps tables and report up to date."""

    plan: Plan
    """Runs to do."""
    view: Plan
    """Plan written to study.json: the runs to do, and those of earlier calls."""
    results: Path
    jobs: int
    data: Path | None = None
    retry: bool = False
    """True if runs that used up their attempts get new ones."""
    on_change: Callable[[], None] = lambda: None
    """Function called after each run that ended, to refresh the report."""
    say: Callable[[str], None] = tqdm.write
    worker: Sequence[str] = WORKER
    """Command that does one run. Its first argument is the folder of the run."""
    children: list[_Child] = field(default_factory=list)
    said_held: list[str] = field(default_factory=list)
    """Keys of runs that another process was seen to do."""
    retried: list[str] = field(default_factory=list)
    """Keys of runs that this call has given new attempts."""
    durations: list[tuple[float, float]] = field(default_factory=list)
    """Estimated and measured seconds of the runs done by this runner."""

    @property
    def store(self) -> Path:
        """Folder that holds every run under its key."""
        return self.results / RUNS

    def state(self, run: PlannedRun) -> RunState:
        """Return the state of a planned run in the store."""
        return run_state(run, self.store / run.run_key, self.plan.accept_stale)

    def run(self) -> StudyView:
        """Do all runs and return the view of the study.

        On Ctrl-C or a signal such as SIGTERM, stops the running processes and raises KeyboardInterrupt. Any other
        error, such as an output that nobody reads any more, stops them too.
        """
        folder = study_folder(self.results, self.plan)
        write_record(folder / "study.json", self.view)
        states = [self.state(run) for run in self.plan.runs]
        self._refresh()
        queue = [state.planned for state in states if state.status != "done"]
        bar = tqdm(
            total=len(states),
            initial=len(states) - len(queue),
            unit="run",
            disable=not sys.stderr.isatty(),
            leave=False,
        )
        with signals_interrupt(), bar:
            try:
                self._do(queue, bar)
            except BaseException:
                self._stop()
                raise
        self._refresh()
        return load_study(folder)

    def _do(self, queue: list[PlannedRun], bar: "tqdm[NoReturn]") -> None:
        """Do all runs of the queue, and empty it."""
        given_up: list[str] = []
        while queue or self.children:
            for run in self._startable(queue):
                queue.remove(run)
                if self._may_start(run, given_up):
                    self._start(run)
                else:
                    bar.update()
            time.sleep(POLL_SECONDS)
            bar.set_postfix_str(f"{self._eta(queue)} left", refresh=False)
            for child in [child for child in self.children if child.process.poll() is not None]:
                self.children.remove(child)
                if self._ended(child):
                    queue.insert(0, child.run)
                else:
                    bar.update()
                    done = sum(self.state(run).status == "done" for run in self.plan.runs)
                    self.say(f"[{done}/{bar.total}] {self._sentence(child)}; about {self._eta(queue)} left")
                self._refresh()

    def _startable(self, queue: list[PlannedRun]) -> list[PlannedRun]:
        """Return the next runs to start, at most one for each key.

        A run that another process is doing is waited for, and counts as one of the jobs. Such a process may belong to
        an earlier call that was killed.
        """
        own = [child.run.run_key for child in self.children]
        keys = dict.fromkeys(run.run_key for run in queue if run.run_key not in own)
        held = [key for key in keys if is_held(self.store / key)]
        self._say_held([key for key in held if key not in self.said_held], queue)
        free = max(self.jobs - len(self.children) - len(held), 0)
        first = {run.run_key: run for run in reversed(queue) if run.run_key in keys and run.run_key not in held}
        return [run for run in queue if first.get(run.run_key) is run][:free]

    def _say_held(self, keys: list[str], queue: list[PlannedRun]) -> None:
        """Say once of each run that another process is doing that it is waited for."""
        for run in (next(run for run in queue if run.run_key == key) for key in keys):
            self.said_held.append(run.run_key)
            self.say(
                f"{run.variant} seed {run.seed}: another process is doing this run, perhaps one that a killed call has "
                "left; it is waited for"
            )

    def _may_start(self, run: PlannedRun, given_up: list[str]) -> bool:
        """Return False if the run is done by now or has used up its attempts.

        Attempts that failed after the training was recorded, such as those of `score`, say nothing about the work left.
        So each call gives a run with a recorded training new attempts.
        """
        folder = self.store / run.run_key
        state = self.state(run)
        if state.status == "done" or run.run_key in given_up:
            return False
        if (self.retry or (folder / "result.json").exists()) and run.run_key not in self.retried:
            self.retried.append(run.run_key)
            forget_attempts(folder)
        if counted_attempts(folder) >= MAX_ATTEMPTS:
            given_up.append(run.run_key)
            self.say(
                f"{run.variant} seed {run.seed} is not started again after {MAX_ATTEMPTS} failed attempts: "
                f"{state.message}; see {folder}, and use --retry to start it again"
            )
            return False
        if state.status in ("stale", "corrupt"):
            again = "is done again" if state.must_retrain else "is scored again on its damaged tests"
            self.say(f"{run.variant} seed {run.seed} is {state.status} and {again}: {state.message}")
        return True

    def _start(self, run: PlannedRun) -> None:
        folder = self.store / run.run_key
        settings = make_settings(run.settings)
        make_folder(folder)
        n_attempts = len(attempts_of(folder))
        command = worker_command(settings, folder, self.data, self.worker, self.plan.accept_stale)
        with (folder / "stderr.txt").open("wb") as errors:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                env=worker_environment(settings),
                start_new_session=True,  # Ctrl-C reaches the scheduler only, which then stops the runs
            )
        self.children.append(_Child(run, process, folder, time.monotonic(), n_attempts))

    def _ended(self, child: _Child) -> bool:
        """Record how the process of a run ended. Returns True if the run should be tried again at once.

        That is so if the process was killed, or if another process was doing the run.
        """
        code = child.process.returncode
        if code == 0:
            self.durations.append((cost(child.run.settings), time.monotonic() - child.began))
            return False
        if code == EXIT_BUSY:
            return True
        if code == EXIT_INTERRUPTED:
            return False
        note_death(child.folder, code, make_settings(child.run.settings), child.attempts)
        if code == EXIT_FAILED:  # another attempt would end likewise
            return False
        return counted_attempts(child.folder) < MAX_ATTEMPTS

    def _sentence(self, child: _Child) -> str:
        state = self.state(child.run)
        name = f"{child.run.variant} seed {child.run.seed}"
        if state.status != "done":
            return f"{name} {state.status.upper()}: {state.message}"
        test = state.headline
        shape = f"{test.n_way}-way {test.k_shot}-shot"
        accuracy = f"{test.accuracy:.1%} +- {100 * test.accuracy_ci95:.1f} ({shape})"
        return f"{name}: {accuracy}, {time.monotonic() - child.began:.0f} s"

    def _eta(self, queue: list[PlannedRun]) -> str:
        left = cost_of_all(queue)
        left += sum(max(cost(child.run.settings) - (time.monotonic() - child.began), 0) for child in self.children)
        return duration(left * self._correction() / self.jobs)

    def _correction(self) -> float:
        """Return the ratio of measured to estimated seconds over the runs done so far."""
        estimated = sum(estimate for estimate, _ in self.durations)
        return sum(real for _, real in self.durations) / estimated if estimated else 1.0

    def _refresh(self) -> None:
        write_tables(load_study(study_folder(self.results, self.plan)))
        self.on_change()

    def _stop(self) -> None:
        stop_all(child.process for child in self.children)
        for child in self.children:
            if child.process.returncode == -signal.SIGKILL:
                note_death(child.folder, -signal.SIGKILL, make_settings(child.run.settings), child.attempts)
        self.children.clear()
