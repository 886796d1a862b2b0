"""Recorded runs, by their keys."""

from pathlib import Path

from leo_bench.errors import LeoBenchError
from leo_bench.records import RUNS


def find_run(results: Path, key: str) -> Path:
    """Return the folder of a recorded run, in the store or among the published. Raises LeoBenchError."""
    places = (results / RUNS / key, results / "official" / RUNS / key)
    for folder in (*places, *sorted(results.glob(f"official/*/{RUNS}/{key}"))):
        if (folder / "settings.json").exists():
            return folder
    raise LeoBenchError(f"no run {key!r} in {results}/; keys are in the run_key column of runs.csv")
