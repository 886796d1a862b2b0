"""A search's trials done or resumed, JOBS at a time, each a process of its own (trial.py)."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from filelock import FileLock, Timeout
from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import TrialState
from tqdm import tqdm

from leo_bench.config import make_settings
from leo_bench.errors import EXIT_INTERRUPTED, LeoBenchError
from leo_bench.records import make_folder, read_record, write_record
from leo_bench.records.search import SearchPlan, Trials
from leo_bench.running.child_processes import sigterm_interrupts, stop_all
from leo_bench.running.worker import worker_environment
from leo_bench.search.space import counts
from leo_bench.search.storage import (
    DATABASE_ERRORS,
    GRACE_SECONDS,
    add_sitting,
    create_study,
    fail_dead,
    in_one_line,
    open_storage,
    rebuild,
    write_trials,
)
from leo_bench.search.worker import GRACE, HEARTBEAT, URL

POLL_SECONDS = 1.0
MAX_CRASHES = 3
"""Trials' processes in one call that may end badly before the search stops."""


@dataclass
class _Child:
    number: int
    process: subprocess.Popen[bytes]
    log: Path


@dataclass
class SearchRunner:
    """Does what a search still lacks of its trials, and keeps trials.json up to date."""

    plan: SearchPlan
    folder: Path
    url: str
    jobs: int
    data: Path | None = None
    say: Callable[[str], None] = tqdm.write
    heartbeat: int | None = None
    grace: int | None = None
    worker: Sequence[str] = (sys.executable, "-m", "leo_bench.search.worker")
    children: list[_Child] = field(default_factory=list)
    told: set[int] = field(default_factory=set)
    crashes: int = 0
    waited: bool = False
    began: bool = False
    """Whether this call has begun a trial."""

    def run(self) -> Trials:
        """Returns the trials when as many as planned have ended. On Ctrl-C or SIGTERM stops what is running, then
        raises KeyboardInterrupt. Raises LeoBenchError where trials cannot be done."""
        make_folder(self.folder)
        try:
            # SQLite's workers are on this machine; those of a server may be on several, which share the budget.
            local = self.url.startswith("sqlite")
            with FileLock(self.folder / ".lock").acquire(timeout=0) if local else nullcontext():
                return self._run(open_storage(self.url, self.heartbeat, self.grace))
        except Timeout:
            raise LeoBenchError(
                f"another call does the search in {self.folder}/ just now; wait for it, or stop it"
            ) from None
        except DATABASE_ERRORS as error:
            raise LeoBenchError(f"the search's database: {in_one_line(error, self.url)}") from None

    def _run(self, storage: RDBStorage) -> Trials:
        study = self._study(storage)
        write_record(self.folder / "search.json", self.plan)
        self.told = {trial.number for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()}
        write_trials(study, self.folder)
        bar = tqdm(total=self.plan.n_trials, unit="trial", disable=not sys.stderr.isatty(), leave=False)
        with sigterm_interrupts(), bar:
            try:
                return self._work(study, bar)
            except (KeyboardInterrupt, LeoBenchError):
                self._stop()
                self._tell(study)
                raise
            finally:
                self._stop()
                storage.engine.dispose()

    def _work(self, study: Study, bar: "tqdm[NoReturn]") -> Trials:
        """Trials until the budget is spent."""
        while True:
            self._reap(study)
            self._tell(study)
            bar.n = sum(counts(trial) for trial in study.get_trials(deepcopy=False))
            bar.refresh()
            if bar.n >= self.plan.n_trials and not self.children:
                return write_trials(study, self.folder)
            self._fill(study)
            time.sleep(POLL_SECONDS)

    def _study(self, storage: RDBStorage) -> Study:
        """The database's study; made again from trials.json where the database is gone."""
        study = create_study(self.plan, storage)
        known_here = (self.folder / "trials.json").exists()
        if study.get_trials(deepcopy=False) and not known_here:
            raise LeoBenchError(
                f"the database has trials that {self.folder}/ does not know; name another database, or the folder that "
                "they belong to"
            )
        if study.get_trials(deepcopy=False) or not known_here:
            return study
        known = read_record(self.folder / "trials.json", Trials)
        if known.trials:
            self.say(f"the database {self.folder.name} is empty: made again from {self.folder / 'trials.json'}")
            study = rebuild(self.plan, known, storage)
        return study

    def _fill(self, study: Study) -> None:
        """Start as many trials as there are places and as the budget still lacks."""
        trials = study.get_trials(deepcopy=False)
        counted = sum(counts(trial) for trial in trials)
        running = sum(trial.state == TrialState.RUNNING for trial in trials)
        lacking = self.plan.n_trials - counted - max(running, len(self.children))
        for _ in range(min(lacking, self.jobs - len(self.children))):
            if not self.began:
                self.began = True
                add_sitting(study, datetime.now(UTC).isoformat(timespec="seconds"), self.jobs)
            self._start()
        if not self.children and running:  # another call's, or dead ones
            if not self.waited:
                numbers = [str(trial.number) for trial in trials if trial.state == TrialState.RUNNING]
                self.say(
                    f"trial {', '.join(numbers)} is being done by another process, or died; in that case it is done "
                    f"again after {self.grace or GRACE_SECONDS} s of silence"
                )
                self.waited = True
            fail_dead(study)

    def _start(self) -> None:
        command = [*self.worker, str(self.folder), *(["--data", str(self.data)] if self.data else [])]
        environment = {**worker_environment(make_settings(self.plan.base)), URL: self.url}
        environment |= {
            name: str(seconds) for name, seconds in ((HEARTBEAT, self.heartbeat), (GRACE, self.grace)) if seconds
        }
        number = next(n for n in range(self.jobs) if n not in {child.number for child in self.children})
        log = self.folder / f"worker-{number}.txt"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,  # Ctrl-C reaches us alone; we then stop the trials
            )
        self.children.append(_Child(number, process, log))

    def _reap(self, study: Study) -> None:
        """Take leave of processes that ended; raise LeoBenchError when too many did badly."""
        for child in [child for child in self.children if child.process.poll() is not None]:
            self.children.remove(child)
            code = child.process.returncode
            if code in (0, EXIT_INTERRUPTED):
                continue
            if code < 0:
                self.say(
                    f"a trial's process was killed by {signal.Signals(-code).name}; the trial is done again after "
                    f"{self.grace or GRACE_SECONDS} s of silence"
                )
                continue
            words = child.log.read_text(errors="replace").strip().splitlines()
            last = words[-1].removeprefix("error: ") if words else "no message"
            self.crashes += 1
            self.say(f"a trial's process failed: {last}")
            if self.crashes >= MAX_CRASHES:
                raise LeoBenchError(f"{self.crashes} trials failed for reasons beside their settings; the last: {last}")

    def _tell(self, study: Study) -> None:
        """A line for each trial that ended since the last time, after trials.json."""
        trials = write_trials(study, self.folder)
        ended = [trial for trial in trials.trials if trial.finished and trial.number not in self.told]
        for trial in ended:
            self.told.add(trial.number)
            settings = ", ".join(
                f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
                for name, value in trial.parameters.items()
            )
            what = f"{trial.values[0]:.1%} on validation" if trial.values else f"{trial.state}: {trial.message}"
            self.say(f"trial {trial.number} ({settings}): {what}")

    def _stop(self) -> None:
        stop_all(child.process for child in self.children)
        self.children.clear()
