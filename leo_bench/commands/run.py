"""`leo-bench run`: do one run, or describe its model."""

import argparse
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leo_bench.commands.given import (
    options_given,
    refuse_beside,
    refuse_data_unused_by,
    refuse_other_values,
)
from leo_bench.commands.runs import find_run
from leo_bench.config import Settings, faster_precision, make_settings
from leo_bench.data.locate import locate
from leo_bench.errors import EXIT_FAILED, LeoBenchError
from leo_bench.records import RUNS, read_settings, run_state


def command_run(options: argparse.Namespace) -> int:
    """Do one run, or describe its model. Returns the exit code."""
    if options.describe:
        ignored = options_given(options, "data", *(() if options.key else ("results",)))
        refuse_beside("--describe", "only prints settings and layers", ignored)
    settings = _settings(options)
    refuse_data_unused_by(options.data, settings)
    if options.describe:
        from leo_bench.running.describe_model import describe

        print(describe(settings))
        return 0
    from leo_bench.running.plan import planned_run

    folder = options.results / RUNS / settings.run_key
    state = run_state(planned_run(settings, "run"), folder)
    if state.status == "done":
        raise LeoBenchError(
            f"run {settings.run_key} is done already ({folder}); to do it again and compare: "
            f"leo-bench reproduce --key {settings.run_key}"
        )
    if state.status in ("stale", "corrupt"):
        what = "record" if state.must_retrain else "record of a test"
        print(f"the {what} in {folder} is {state.status} and is set aside: {state.message}", file=sys.stderr)
    note = faster_precision([settings.canonical()])
    if note:
        print(f"precision: {note}", file=sys.stderr)
    return do_run(folder, settings, options.data)


def do_run(folder: Path, settings: Settings, data: Path | None) -> int:
    """Do the training and tests that a run lacks, in this process, and print its tests. Returns the exit code."""
    from leo_bench.running.experiment import execute

    try:
        state = execute(folder, settings, data)
    except LeoBenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_FAILED
    for test in state.tests:
        name = f"{test.asked.name} on {test.dataset}"
        interval, before = 100 * test.accuracy_ci95, test.accuracy_before
        print(f"{name:45} {test.accuracy:7.2%} +- {interval:.2f}, before adaptation {before:.2%}")
    print(f"recorded in {folder}")
    return 0


def _settings(options: argparse.Namespace) -> Settings:
    """Return the settings named on the command line. Raises LeoBenchError if they contradict each other."""
    values = parse_settings(options.set)
    if options.key:
        others = options_given(options, "preset", "set", "seed", "device", "precision", "dataset")
        refuse_beside("--key", "uses the recorded settings unchanged", others)
        return read_settings(find_run(options.results, options.key))
    refuse_other_values(options, {name: values[name] for name in ("dataset",) if name in values}, "--set")
    for name in ("seed", "device", "precision"):
        given = getattr(options, name)
        if given is not None and values.get(name, given) != given:
            raise LeoBenchError(
                f"--{name} {given} and --set {name}={values[name]} contradict each other; leave one out"
            )
        if given is not None:
            values[name] = given
    if "dataset" not in values and not options.describe:
        values["dataset"] = locate(options.dataset, options.data).name
    elif options.dataset != "auto":
        values["dataset"] = options.dataset
    return make_settings(values, options.preset or "leo", "command line")


def parse_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """Return NAME=VALUE pairs as settings. A value is read as TOML; if it is not TOML, it is a string.

    Raises LeoBenchError for a pair without name or value, and for a name given twice.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name or not text:
            raise LeoBenchError(f"--set {pair}: expected NAME=VALUE, such as latent_dim=32")
        if name in values:
            raise LeoBenchError(f"--set {name} is given twice; leave one out")
        try:
            values[name] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            values[name] = text
    return values
