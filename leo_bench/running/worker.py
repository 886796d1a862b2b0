"""Process of one run, started by the scheduler or by Ray."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from leo_bench.config import Settings, differing, make_settings
from leo_bench.errors import EXIT_BUSY
from leo_bench.records import PlannedRun
from leo_bench.running.child_processes import PYTHON, exit_code, import_path
from leo_bench.running.executor import Task

WORKER = (*PYTHON, "leo_bench.running.worker")


def worker_options(settings: Settings, accept_stale: bool = False) -> list[str]:
    """Return the arguments of the process of a run after its folder, without the folder of the data."""
    given = json.dumps(differing(settings.canonical()), sort_keys=True)
    return ["--settings", given, *(["--accept-stale"] if accept_stale else [])]


def task_of_run(
    run: PlannedRun,
    results: Path,
    folder: Path,
    data: Path | None = None,
    worker: Sequence[str] = WORKER,
    accept_stale: bool = False,
) -> Task:
    """Return the task of doing a planned run in folder, which lies below results."""
    settings = make_settings(run.settings)
    return Task(
        name=run.run_key,
        program=worker,
        results=results,
        folder=folder,
        settings=settings,
        log=folder / "stderr.txt",
        options=worker_options(settings, accept_stale),
        data=data,
        numerics=run.numerics,
    )


def worker_environment(settings: Settings) -> dict[str, str]:
    """Return the environment of the process of a run on this machine."""
    return {**os.environ, **import_path(), **worker_variables(settings)}


def worker_variables(settings: Settings) -> dict[str, str]:
    """Return the variables of the process of a run that must be set before torch is imported."""
    threads = str(settings.threads)
    return {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}


def main(arguments: list[str] | None = None) -> int:
    """Do one run in its folder: train it if it is not trained, and score its missing tests."""
    parser = argparse.ArgumentParser(prog="python -m leo_bench.running.worker", description=main.__doc__)
    parser.add_argument("folder", type=Path, help="folder of the run")
    parser.add_argument("--settings", required=True, help="settings that are not at their default, as JSON")
    parser.add_argument("--data", type=Path, help="folder of Omniglot")
    parser.add_argument("--accept-stale", action="store_true", help="count a training by another source as done")
    options = parser.parse_args(arguments)
    from leo_bench.running.experiment import RunHeld, execute

    def work() -> None:
        settings = make_settings(json.loads(options.settings), where="--settings")
        execute(options.folder, settings, options.data, accept_stale=options.accept_stale)

    return exit_code(work, {RunHeld: EXIT_BUSY})


if __name__ == "__main__":
    sys.exit(main())
