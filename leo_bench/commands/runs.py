"""Recorded runs found by their keys, those that are not done, and the error if there are none."""

import sys
from collections.abc import Iterable
from pathlib import Path

from leo_bench.errors import LeoBenchError
from leo_bench.records import RUN_KEY, RUNS, RunState


def find_run(results: Path, key: str) -> Path:
    """Return the folder of a recorded run, local or published. Raises LeoBenchError if there is none."""
    if RUN_KEY.fullmatch(key):  # it is part of a path and of a pattern
        places = [results / RUNS / key, results / "official" / RUNS / key]
        for folder in (*places, *sorted(results.glob(f"official/*/{RUNS}/{key}"))):
            if (folder / "settings.json").exists():
                return folder
    raise LeoBenchError(
        f"no run {key!r} in {results.absolute()}/; run keys are in the column run_key of runs.csv, in the folder of "
        "a study"
    )


def name_missing(runs: Iterable[RunState]) -> int:
    """Print a line for each of these runs that is not done. Returns their number."""
    waiting = [run for run in runs if run.status != "done"]
    for run in waiting:
        print(f"not done: {run.planned.variant} seed {run.planned.seed}: {run.status}: {run.message}", file=sys.stderr)
    return len(waiting)


def no_study(results: Path) -> LeoBenchError:
    """Return the error for a results folder without any study."""
    return LeoBenchError(
        f"no study in {results.absolute()}/; name another folder (--results), or run one first: make ablations"
    )
