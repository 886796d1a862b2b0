"""The command line: arguments only. Everything is imported when its command runs, so that --help answers at once."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from leo_bench.data import DATASETS
from leo_bench.errors import EXIT_INTERRUPTED, EXIT_USAGE, LeoBenchError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0, 1 (a run failed or bits differ), 2 (wrong input), 130
    (interrupted)."""
    options = parser().parse_args(arguments)
    try:
        return int(options.command(options) or 0)
    except LeoBenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader, head for instance, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _command(module: str, name: str) -> Callable[[argparse.Namespace], int | None]:
    """A command of leo_bench.commands, imported when it is called."""

    def call(options: argparse.Namespace) -> int | None:
        function = getattr(import_module(f"leo_bench.commands.{module}"), name)
        result: int | None = function(options)
        return result

    return call


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="leo-bench", description="What each part of LEO is worth, measured on Omniglot.")
    commands = top.add_subparsers(title="commands", required=True, metavar="command")

    def add(name: str, module: str, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=_command(module, f"command_{name}"))
        return sub

    def add_data(sub: argparse.ArgumentParser, only_trainable: bool = True) -> None:
        sub.add_argument(
            "--dataset",
            choices=("auto", *(name for name, entry in DATASETS.items() if entry.trains or not only_trainable)),
            default="auto",
            help="auto: Omniglot where it can be had, else glyphs",
        )
        sub.add_argument(
            "--data",
            type=Path,
            metavar="FOLDER",
            help="where Omniglot lies (else LEO_BENCH_DATA, data/, ... are tried)",
        )

    def add_precision(sub: argparse.ArgumentParser) -> None:
        sub.add_argument(
            "--precision",
            choices=("float32", "bfloat16"),
            help="precision of the convolutions (default: float32 on every machine); other bits, so other runs",
        )

    def add_results(sub: argparse.ArgumentParser, reports: bool = False) -> None:
        sub.add_argument("--results", type=Path, default=Path("results"), metavar="FOLDER")
        if reports:
            sub.add_argument("--reports", type=Path, default=Path("reports"), metavar="FOLDER")

    sub = add(
        "data",
        "data",
        "say which data set was found, where, and its digest; draw contact sheets",
    )
    add_data(sub, only_trainable=False)
    sub.add_argument(
        "--sheets",
        type=Path,
        metavar="FOLDER",
        help="draw contact sheets of characters and of sample episodes here, as PNG",
    )

    sub = add("run", "run", "do one run, or say what its model is")
    sub.add_argument("--key", help="the run recorded under this key, again with its settings")
    sub.add_argument("--preset", help="settings to start from: a name, or a file .toml (default: leo)")
    sub.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting, e.g. --set latent_dim=32; may be repeated",
    )
    sub.add_argument("--seed", type=int)
    sub.add_argument("--device", choices=("cpu", "cuda"))
    add_precision(sub)
    sub.add_argument(
        "--describe", action="store_true", help="print settings, layers, shapes and parameter counts, and stop"
    )
    add_data(sub)
    add_results(sub)

    sub = add("score", "score", "score a recorded run on other tests, without training it again")
    sub.add_argument("key", help="run key, as in runs.csv and the report")
    sub.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of tests, such as --set test_inner_steps=50; may be repeated",
    )
    sub.add_argument("--data", type=Path, metavar="FOLDER", help="where Omniglot lies")
    add_results(sub)

    sub = add("study", "study", "do a study's runs, or what is left of them, and write its report")
    sub.add_argument("name", help="a file in studies/, without .toml")
    sub.add_argument("--profile", default="quick", help="budget: smoke, quick (default), cpu or official")
    sub.add_argument("--seeds", help="instead of the profile's, e.g. 0-4")
    sub.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at a time (default: one per core)")
    sub.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="VARIANT",
        help="only this variant (and the baseline); may be repeated",
    )
    sub.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    add_precision(sub)
    sub.add_argument(
        "--plan", action="store_true", help="say what would be done, how long it takes and what it can detect, and stop"
    )
    sub.add_argument(
        "--accept-stale", action="store_true", help="count runs made by other versions of the source as done"
    )
    sub.add_argument("--retry", action="store_true", help="give runs that used up their attempts new ones")
    sub.add_argument("--use-published", action="store_true", help="count published runs of this very source as done")
    sub.add_argument("--studies", type=Path, default=Path("studies"), metavar="FOLDER")
    add_data(sub)
    add_results(sub, reports=True)

    sub = add("search", "search", "search the documented ranges, and measure the best on test")
    sub.add_argument("name", nargs="?", default="search", help="a file in studies/ with a [space] (default: search)")
    sub.add_argument("--profile", default="quick", help="budget: smoke, quick (default), cpu or official")
    sub.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="trials at a time (default: one per core)")
    sub.add_argument("--trials", type=int, metavar="N", help="in place of the profile's number")
    sub.add_argument("--seed", type=int, help="of the sampler, in place of the file's")
    sub.add_argument(
        "--storage", metavar="URL", help="database, such as postgresql://... (default: SQLite in the search's folder)"
    )
    sub.add_argument("--plan", action="store_true", help="say what would be done and how long it takes, and stop")
    sub.add_argument(
        "--emit-preset", type=Path, metavar="FILE", help="write the best settings of a finished search as a preset file"
    )
    sub.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    add_precision(sub)
    sub.add_argument("--studies", type=Path, default=Path("studies"), metavar="FOLDER")
    add_data(sub)
    add_results(sub, reports=True)

    sub = add(
        "dashboard",
        "dashboard",
        "watch searches and studies in a browser, on this machine, until Ctrl-C",
    )
    sub.add_argument(
        "--port", type=int, default=8080, help="where it answers on 127.0.0.1 (default 8080; 0: any free one)"
    )
    add_results(sub, reports=True)

    sub = add("report", "report", "rebuild reports from results, without training")
    sub.add_argument("study", nargs="?", type=Path, help="one study's or search's folder under results/ (default: all)")
    sub.add_argument(
        "--compare",
        nargs=2,
        metavar=("A", "B"),
        help="say what changed between two studies and whether it matters: names such as ablations-cpu or "
        "official/ablations-cpu, folders of another checkout's results, or official/NAME@COMMIT",
    )
    sub.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where that study's, search's or comparison's report goes"
    )
    add_results(sub, reports=True)

    sub = add(
        "publish",
        "report",
        "copy a study's runs and report to results/official and reports/official",
    )
    sub.add_argument("name")
    sub.add_argument("--profile", default="quick")
    sub.add_argument("--partial", action="store_true", help="also when runs are missing; the report says which")
    add_results(sub, reports=True)

    sub = add(
        "reproduce",
        "reproduce",
        "do recorded runs again with their seeds and compare bit for bit",
    )
    sub.add_argument("study", nargs="*", type=Path, help="folders of studies under results/ (default: all)")
    sub.add_argument("-n", type=int, default=1, help="runs of each study, cheapest first (default: 1)")
    sub.add_argument("--key", help="do this done run again, in place of the cheapest")
    sub.add_argument("--data", type=Path, metavar="FOLDER")
    add_results(sub)

    sub = add("bench", "bench", "time training steps and what else takes time (in the checkout)")
    sub.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="GROUP",
        help="time only this group, such as 28x28, 105x105, n_way or reports; may be repeated",
    )
    sub.add_argument(
        "--publish", action="store_true", help="copy what was timed to results/official and reports/official"
    )
    add_results(sub, reports=True)

    sub = add(
        "examples",
        "examples",
        "draw example episodes of a done run, and where its codes go; never published",
    )
    sub.add_argument("key", help="run key, as in runs.csv and the report")
    sub.add_argument("--data", type=Path, metavar="FOLDER")
    add_results(sub, reports=True)

    sub = add("status", "status", "say what is done, running, failed or missing in each study")
    sub.add_argument("--all", action="store_true", help="name done runs too")
    add_results(sub)
    return top


if __name__ == "__main__":
    sys.exit(main())
