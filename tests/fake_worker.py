"""Stands in for a run's process: takes the lock, leaves an attempt, and ends as its latent_dim says. Needs no torch.

1xx: done. 200: fails with a message. 300: killed by its own SIGKILL. 400: killed the first time, then done.
500: waits to be stopped.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from filelock import FileLock, Timeout
from results_fixture import make_plan, planned, write_run

from leo_bench.config import Settings, make_settings
from leo_bench.errors import EXIT_BUSY, EXIT_FAILED, EXIT_INTERRUPTED
from leo_bench.records import AttemptStatus, run_state, write_record
from leo_bench.running.attempts import set_aside
from leo_bench.running.numerics import numerics_digest


def main(folder: Path, settings: Settings) -> int:
    try:
        with FileLock(folder / ".lock").acquire(timeout=2):
            return work(folder, settings)
    except Timeout:
        return EXIT_BUSY


def work(folder: Path, settings: Settings) -> int:
    run = planned(settings, "any", numerics_digest(settings.learner, settings.dataset))
    if "--accept-stale" in sys.argv:
        (folder / "accepts-stale").touch()
    found = run_state(run, folder)
    if found.status == "done":
        return 0  # another process has done it
    if found.must_retrain:
        set_aside(folder)
    number = 1 + len(list(folder.glob("attempt-*")))
    status = folder / f"attempt-{number}" / "status.json"
    write_record(status, AttemptStatus(status="running", started="now", episode=40))
    kind = settings.latent_dim // 100
    if kind == 2:
        write_record(status, AttemptStatus(status="failed", started="now", message="the loss became nan"))
        return EXIT_FAILED
    if kind == 3 or (kind == 4 and number == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == 5:
        (folder / "soon").write_text(str(os.getpid()))
        (folder / "soon").rename(folder / "waiting")
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            write_record(status, AttemptStatus(status="interrupted", started="now", message="stopped by the user"))
            return EXIT_INTERRUPTED
    plan, steps = make_plan({"any": {}}, [0]), settings.inner_steps + 1
    counts = np.full((settings.n_test_episodes, steps), 5)
    write_run(folder, plan, run, lambda *_: counts, attempt=number, folder=folder)
    write_record(status, AttemptStatus(status="done", started="now"))
    return 0


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


signal.signal(signal.SIGTERM, interrupt)
if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), make_settings(json.loads(sys.argv[3]))))
