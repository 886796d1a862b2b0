"""`leo-bench examples`: draw example episodes of a run."""

import argparse

from leo_bench.commands.given import refuse_unused_data
from leo_bench.commands.runs import find_run
from leo_bench.records import read_settings
from leo_bench.report import write_index
from leo_bench.report.examples import write_example_page
from leo_bench.running.example_episodes import example_episodes
from leo_bench.running.numerics import numerics_digest


def command_examples(options: argparse.Namespace) -> None:
    """Write reports/examples-<run_key>/, which git ignores, and print the path of its page."""
    folder = find_run(options.results, options.key)
    refuse_unused_data(options.data, [read_settings(folder).dataset])
    result, examples, n_first = example_episodes(folder, options.data)
    target = options.reports / f"examples-{result.run_key}"
    numerics = numerics_digest(result.settings["learner"], result.settings["dataset"])
    print(write_example_page(target, result, examples, n_first, numerics))
    write_index(options.reports)
