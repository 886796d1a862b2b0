"""`leo-bench status`: print what is done, missing or not counted in each study and search."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from leo_bench.commands.runs import no_study
from leo_bench.errors import EXIT_FAILED, LeoBenchError
from leo_bench.records import RunState, find_studies, load_study
from leo_bench.records.search import find_searches, read_search


def command_status(options: argparse.Namespace) -> int:
    """Print a line for each study and search, and one for each run that is not done or not counted.

    A folder that cannot be read gets a line too, and the rest goes on. Returns the exit code.
    """
    folders, searches = find_studies(options.results), find_searches(options.results)
    if not folders and not searches:
        raise no_study(options.results)
    n_broken = 0
    for folder in [*searches, *folders]:
        try:
            if folder in searches:
                _print_search(folder)
            else:
                _print_study(folder, options.all)
        except LeoBenchError as error:
            n_broken += 1
            print(f"error: {error}", file=sys.stderr)
    return EXIT_FAILED if n_broken else 0


def _print_search(folder: Path) -> None:
    plan, trials = read_search(folder)
    ended = Counter(trial.state for trial in trials.trials)
    states = "".join(f", {count} {state}" for state, count in ended.items()) or ", none started"
    print(f"{folder}: search of {plan.n_trials} trials{states}")


def _print_study(folder: Path, every_run: bool) -> None:
    view = load_study(folder)
    states = [run.status for run in [*view.runs, *view.copies] if run.status != "done"]
    counts = Counter([*states, *("not asked for" for _ in view.unplanned)])
    rest = "".join(f", {count} {status}" for status, count in counts.items())
    print(f"{folder}: {len(view.done)} of {len(view.runs) + len(view.unplanned)} runs done{rest}", flush=True)
    for run in view.runs:
        if run.status != "done" or every_run:
            tries = f", attempt {run.attempts}" if run.attempts else ""
            _print_run(run, f" ({run.planned.run_key}{tries})")
    for run in view.copies:  # their messages name the folder
        _print_run(run)


def _print_run(run: RunState, key: str = "") -> None:
    message = f": {run.message}" if run.message else ""
    print(f"  {run.status:13}{run.planned.variant} seed {run.planned.seed}{key}{message}")
