"""`leo-bench status`: how studies and searches stand."""

import argparse
from collections import Counter

from leo_bench.errors import LeoBenchError
from leo_bench.records import find_studies, load_study
from leo_bench.records.search import find_searches, read_search


def command_status(options: argparse.Namespace) -> None:
    folders, searches = find_studies(options.results), find_searches(options.results)
    if not folders and not searches:
        raise LeoBenchError(f"no study in {options.results}/; run one first: make ablations")
    for folder in searches:
        plan, trials = read_search(folder)
        ended = Counter(trial.state for trial in trials.trials)
        states = ", ".join(f"{count} {state}" for state, count in ended.items()) or "none yet"
        print(f"{folder}: search, {plan.n_trials} trials planned: {states}")
    for folder in folders:
        view = load_study(folder)
        counts = Counter(run.status for run in view.runs)
        print(f"{folder}: {len(view.runs)} runs: " + ", ".join(f"{count} {status}" for status, count in counts.items()))
        for run in [*view.runs, *view.copies]:
            if run.status != "done" or options.all:
                tries = f", attempt {run.attempts}" if run.attempts else ""
                name = f"{run.planned.variant} seed {run.planned.seed} ({run.planned.run_key}{tries})"
                print(f"  {run.status:12}{name} {run.message}".rstrip())
