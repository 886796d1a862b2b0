"""`leo-bench reproduce`: do recorded runs again and compare."""

import argparse
import sys

from leo_bench.commands.executors import executor_of
from leo_bench.commands.runs import no_study
from leo_bench.errors import EXIT_FAILED, LeoBenchError
from leo_bench.records import RUNS, find_studies
from leo_bench.records.search import find_searches
from leo_bench.running.reproduce import again, cheapest, done_runs, with_key


def command_reproduce(options: argparse.Namespace) -> int:
    """Do recorded runs again, compare them bit for bit, and print the result. Returns the exit code."""
    if options.n is not None and options.n < 1:
        raise LeoBenchError(f"-n must be at least 1, got {options.n}")
    if options.key and options.n is not None:
        raise LeoBenchError("--key names one run, so -n does not apply; leave one out")
    folders = options.study or [*find_studies(options.results), *find_searches(options.results)]
    if not folders and not options.key:
        raise no_study(options.results)
    compared, wrong = 0, 0
    chosen = []
    if options.key:
        folder, found = with_key(folders, options.key, None if options.study else options.results / RUNS)
        chosen = [(folder, [found])]
    for folder in [] if options.key else folders:
        try:
            chosen.append((folder, cheapest(done_runs(folder), options.n or 1)))
        except LeoBenchError as error:  # one broken folder must not hide the others
            print(f"error: {error}", file=sys.stderr)
            wrong += 1
    with executor_of(options, options.results, 1) as executor:
        for folder, run in [(folder, run) for folder, runs in chosen for run in runs]:
            print(f"{folder}: doing {run.planned.variant} seed {run.planned.seed} again", flush=True)
            try:
                comparison = again(run, options.results / "reproduce", options.data, executor=executor)
            except LeoBenchError as error:
                print(f"{folder}: not compared: {error}")
                wrong += bool(options.study or options.key)  # if no study is named, studies of older versions may fail
                continue
            compared += 1
            since = f" ({comparison.changed})" if comparison.changed else ""
            if not comparison.differences:
                print(f"{folder}: {comparison.name}: bit for bit the same{since}")
                continue
            wrong += not comparison.changed
            print(f"{folder}: {comparison.name}: DIFFERS{since}")
            print("\n".join(f"    {line}" for line in comparison.differences))
    if not compared:
        raise LeoBenchError("no recorded run could be compared; the lines above say why")
    return EXIT_FAILED if wrong else 0
