"""`leo-bench run`: one run, or what its model is."""

import argparse
import sys
import tomllib
from collections.abc import Sequence
from typing import Any

from leo_bench.commands.runs import find_run
from leo_bench.config import default_precision, make_settings
from leo_bench.data.locate import locate
from leo_bench.errors import EXIT_FAILED, LeoBenchError
from leo_bench.records import RUNS, read_settings


def command_run(options: argparse.Namespace) -> int:
    values = parse_settings(options.set)
    if options.key:
        if values or options.preset or options.seed is not None or options.device:
            raise LeoBenchError(
                "--key takes a recorded run's settings as they are; leave out --preset, --set, --seed and --device"
            )
        settings = read_settings(find_run(options.results, options.key))
    else:
        device = options.device or values.get("device", "cpu")
        found = {"device": device, "precision": default_precision(values, device)}
        if "dataset" not in values and not options.describe:
            found["dataset"] = locate(options.dataset, options.data).name
        if options.seed is not None:
            found["seed"] = options.seed
        settings = make_settings({**found, **values}, options.preset or "leo", "command line")
    if options.describe:
        from leo_bench.experiment import describe

        print("\n".join(f"{name} = {value!r}" for name, value in settings.canonical().items()))
        print(f"run key {settings.run_key}\n\n{describe(settings)}")
        return 0
    from leo_bench.experiment import execute
    from leo_bench.provenance import numerics_digest
    from leo_bench.records import PlannedRun, run_state
    from leo_bench.study import set_aside

    folder = options.results / RUNS / settings.run_key
    planned = PlannedRun(variant="run", seed=settings.seed, run_key=settings.run_key, settings=settings.canonical())
    state = run_state(planned, folder, numerics_digest())
    if state.status == "done":
        raise LeoBenchError(
            f"run {settings.run_key} is done already ({folder}); do it again and compare: leo-bench reproduce"
        )
    if state.status in ("stale", "corrupt"):
        print(f"the record in {folder} is {state.status} and set aside: {state.message}", file=sys.stderr)
        set_aside(folder)
    try:
        result = execute(folder, settings, options.data)
    except LeoBenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_FAILED
    for test in result.tests:
        name = f"{test.n_way}-way {test.k_shot}-shot {test.episode_mode}"
        interval, before = 100 * test.accuracy_ci95, test.accuracy_before
        print(f"{name:32} {test.accuracy:7.2%} +- {interval:.2f}, before adaptation {before:.2%}")
    print(f"recorded in {folder}")
    return 0


def parse_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """NAME=VALUE pairs; a value is read as TOML where it is one, else as a string."""
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise LeoBenchError(f"--set {pair}: expected NAME=VALUE, such as latent_dim=32")
        try:
            values[name] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            values[name] = text
    return values
