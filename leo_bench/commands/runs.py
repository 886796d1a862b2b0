"""Recorded runs, by their keys."""

from pathlib import Path

from leo_bench.errors import LeoBenchError


def find_run(results: Path, key: str) -> Path:
    """Folder of a recorded run, in the store or among the published."""
    for folder in (results / "runs" / key, *sorted(results.glob(f"official/*/runs/{key}"))):
        if (folder / "settings.json").exists():
            return folder
    raise LeoBenchError(f"no run {key!r} in {results}/; keys are in the run_key column of runs.csv")
