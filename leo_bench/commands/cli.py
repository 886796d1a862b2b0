"""Command line: arguments only. A command imports its modules when it runs, so that --help answers at once."""

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from leo_bench.commands.given import GIVEN
from leo_bench.commands.outputs import check_outputs
from leo_bench.data import DATASETS
from leo_bench.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_PIPE_CLOSED, EXIT_USAGE, LeoBenchError
from leo_bench.models.compiled_code import find_place_for_compiled_code
from leo_bench.running.child_processes import signals_interrupt
from leo_bench.training.published_models import published_names


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 (a run failed, bits differ, or the system refused to read or
    write), 2 (wrong input), 130 (interrupted) or 141 (nobody reads the output any more)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # a sign that the terminal's encoding lacks is no error, and progress reaches a pipe line by line
            stream.reconfigure(errors="backslashreplace", line_buffering=True)
    os.environ["MPLBACKEND"] = "agg"  # commands draw into files; what a notebook has set may not even be installed
    try:
        with signals_interrupt():
            options = parser().parse_args(arguments)
            check_outputs(options)
            find_place_for_compiled_code()
            code = int(options.command(options) or 0)
            sys.stdout.flush()
            return code
    except LeoBenchError as error:
        return _ended(EXIT_USAGE, f"error: {error}")
    except KeyboardInterrupt:
        return _ended(EXIT_INTERRUPTED, "interrupted")
    except BrokenPipeError:
        return _ended(EXIT_PIPE_CLOSED)
    except OSError as error:
        return _ended(EXIT_FAILED, f"error: {_refusal(error)}")


def _ended(code: int, message: str = "") -> int:
    """Print a message on stderr and return an exit code, whatever state the two outputs are in."""
    try:
        sys.stdout.flush()
    except OSError:  # or Python would try again at its end, and print a traceback
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if message:
        with suppress(OSError):  # a terminal that is closed
            print(message, file=sys.stderr, flush=True)
    return code


def _refusal(error: OSError) -> str:
    """Return an error of the system in one line."""
    reason = " ".join((error.strerror or str(error) or type(error).__name__).split())
    if error.filename is None:
        return f"the output cannot be written, or a file cannot be read: {reason}"
    return f"{error.filename}: {reason}; check the path, its permissions and the free disk space"


def _path(text: str) -> Path:
    """Return the path that an option names. argparse shows the reason if it is none."""
    from leo_bench.config.paths import as_typed

    try:
        return as_typed(text)
    except LeoBenchError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


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


def parser() -> Parser:
    """Return the parser of all commands."""
    top = Parser(
        prog="leo-bench",
        description="Measure what each part of LEO (few-shot meta-learning) contributes on Omniglot.",
        epilog="Options of a command: leo-bench COMMAND --help. Exit codes: 0 success, 1 a run failed or bits differ, "
        "or the system refused to read or write, 2 wrong input, 130 interrupted, 141 nobody reads the output any more.",
    )
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, (module, text, add_options) in COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        sub.set_defaults(command=_command(module, f"command_{name.replace('-', '_')}"))
        add_options(sub)
    return top


def _command(module: str, name: str) -> Callable[[argparse.Namespace], int | None]:
    """Return a function that imports and calls a command of leo_bench.commands."""

    def call(options: argparse.Namespace) -> int | None:
        function = getattr(import_module(f"leo_bench.commands.{module}"), name)
        result: int | None = function(options)
        return result

    return call


def _data_options(sub: Parser) -> None:
    sub.add_argument("--sheets", type=_path, metavar="FOLDER", help="draw contact sheets (PNG) into this folder")
    _add_dataset(sub, only_trainable=False)
    _add_data(sub)


def _run_options(sub: Parser) -> None:
    sub.add_argument("--preset", help="settings to start from: a name, or a .toml file (default: leo)")
    _add_set(sub, "a setting on top of the preset, such as latent_dim=32; can be repeated")
    sub.add_argument("--seed", type=int, metavar="N", help="seed of the run (default: 0)")
    sub.add_argument("--key", help="do the run recorded under this run key, with its recorded settings")
    sub.add_argument("--describe", action="store_true", help="only print settings, layers, shapes and parameter counts")
    sub.add_argument("--device", choices=DEVICES, help="device that computes (default: cpu)")
    _add_precision(sub)
    _add_dataset(sub)
    _add_data(sub)
    _add_results(sub)


def _score_options(sub: Parser) -> None:
    _add_key(sub)
    _add_set(sub, "a setting of tests, such as test_inner_steps=50; can be repeated")
    _add_data(sub)
    _add_results(sub)


def _measure_options(sub: Parser) -> None:
    sub.add_argument("keys", nargs="*", metavar="KEY", help="run keys, as in runs.csv and in the report")
    sub.add_argument("--study", metavar="NAME", help="measure the done runs of this study instead")
    _add_profile(sub)
    sub.add_argument(
        "--figure",
        type=_path,
        metavar="FILE.png",
        help="only draw what the top latent directions of one run do to glyphs",
    )
    _add_data(sub)
    _add_results(sub)


def _study_options(sub: Parser) -> None:
    sub.add_argument("name", help="name of a file in studies/, without .toml")
    _add_profile(sub)
    sub.add_argument("--seeds", help="seeds in place of those of the profile, such as 0-4 or 0,2,5")
    sub.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="VARIANT",
        help="run only this variant and the baseline; can be repeated",
    )
    _add_jobs(sub, "runs")
    _add_ray(sub)
    sub.add_argument(
        "--shard",
        metavar="I/N",
        help="do only the Ith of N parts with about the same work, such as 2/5, and no report; then merge the results",
    )
    sub.add_argument(
        "--until-decided",
        action="store_true",
        help="add seeds for the variants whose comparison with the baseline is open",
    )
    sub.add_argument(
        "--max-seeds", type=int, default=20, metavar="N", help="most seeds with --until-decided (default: 20)"
    )
    sub.add_argument(
        "--plan",
        action="store_true",
        help="only print the runs, their time, and how many comparisons can be expected to get a verdict",
    )
    sub.add_argument("--retry", action="store_true", help="start runs again that failed three times")
    sub.add_argument(
        "--accept-stale", action="store_true", help="count runs as done that another version of the source made"
    )
    sub.add_argument(
        "--use-published",
        action="store_true",
        help="copy published runs, if this source made them, instead of running them",
    )
    _add_machine(sub)
    _add_studies(sub)
    _add_dataset(sub)
    _add_data(sub)
    _add_results(sub, reports=True)


def _search_options(sub: Parser) -> None:
    sub.add_argument(
        "name", nargs="?", default="search", help="name of a search file in studies/, without .toml (default: search)"
    )
    _add_profile(sub)
    sub.add_argument("--trials", type=int, metavar="N", help="number of trials in place of that of the profile")
    sub.add_argument("--seed", type=int, metavar="N", help="seed of the sampler in place of that of the file")
    _add_jobs(sub, "trials")
    _add_ray(sub)
    sub.add_argument("--plan", action="store_true", help="only print the trials and their time")
    sub.add_argument(
        "--emit-preset", type=_path, metavar="FILE", help="only write the best settings of the finished search to FILE"
    )
    sub.add_argument(
        "--storage", metavar="URL", help="database, such as postgresql://... (default: SQLite in the search's folder)"
    )
    _add_machine(sub)
    _add_studies(sub)
    _add_dataset(sub)
    _add_data(sub)
    _add_results(sub, reports=True)


def _merge_options(sub: Parser) -> None:
    sub.add_argument(
        "folder", type=_path, help="results folder of another machine, its folder runs/, or the folder of one run"
    )
    _add_results(sub)


def _dashboard_options(sub: Parser) -> None:
    sub.add_argument("--port", type=int, default=8080, help="port on 127.0.0.1 (default: 8080; 0: any free port)")
    _add_results(sub, reports=True)


def _report_options(sub: Parser) -> None:
    sub.add_argument(
        "study",
        nargs="?",
        type=_path,
        help="folder of a study or search, such as results/ablations-cpu, or its name below results/ (default: all)",
    )
    sub.add_argument(
        "--compare",
        nargs=2,
        metavar=("A", "B"),
        help="compare two studies instead; each is a name such as ablations-cpu or official/ablations-cpu, a folder of "
        "another checkout, or official/NAME@COMMIT",
    )
    sub.add_argument("--out", type=_path, metavar="FOLDER", help="write the report of one study or comparison here")
    _add_results(sub, reports=True)


def _publish_options(sub: Parser) -> None:
    sub.add_argument("name", help="name of a study or search")
    _add_profile(sub)
    sub.add_argument(
        "--partial", action="store_true", help="publish even if runs are missing; the report names the missing runs"
    )
    sub.add_argument(
        "--replace",
        action="store_true",
        help="publish even if fewer runs or trials are published then, or if another published study becomes stale; "
        "drop variants that the plan here lacks",
    )
    _add_results(sub, reports=True)


def _publish_model_options(sub: Parser) -> None:
    sub.add_argument("name", nargs="?", help="name of the model (default: only write the cards of all models again)")
    sub.add_argument("--study", metavar="NAME-PROFILE", help="published study that has the run, such as adaptation-cpu")
    sub.add_argument("--variant", help="variant of the study; its lowest seed is taken (default: the model's name)")
    sub.add_argument(
        "--models", type=_path, default=Path("models"), metavar="FOLDER", help="folder of models (default: models)"
    )
    _add_results(sub)


def _classify_options(sub: Parser) -> None:
    sub.add_argument("folder", type=_path, help="a folder of pictures for each class; they are the support images")
    sub.add_argument(
        "--model",
        default="tuned",
        help=f"a published model ({published_names()}; default: tuned), or a file that ends with .safetensors",
    )
    sub.add_argument(
        "--query",
        type=_path,
        metavar="FOLDER",
        help="pictures to classify: in folders named as the classes, or without folders (default: those of FOLDER that "
        "are not support images)",
    )
    sub.add_argument(
        "--shots",
        type=int,
        metavar="N",
        help="first N pictures of each class are support images (default: 1, or with --query all)",
    )
    sub.add_argument("--csv", type=_path, metavar="FILE", help="write the answer to each picture as CSV")
    sub.add_argument("--picture", type=_path, metavar="FILE", help="draw support images, queries and answers (PNG)")


def _reproduce_options(sub: Parser) -> None:
    sub.add_argument(
        "study", nargs="*", type=_path, help="folders of studies, such as results/ablations-cpu (default: all)"
    )
    sub.add_argument(
        "--levels",
        "--level",
        metavar="0-2",
        help="what to check, a level or a range (default: 0-2). 0: records are valid; 1: reports regenerate byte for "
        "byte; 2: runs done again have the same bits; 3: their accuracies lie in the range of the seeds on record",
    )
    sub.add_argument(
        "--minutes",
        type=float,
        default=10,
        help="time for the whole call: only runs are done that should end in it, cheapest of each study first "
        "(default: 10; none with -n)",
    )
    sub.add_argument("-n", type=int, help="most runs of each study (default: as many as the time allows)")
    sub.add_argument("--key", help="do the run with this run key and all its recorded tests, and nothing else")
    sub.add_argument(
        "--this-source",
        action="store_true",
        help="do runs with this source even if another one made them (default: with the source of their commit)",
    )
    _add_jobs(sub, "runs")
    _add_ray(sub)
    sub.add_argument("--json", action="store_true", help="print what was found as JSON (docs/reproducibility.md)")
    _add_data(sub)
    _add_results(sub, reports=True)


def _bench_options(sub: Parser) -> None:
    sub.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="GROUP",
        help="time only this group, such as 28x28, n_way or reports; can be repeated",
    )
    sub.add_argument(
        "--publish", action="store_true", help="only copy the timings and their report to the folders official/"
    )
    _add_results(sub, reports=True)


def _examples_options(sub: Parser) -> None:
    _add_key(sub)
    _add_data(sub)
    _add_results(sub, reports=True)


def _status_options(sub: Parser) -> None:
    sub.add_argument("--all", action="store_true", help="list done runs too")
    _add_results(sub)


DEVICES = ("cpu", "cuda")


def _add_key(sub: Parser) -> None:
    sub.add_argument("key", help="run key, as in runs.csv and in the report")


def _add_set(sub: Parser, text: str) -> None:
    sub.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=text)


def _add_profile(sub: Parser) -> None:
    sub.add_argument("--profile", default="quick", help="budget: smoke, quick (default), cpu or official")


def _add_jobs(sub: Parser, what: str) -> None:
    sub.add_argument(
        "--jobs",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help=f"{what} at the same time (default: one per core)",
    )


def _add_ray(sub: Parser) -> None:
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


def _add_machine(sub: Parser) -> None:
    sub.add_argument("--device", choices=DEVICES, default="cpu", help="device that computes (default: cpu)")
    _add_precision(sub)


def _add_precision(sub: Parser) -> None:
    sub.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        help="precision of the convolutions (default: float32); the other precision makes separate runs",
    )


def _add_studies(sub: Parser) -> None:
    sub.add_argument(
        "--studies", type=_path, default=Path("studies"), metavar="FOLDER", help="study files (default: studies)"
    )


def _add_dataset(sub: Parser, only_trainable: bool = True) -> None:
    sub.add_argument(
        "--dataset",
        choices=("auto", *(name for name, entry in DATASETS.items() if entry.trains or not only_trainable)),
        default="auto",
        help="data set (default: auto, which is Omniglot, or glyphs if Omniglot cannot be found)",
    )


def _add_data(sub: Parser) -> None:
    sub.add_argument(
        "--data", type=_path, metavar="FOLDER", help="folder of Omniglot (default: LEO_BENCH_DATA, data/ and others)"
    )


def _add_results(sub: Parser, reports: bool = False) -> None:
    for name in ("results", "reports") if reports else ("results",):
        sub.add_argument(
            f"--{name}", type=_path, default=Path(name), metavar="FOLDER", help=f"folder of {name} (default: {name})"
        )


COMMANDS: dict[str, tuple[str, str, Callable[[Parser], None]]] = {
    "data": ("data", "print where the data set was found and its digest", _data_options),
    "run": ("run", "do one run, or describe its model", _run_options),
    "score": ("score", "score a recorded run on more tests, without training it again", _score_options),
    "measure": ("measure", "measure what the parts of trained models do", _measure_options),
    "study": ("study", "do the runs of a study that are not done, and write its report", _study_options),
    "search": ("search", "search hyperparameters, then measure the best settings on test", _search_options),
    "merge": ("merge", "take runs made on another machine into the results", _merge_options),
    "dashboard": ("dashboard", "show searches and studies in a browser, until Ctrl-C", _dashboard_options),
    "report": ("report", "write reports again from results, without training", _report_options),
    "publish": ("publish", "copy a study with its report to results/official and reports/official", _publish_options),
    "publish-model": (
        "publish_model",
        "write the trained model of a published run, with a model card, to models/",
        _publish_model_options,
    ),
    "classify": ("classify", "adapt a trained model to your own drawings, and classify others", _classify_options),
    "reproduce": (
        "reproduce",
        "check records and reports, and do recorded runs again and compare them bit for bit",
        _reproduce_options,
    ),
    "bench": ("bench", "time training steps and other work (only in a checkout)", _bench_options),
    "examples": ("examples", "draw example episodes and class codes of a done run", _examples_options),
    "status": ("status", "print what is done, missing or not counted in each study", _status_options),
}
"""Commands: name -> module, help text, function that adds the options."""


if __name__ == "__main__":
    sys.exit(main())
