"""Studies: a file in studies/ -> a plan of runs -> runs done or resumed, each in a process of its own.

The store results/runs/ holds every run once, under its key; a study is a view of it. What is done is never done
again, whichever study asks. Neither torch nor Sacred is imported here: the runs' own processes do that.
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
from leo_bench.errors import EXIT_BUSY, EXIT_FAILED, EXIT_INTERRUPTED, LeoBenchError
from leo_bench.records import (
    RUNS,
    Plan,
    PlannedRun,
    RunState,
    StudyView,
    is_held,
    load_study,
    make_folder,
    run_state,
    write_record,
    write_tables,
)
from leo_bench.running.attempts import MAX_ATTEMPTS, counted_attempts, forget_attempts, note_death
from leo_bench.running.child_processes import sigterm_interrupts, stop_all
from leo_bench.running.estimate import cost, duration
from leo_bench.running.plan import study_folder
from leo_bench.running.worker import WORKER, worker_command, worker_environment

POLL_SECONDS = 0.3


@dataclass
class _Child:
    run: PlannedRun
    process: subprocess.Popen[bytes]
    folder: Path
    began: float


@dataclass
class StudyRunner:
    """Does what a plan still lacks, `jobs` runs at a time, and keeps view and report up to date."""

    plan: Plan
    """What to do."""
    view: Plan
    """What the study's folder shows: the plan, and runs that earlier calls asked for beside it."""
    results: Path
    jobs: int
    data: Path | None = None
    retry: bool = False
    """Whether runs that used up their attempts get new ones."""
    on_change: Callable[[], None] = lambda: None
    """Called after each run that ended: refreshes the report."""
    say: Callable[[str], None] = tqdm.write
    worker: Sequence[str] = WORKER
    """Command that does one run; the run's folder is its first argument."""
    children: list[_Child] = field(default_factory=list)
    retried: list[str] = field(default_factory=list)
    durations: list[tuple[float, float]] = field(default_factory=list)
    """Estimated and real seconds of the runs done here."""

    @property
    def store(self) -> Path:
        return self.results / RUNS

    def state(self, run: PlannedRun) -> RunState:
        return run_state(run, self.store / run.run_key, self.plan.accept_stale)

    def run(self) -> StudyView:
        """Returns the study's view when nothing is left to do. On Ctrl-C or SIGTERM stops the runs, then raises
        KeyboardInterrupt."""
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
        with sigterm_interrupts(), bar:
            try:
                self._do(queue, bar)
            except (KeyboardInterrupt, LeoBenchError):
                self._stop()
                raise
        self._refresh()
        return load_study(folder)

    def _do(self, queue: list[PlannedRun], bar: "tqdm[NoReturn]") -> None:
        """All of the queue, which empties."""
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
        """Return the next runs to start, one of each key at a time.

        A run that another process does, such as an earlier call that was killed, is waited for and takes a place.
        """
        own = [child.run.run_key for child in self.children]
        keys = dict.fromkeys(run.run_key for run in queue if run.run_key not in own)
        held = [key for key in keys if is_held(self.store / key)]
        free = max(self.jobs - len(self.children) - len(held), 0)
        first = {run.run_key: run for run in reversed(queue) if run.run_key in keys and run.run_key not in held}
        return [run for run in queue if first.get(run.run_key) is run][:free]

    def _may_start(self, run: PlannedRun, given_up: list[str]) -> bool:
        """False when the run is done by now or has used up its attempts."""
        folder = self.store / run.run_key
        state = self.state(run)
        if state.status == "done" or run.run_key in given_up:
            return False
        if self.retry and run.run_key not in self.retried:
            self.retried.append(run.run_key)
            forget_attempts(folder)
        if counted_attempts(folder) >= MAX_ATTEMPTS:
            given_up.append(run.run_key)
            self.say(
                f"{run.variant} seed {run.seed} is left alone after {MAX_ATTEMPTS} failed attempts: "
                f"{state.message} (see {folder}; --retry gives it new ones)"
            )
            return False
        if state.status in ("stale", "corrupt"):
            self.say(f"{run.variant} seed {run.seed} is {state.status} and done again: {state.message}")
        return True

    def _start(self, run: PlannedRun) -> None:
        folder = self.store / run.run_key
        settings = make_settings(run.settings)
        make_folder(folder)
        command = worker_command(settings, folder, self.data, self.worker)
        with (folder / "stderr.txt").open("wb") as errors:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                env=worker_environment(settings),
                start_new_session=True,  # Ctrl-C reaches us alone; we then stop the runs
            )
        self.children.append(_Child(run, process, folder, time.monotonic()))

    def _ended(self, child: _Child) -> bool:
        """Note how a run's process ended. Returns whether to try again at once: it was killed, or held by another
        process."""
        code = child.process.returncode
        if code == 0:
            self.durations.append((cost(child.run.settings), time.monotonic() - child.began))
            return False
        if code == EXIT_BUSY:
            return True
        if code in (EXIT_FAILED, EXIT_INTERRUPTED):
            return False
        note_death(child.folder, code, make_settings(child.run.settings))
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
        left = sum(cost(run.settings) for run in queue)
        left += sum(max(cost(child.run.settings) - (time.monotonic() - child.began), 0) for child in self.children)
        return duration(left * self._correction() / self.jobs)

    def _correction(self) -> float:
        """Real over estimated seconds, from the runs done so far."""
        estimated = sum(estimate for estimate, _ in self.durations)
        return sum(real for _, real in self.durations) / estimated if estimated else 1.0

    def _refresh(self) -> None:
        write_tables(load_study(study_folder(self.results, self.plan)))
        self.on_change()

    def _stop(self) -> None:
        stop_all(child.process for child in self.children)
        for child in self.children:
            if child.process.returncode == -signal.SIGKILL:
                note_death(child.folder, child.process.returncode, make_settings(child.run.settings))
        self.children.clear()
