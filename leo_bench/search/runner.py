"""The trials of a search, several at a time, each in a process of its own (worker.py)."""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import NoReturn

from filelock import FileLock, Timeout
from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import TrialState
from tqdm import tqdm

from leo_bench.config import make_settings
from leo_bench.errors import EXIT_BUSY, EXIT_INTERRUPTED, LeoBenchError
from leo_bench.records import LOCK, RUNS, make_folder, read_record, write_record
from leo_bench.records.search import SearchPlan, Trials, planned_trial
from leo_bench.running.attempts import last_line
from leo_bench.running.child_processes import signal_name, signals_interrupt
from leo_bench.running.executor import Executor, Task
from leo_bench.running.worker import task_of_run
from leo_bench.search.budget import budget_lock
from leo_bench.search.description import settings_words
from leo_bench.search.storage import DATABASE_ERRORS, GRACE_SECONDS, in_one_line, open_storage
from leo_bench.search.study import add_sitting, create_study, fail_dead
from leo_bench.search.trial_states import counts
from leo_bench.search.trials_file import read_database, rebuild_database, write_trials
from leo_bench.search.worker import GRACE, HEARTBEAT, URL, WORKER

POLL_SECONDS = 1.0
MAX_CRASHES = 3
"""Worker processes that may fail in one call before the search stops."""


@dataclass
class SearchRunner:
    """Does the trials that a search still lacks, and keeps trials.json up to date."""

    plan: SearchPlan
    folder: Path
    url: str
    executor: Executor
    """Place for the workers."""
    data: Path | None = None
    say: Callable[[str], None] = tqdm.write
    heartbeat: int | None = None
    """Seconds; storage.HEARTBEAT_SECONDS if None."""
    grace: int | None = None
    """Seconds; storage.GRACE_SECONDS if None."""
    worker: Sequence[str] = WORKER
    workers: dict[str, Task] = field(default_factory=dict)
    """Workers that run, by the names of their tasks."""
    reported: set[int] = field(default_factory=set)
    """Numbers of ended trials that have been reported."""
    crashes: int = 0
    waiting_was_said: bool = False
    started_one: bool = False
    """True once this call has started a trial."""

    redone: set[str] = field(default_factory=set)
    """Keys of lost runs of complete trials that this call has done again."""

    def run(self) -> Trials:
        """Do trials until as many as planned have ended. Returns all trials.

        On Ctrl-C or SIGTERM it stops the workers, then raises KeyboardInterrupt. Raises LeoBenchError if trials cannot
        be done.
        """
        make_folder(self.folder)
        try:
            # Workers on SQLite are on this machine. Those on a server may be on several machines that share the budget.
            local = self.url.startswith("sqlite")
            with FileLock(self.folder / LOCK).acquire(timeout=0) if local else nullcontext():
                return self._run(open_storage(self.url, self.heartbeat, self.grace))
        except Timeout:
            raise LeoBenchError(
                f"another call is doing the search in {self.folder}/; wait for it to end, or stop it"
            ) from None
        except DATABASE_ERRORS as error:
            raise LeoBenchError(f"the search's database: {in_one_line(error, self.url)}") from None

    def _run(self, storage: RDBStorage) -> Trials:
        self._storage = storage
        study = self._study(storage)
        write_record(self.folder / "search.json", self.plan)
        self.reported = {trial.number for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()}
        write_trials(study, self.folder)
        bar = tqdm(total=self.plan.n_trials, unit="trial", disable=not sys.stderr.isatty(), leave=False)
        with signals_interrupt(), bar:
            try:
                return self._until_enough(study, bar)
            except (KeyboardInterrupt, LeoBenchError):
                self._stop()
                self._report(study)
                raise
            finally:
                self._stop()
                storage.engine.dispose()

    def _until_enough(self, study: Study, bar: "tqdm[NoReturn]") -> Trials:
        """Do trials until the budget is used up."""
        while True:
            self._collect_ended()
            self._report(study)
            bar.n = sum(counts(trial) for trial in study.get_trials(deepcopy=False))
            bar.refresh()
            if bar.n >= self.plan.n_trials and not self.workers and not self._redo_lost(study):
                return write_trials(study, self.folder)
            self._start_workers(study)
            time.sleep(POLL_SECONDS)

    def _redo_lost(self, study: Study) -> bool:
        """Start the runs of complete trials that the store lacks, each once. Returns False if there are none.

        Such a run was lost with its node after the trial had reported its values; it comes out the same, bit for bit.
        """
        for trial in read_database(study).trials:
            key = trial.run_key
            if trial.state != "complete" or key is None or key in self.redone or self.executor.room() <= 0:
                continue
            if not (self.folder.parent / RUNS / key / "result.json").exists():
                self.redone.add(key)
                self.say(f"the run of trial {trial.number} was lost: it is done again")
                planned = planned_trial(self.plan, trial)
                folder = self.folder.parent / RUNS / key
                self._place(task_of_run(planned, self.folder.parent, folder, self.data))
        return bool(self.workers)

    def _study(self, storage: RDBStorage) -> Study:
        """Open the study in the database; make it again from trials.json if the database has lost its trials."""
        study, file = create_study(self.plan, storage), self.folder / "trials.json"
        if not file.exists():
            if study.get_trials(deepcopy=False):
                raise LeoBenchError(
                    f"the database has trials that {self.folder}/ does not know; name another database, or the results "
                    "folder of those trials"
                )
            return study
        with budget_lock(study.study_name, storage, self.folder):  # another call may be making it again
            known, n_there = read_record(file, Trials), len(study.get_trials(deepcopy=False))
            if n_there < len(known.trials):  # lost, or making it again was stopped
                self.say(
                    f"the database of {self.folder.name} has {n_there} of {len(known.trials)} trials: the others are "
                    f"made again from {file}"
                )
                return rebuild_database(self.plan, known, storage)
        return study

    def _start_workers(self, study: Study) -> None:
        """Start a worker in every free slot, but no more trials than the budget still lacks."""
        trials = study.get_trials(deepcopy=False)
        running = [trial.number for trial in trials if trial.state == TrialState.RUNNING]
        lacking = self.plan.n_trials - sum(map(counts, trials)) - max(len(running), len(self.workers))
        for _ in range(min(lacking, self.executor.room())):
            if not self.started_one:
                self.started_one = True
                with budget_lock(study.study_name, self._storage, self.folder):  # another call may be adding its own
                    add_sitting(study, datetime.now(UTC).isoformat(timespec="seconds"), self.executor.at_once)
            self._start()
        if not self.workers and running:  # trials of another call, or dead ones
            if not self.waiting_was_said:
                self.say(
                    f"trial {', '.join(map(str, running))} runs in another process, or that process died; a dead trial "
                    f"is done again after {self.grace or GRACE_SECONDS} s without a sign of life"
                )
                self.waiting_was_said = True
            fail_dead(study)

    def _start(self) -> None:
        environment = {URL: self.url}
        environment |= {
            name: str(seconds) for name, seconds in ((HEARTBEAT, self.heartbeat), (GRACE, self.grace)) if seconds
        }
        slot = next(n for n in count() if f"trial-{n}" not in self.workers)
        self._place(
            Task(
                name=f"trial-{slot}",
                program=self.worker,
                results=self.folder.parent,
                folder=self.folder,
                settings=make_settings(self.plan.base),
                log=self.folder / f"worker-{slot}.txt",
                data=self.data,
                environment=environment,
                numerics=self.plan.numerics,
                reads=("search.json",),
            )
        )

    def _place(self, task: Task) -> None:
        self.executor.start(task)
        self.workers[task.name] = task

    def _collect_ended(self) -> None:
        """Remove workers that have ended. Raises LeoBenchError when MAX_CRASHES of them have failed."""
        for ended in self.executor.ended(0):
            task = self.workers.pop(ended.task.name)
            if ended.code in (0, EXIT_INTERRUPTED, EXIT_BUSY):
                continue
            if ended.lost or ended.code < 0:
                how = ended.lost or f"it was killed by {signal_name(-ended.code)}"
                self.say(
                    f"a trial's process ended: {how}; the trial is done again after "
                    f"{self.grace or GRACE_SECONDS} s without a sign of life"
                )
                continue
            last = last_line(task.log) or "no message"
            self.crashes += 1
            self.say(f"a trial's process failed: {last}")
            if self.crashes >= MAX_CRASHES:
                words = f"{self.crashes} trials failed, and not because of their settings"
                raise LeoBenchError(f"{words}; the last: {last}")

    def _report(self, study: Study) -> None:
        """Write trials.json, then say one line for each trial that ended since the last report."""
        trials = write_trials(study, self.folder)
        ended = [trial for trial in trials.trials if trial.finished and trial.number not in self.reported]
        for trial in ended:
            self.reported.add(trial.number)
            outcome = f"{trial.values[0]:.1%} on validation" if trial.values else f"{trial.state}: {trial.message}"
            self.say(f"trial {trial.number} ({settings_words(trial.parameters)}): {outcome}")

    def _stop(self) -> None:
        self.executor.stop()
        self.workers.clear()
