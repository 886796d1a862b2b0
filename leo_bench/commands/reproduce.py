"""`leo-bench reproduce`: do recorded runs again and compare."""

import argparse

from leo_bench.commands.runs import no_study
from leo_bench.errors import EXIT_FAILED, LeoBenchError
from leo_bench.records import RUNS, find_studies
from leo_bench.records.search import find_searches
from leo_bench.running.reproduce import again, cheapest, done_runs, with_key


def command_reproduce(options: argparse.Namespace) -> int:
    """Do recorded runs again, compare them bit for bit, and print the result. Returns the exit code."""
    if options.n < 1:
        raise LeoBenchError(f"-n must be at least 1, got {options.n}")
    folders = options.study or [*find_studies(options.results), *find_searches(options.results)]
    if not folders and not options.key:
        raise no_study(options.results)
    if options.key:
        folder, found = with_key(folders, options.key, None if options.study else options.results / RUNS)
        chosen = [(folder, [found])]
    else:
        chosen = [(folder, cheapest(done_runs(folder), options.n)) for folder in folders]
    compared, wrong = 0, 0
    for folder, runs in chosen:
        for run in runs:
            print(f"{folder}: doing {run.planned.variant} seed {run.planned.seed} again", flush=True)
            try:
                comparison = again(run, options.results / "reproduce", options.data)
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
