"""`leo-bench score`: more tests of a trained model, without training it again."""

import argparse

from leo_bench.commands.run import do_run, parse_settings
from leo_bench.commands.runs import find_run
from leo_bench.config import make_settings, names_of
from leo_bench.errors import LeoBenchError
from leo_bench.records import RUNS, read_settings


def command_score(options: argparse.Namespace) -> int:
    """Score a recorded run on other tests. Raises LeoBenchError for a setting that training reads."""
    values = parse_settings(options.set)
    wrong = [name for name in values if name not in names_of("test")]
    if wrong:
        raise LeoBenchError(
            f"--set {wrong[0]}: score takes settings of tests alone ({', '.join(names_of('test'))}); "
            "another value of anything else is another run: leo-bench run"
        )
    known = read_settings(find_run(options.results, options.key))
    settings = make_settings({**known.canonical(), **values}, where="command line")
    return do_run(options.results / RUNS / settings.run_key, settings, options.data)
