"""`leo-bench score`: score a trained model on more tests, without training it again."""

import argparse
import sys
from pathlib import Path
from typing import Any

from leo_bench.commands.given import refuse_data_unused_by
from leo_bench.commands.run import do_run, parse_settings
from leo_bench.commands.runs import find_run
from leo_bench.config import Settings, make_settings, names_of, training_settings
from leo_bench.errors import LeoBenchError
from leo_bench.records import RUNS, read_settings, run_state


def command_score(options: argparse.Namespace) -> int:
    """Score a recorded run on other tests. Returns the exit code.

    Settings of tests that are not given are at their default, whatever earlier calls asked for. Raises LeoBenchError
    for a setting that training reads, for a run whose training is stale or damaged, and for a test that the data does
    not allow. Then no attempt is made.
    """
    from leo_bench.running.experiment import check_tests

    values = _test_settings(options.set)
    known = training_settings(read_settings(find_run(options.results, options.key)).canonical())
    settings = make_settings({**known, **values}, where="command line")
    refuse_data_unused_by(options.data, settings)
    folder = options.results / RUNS / settings.run_key
    _refuse_to_retrain(settings, folder)
    check_tests(settings, options.data)
    if not (folder / "result.json").exists():
        print(_training_first(options.key, settings.run_key, folder), file=sys.stderr)
    return do_run(folder, settings, options.data)


def _test_settings(pairs: list[str]) -> dict[str, Any]:
    """Return the settings given with --set. Raises LeoBenchError if training reads one."""
    values = parse_settings(pairs)
    wrong = [name for name in values if name in Settings.model_fields and name not in names_of("test")]
    if wrong:
        raise LeoBenchError(
            f"--set {wrong[0]}: training reads this setting, but score takes only settings of tests "
            f"({', '.join(names_of('test'))}); to train with it: leo-bench run --set {wrong[0]}=VALUE"
        )
    return values


def _refuse_to_retrain(settings: Settings, folder: Path) -> None:
    """Raise LeoBenchError if the training in folder is stale or damaged."""
    from leo_bench.running.plan import planned_run

    state = run_state(planned_run(settings, "run"), folder)
    if state.must_retrain:
        raise LeoBenchError(
            f"the training of run {settings.run_key} is {state.status} ({state.message}), so it is not scored; "
            f"to set it aside and train it again: leo-bench run --key {settings.run_key}"
        )


def _training_first(asked: str, key: str, folder: Path) -> str:
    """Return the notice that a run without a training in the store is trained before it is scored."""
    if key == asked:
        return f"run {key} is not trained in {folder}: it is trained first, under the same key"
    return f"run {asked} has a key of schema 1: it is trained first, under its key of today, {key}, in {folder}"
