"""Options that several commands share, and the parser class that refuses one given twice."""

import argparse
import os
from pathlib import Path
from typing import Any, NoReturn

from leo_bench.commands.given import GIVEN
from leo_bench.data import DATASETS
from leo_bench.errors import EXIT_USAGE, LeoBenchError


class Once(argparse.Action):
    """Store the value of an option that may be given once: a second one would replace the first in silence."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """Store the value. Ends the program if the option was given before."""
        known = namespace.__dict__.setdefault(GIVEN, set())
        if option and self.dest in known:
            parser.error(f"{option} is given twice; leave one out")
        known.add(self.dest)
        setattr(namespace, self.dest, values)


class Parser(argparse.ArgumentParser):
    """Argument parser whose errors are one line, and whose options may be given once unless they collect values."""

    def __init__(self, **options: Any) -> None:
        """options: those of argparse.ArgumentParser."""
        super().__init__(**options)
        for name in (None, "store"):
            self.register("action", name, Once)

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where the options are explained, and exit."""
        self.exit(EXIT_USAGE, f"error: {message}; see: {self.prog} --help\n")


def as_path(text: str) -> Path:
    """Return the path that an option names. argparse shows the reason if it is none."""
    from leo_bench.config.paths import as_typed

    try:
        return as_typed(text)
    except LeoBenchError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def as_count(text: str) -> int:
    """Return a whole number of at least 1. argparse shows the reason if it is none."""
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


DEVICES = ("cpu", "cuda")


def add_key(sub: Parser) -> None:
    """Add the key of a run."""
    sub.add_argument("key", help="run key, as in runs.csv and in the report")


def add_set(sub: Parser, text: str) -> None:
    """Add settings by name. text: what they are for."""
    sub.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=text)


def add_profile(sub: Parser) -> None:
    """Add the budget of a study or search."""
    sub.add_argument(
        "--profile",
        default="quick",
        help="budget, as named in the file: smoke, cpu, official ... (default: quick, which few files have)",
    )


def add_jobs(sub: Parser, what: str) -> None:
    """Add the number of processes at a time. what: what they do."""
    sub.add_argument(
        "--jobs",
        type=as_count,
        default=os.cpu_count() or 1,
        metavar="N",
        help=f"{what} at the same time (default: one per core)",
    )


def add_ray(sub: Parser) -> None:
    """Add the options for a Ray cluster."""
    sub.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="run on a Ray cluster: auto (the one on this machine), HOST:PORT of its head, or local (docs/cluster.md)",
    )
    sub.add_argument(
        "--gpus-per-run",
        type=float,
        metavar="X",
        help="with --ray: share of a GPU for each run, such as 0.25 (default: 1)",
    )
    sub.add_argument(
        "--collect",
        action="store_true",
        help="with --ray: nodes work on their own disks and send results back, even if they see the results folder",
    )


def add_machine(sub: Parser) -> None:
    """Add device and precision."""
    sub.add_argument("--device", choices=DEVICES, default="cpu", help="device that computes (default: cpu)")
    add_precision(sub)


def add_precision(sub: Parser) -> None:
    """Add the precision of the convolutions."""
    sub.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        help="precision of the convolutions (default: float32); the other precision makes separate runs",
    )


def add_studies(sub: Parser) -> None:
    """Add the folder of study files."""
    sub.add_argument(
        "--studies", type=as_path, default=Path("studies"), metavar="FOLDER", help="study files (default: studies)"
    )


def add_dataset(sub: Parser, only_trainable: bool = True) -> None:
    """Add the data set. only_trainable: without those that models are only tested on."""
    sub.add_argument(
        "--dataset",
        choices=("auto", *(name for name, entry in DATASETS.items() if entry.trains or not only_trainable)),
        default="auto",
        help="data set (default: auto, which is Omniglot, or glyphs if Omniglot cannot be found)",
    )


def add_data(sub: Parser) -> None:
    """Add the folder of Omniglot."""
    sub.add_argument(
        "--data", type=as_path, metavar="FOLDER", help="folder of Omniglot (default: LEO_BENCH_DATA, data/ and others)"
    )


def add_results(sub: Parser, reports: bool = False) -> None:
    """Add the folder of results. reports: that of reports too."""
    for name in ("results", "reports") if reports else ("results",):
        sub.add_argument(
            f"--{name}", type=as_path, default=Path(name), metavar="FOLDER", help=f"folder of {name} (default: {name})"
        )
