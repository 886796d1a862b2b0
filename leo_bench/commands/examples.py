"""`leo-bench examples`: drawings of a run's episodes."""

import argparse

from leo_bench.commands.runs import find_run
from leo_bench.examples import write_examples
from leo_bench.report import write_index


def command_examples(options: argparse.Namespace) -> None:
    print(write_examples(find_run(options.results, options.key), options.data, options.reports))
    write_index(options.reports)
