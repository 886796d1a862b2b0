"""Executor that the options of a command name: processes on this machine, or a Ray cluster."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from tqdm import tqdm

from leo_bench.commands.given import options_given, refuse_alone, refuse_beside
from leo_bench.errors import LeoBenchError
from leo_bench.running.executor import Executor
from leo_bench.running.local_processes import LocalProcesses


@contextmanager
def executor_of(options: argparse.Namespace) -> Iterator[Executor]:
    """Give the executor of a command.

    On this machine as many processes run as --jobs says; on a cluster as it has room for, or as --jobs says. Raises
    LeoBenchError if the options contradict each other, or if there is no such cluster.
    """
    check_ray_options(options)
    if not options.ray:
        yield LocalProcesses(options.jobs)
        return
    from leo_bench.running.cluster import connected

    out = sys.stderr if getattr(options, "json", False) else sys.stdout
    print(f"connecting to Ray ({options.ray})", file=out, flush=True)
    most = options.jobs if options_given(options, "jobs") else None
    with connected(options.ray, options.results, most, options.gpus_per_run, options.collect) as executor:
        print(f"Ray cluster: {executor.words}", file=out, flush=True)
        executor.say = partial(tqdm.write, file=out)
        yield executor


def check_ray_options(options: argparse.Namespace) -> None:
    """Raise LeoBenchError if options that belong to --ray stand alone, or if a number of GPUs is none that Ray has."""
    if not options.ray:
        refuse_alone("--ray", options_given(options, "gpus_per_run", "collect"))
    elif getattr(options, "plan", False):
        refuse_beside("--plan", "starts nothing", ["--ray"])
    share = options.gpus_per_run
    if share is not None and not (0 < share <= 1 or (share > 1 and share.is_integer())):
        raise LeoBenchError(f"--gpus-per-run must be a share of a GPU up to 1, or a whole number, got {share:g}")
