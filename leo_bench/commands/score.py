"""`leo-bench score`: score a trained model on more tests, without training it again."""

import argparse

from leo_bench.commands.run import do_run, parse_settings
from leo_bench.commands.runs import find_run
from leo_bench.config import Settings, make_settings, names_of
from leo_bench.errors import LeoBenchError
from leo_bench.records import RUNS, read_settings


def command_score(options: argparse.Namespace) -> int:
    """Score a recorded run on other tests. Returns the exit code.

    Raises LeoBenchError for a setting that training reads.
    """
    values = parse_settings(options.set)
    wrong = [name for name in values if name in Settings.model_fields and name not in names_of("test")]
    if wrong:
        raise LeoBenchError(
            f"--set {wrong[0]}: training reads this setting, but score takes only settings of tests "
            f"({', '.join(names_of('test'))}); to train with it: leo-bench run --set {wrong[0]}=VALUE"
        )
    known = read_settings(find_run(options.results, options.key))
    settings = make_settings({**known.canonical(), **values}, where="command line")
    return do_run(options.results / RUNS / settings.run_key, settings, options.data)
