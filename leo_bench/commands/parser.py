"""Parser of the command line. A command imports its modules when it runs, so that --help answers at once."""

import argparse
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from leo_bench.commands.options import (
    DEVICES,
    Parser,
    add_data,
    add_dataset,
    add_jobs,
    add_key,
    add_machine,
    add_precision,
    add_profile,
    add_ray,
    add_results,
    add_set,
    add_studies,
    as_count,
    as_path,
)
from leo_bench.training.published_models import published_names


def parser() -> Parser:
    """Return the parser of all commands."""
    top = Parser(
        prog="leo-bench",
        description="Measure what each part of LEO (few-shot meta-learning) contributes on Omniglot.",
        epilog="Options of a command: leo-bench COMMAND --help. Exit codes: 0 success, 1 a run failed or bits differ, "
        "or the system refused to read or write, 2 wrong input, 130 interrupted, 141 nobody reads the output any more.",
    )
    top.add_argument("--version", action="version", version=f"leo-bench {version('leo_bench')}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, (text, add_options) in COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        sub.set_defaults(command=_command(name.replace("-", "_")))
        add_options(sub)
    return top


def _command(name: str) -> Callable[[argparse.Namespace], int | None]:
    """Return a function that imports and calls command_NAME of leo_bench.commands.NAME."""

    def call(options: argparse.Namespace) -> int | None:
        function = getattr(import_module(f"leo_bench.commands.{name}"), f"command_{name}")
        result: int | None = function(options)
        return result

    return call


def _data_options(sub: Parser) -> None:
    sub.add_argument("--sheets", type=as_path, metavar="FOLDER", help="draw contact sheets (PNG) into this folder")
    add_dataset(sub, only_trainable=False)
    add_data(sub)


def _run_options(sub: Parser) -> None:
    sub.add_argument(
        "--preset",
        help="settings to start from: a name, such as tuned (docs/leo.md has all), or a .toml file (default: leo)",
    )
    add_set(sub, "a setting on top of the preset, such as latent_dim=32; can be repeated")
    sub.add_argument("--seed", type=int, metavar="N", help="seed of the run (default: 0)")
    sub.add_argument("--key", help="do the run recorded under this run key, with its recorded settings")
    sub.add_argument("--describe", action="store_true", help="only print settings, layers, shapes and parameter counts")
    sub.add_argument("--device", choices=DEVICES, help="device that computes (default: cpu)")
    add_precision(sub)
    add_dataset(sub)
    add_data(sub)
    add_results(sub)


def _score_options(sub: Parser) -> None:
    add_key(sub)
    add_set(sub, "a setting of tests, such as test_inner_steps=50; can be repeated")
    add_data(sub)
    add_results(sub)


def _measure_options(sub: Parser) -> None:
    sub.add_argument("keys", nargs="*", metavar="KEY", help="run keys, as in runs.csv and in the report")
    sub.add_argument("--study", metavar="NAME", help="measure the done runs of this study instead")
    add_profile(sub)
    sub.add_argument(
        "--figure",
        type=as_path,
        metavar="FILE.png",
        help="only draw what the top latent directions of one run do to glyphs",
    )
    add_data(sub)
    add_results(sub)


def _study_options(sub: Parser) -> None:
    sub.add_argument("name", help="name of a file in studies/, without .toml (docs/studies.md lists them)")
    add_profile(sub)
    sub.add_argument("--seeds", help="seeds in place of those of the profile, such as 0-4 or 0,2,5")
    sub.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="VARIANT",
        help="run only this variant and the baseline; can be repeated",
    )
    add_jobs(sub, "runs")
    add_ray(sub)
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
        "--max-seeds", type=as_count, default=20, metavar="N", help="most seeds with --until-decided (default: 20)"
    )
    sub.add_argument(
        "--plan",
        action="store_true",
        help="only print the runs, their time, and how many comparisons can be expected to get a verdict",
    )
    sub.add_argument(
        "--retry", action="store_true", help="start runs again that failed three times, or once with a NaN loss"
    )
    sub.add_argument(
        "--accept-stale", action="store_true", help="count runs as done that another version of the source made"
    )
    sub.add_argument(
        "--use-published",
        action="store_true",
        help="copy published runs, if this source made them, instead of running them",
    )
    add_machine(sub)
    add_studies(sub)
    add_dataset(sub)
    add_data(sub)
    add_results(sub, reports=True)


def _search_options(sub: Parser) -> None:
    sub.add_argument(
        "name", nargs="?", default="search", help="name of a search file in studies/, without .toml (default: search)"
    )
    add_profile(sub)
    sub.add_argument("--trials", type=as_count, metavar="N", help="number of trials in place of that of the profile")
    sub.add_argument("--seed", type=int, metavar="N", help="seed of the sampler in place of that of the file")
    add_jobs(sub, "trials")
    add_ray(sub)
    sub.add_argument("--plan", action="store_true", help="only print the trials and their time")
    sub.add_argument(
        "--emit-preset",
        type=as_path,
        metavar="FILE",
        help="only write the best settings of the finished search to FILE",
    )
    sub.add_argument(
        "--storage", metavar="URL", help="database, such as postgresql://... (default: SQLite in the search's folder)"
    )
    add_machine(sub)
    add_studies(sub)
    add_dataset(sub)
    add_data(sub)
    add_results(sub, reports=True)


def _merge_options(sub: Parser) -> None:
    sub.add_argument(
        "folder", type=as_path, help="results folder of another machine, its folder runs/, or the folder of one run"
    )
    add_results(sub)


def _dashboard_options(sub: Parser) -> None:
    sub.add_argument("--port", type=int, default=8080, help="port on 127.0.0.1 (default: 8080; 0: any free port)")
    add_results(sub, reports=True)


def _report_options(sub: Parser) -> None:
    sub.add_argument(
        "study",
        nargs="?",
        type=as_path,
        help="folder of a study or search, such as results/ablations-cpu, or its name below results/ (default: all)",
    )
    sub.add_argument(
        "--compare",
        nargs=2,
        metavar=("A", "B"),
        help="compare two studies instead; each is a name such as ablations-cpu or official/ablations-cpu, a folder of "
        "another checkout, or official/NAME@COMMIT",
    )
    sub.add_argument("--out", type=as_path, metavar="FOLDER", help="write the report of one study or comparison here")
    add_results(sub, reports=True)


def _publish_options(sub: Parser) -> None:
    sub.add_argument(
        "names",
        nargs="+",
        metavar="name",
        help="name of a study or search; one call is one interim look at the claims on them",
    )
    add_profile(sub)
    sub.add_argument(
        "--partial", action="store_true", help="publish even if runs are missing; the report names the missing runs"
    )
    sub.add_argument(
        "--replace",
        action="store_true",
        help="publish even if fewer runs or trials are published then, or if another published study becomes stale; "
        "drop variants that the plan here lacks",
    )
    add_results(sub, reports=True)


def _publish_model_options(sub: Parser) -> None:
    sub.add_argument("name", nargs="?", help="name of the model (default: only write the cards of all models again)")
    sub.add_argument("--study", metavar="NAME-PROFILE", help="published study that has the run, such as adaptation-cpu")
    sub.add_argument("--variant", help="variant of the study; its lowest seed is taken (default: the model's name)")
    sub.add_argument(
        "--models", type=as_path, default=Path("models"), metavar="FOLDER", help="folder of models (default: models)"
    )
    add_results(sub)


def _classify_options(sub: Parser) -> None:
    sub.add_argument("folder", type=as_path, help="a folder of pictures for each class; they are the support images")
    sub.add_argument(
        "--model",
        default="tuned",
        help=f"a published model ({published_names()}; default: tuned), or a file that ends with .safetensors",
    )
    sub.add_argument(
        "--query",
        type=as_path,
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
    sub.add_argument("--csv", type=as_path, metavar="FILE", help="write the answer to each picture as CSV")
    sub.add_argument("--picture", type=as_path, metavar="FILE", help="draw support images, queries and answers (PNG)")


def _reproduce_options(sub: Parser) -> None:
    sub.add_argument(
        "study", nargs="*", type=as_path, help="folders of studies, such as results/ablations-cpu (default: all)"
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
        help="time for the whole call: only runs are done that should end in it, one of each study first "
        "(default: 10; none with -n)",
    )
    sub.add_argument("-n", type=as_count, help="runs of each study (default: as many as the time allows)")
    sub.add_argument("--key", help="do the run with this run key and all its recorded tests, and nothing else")
    sub.add_argument(
        "--this-source",
        action="store_true",
        help="do runs with this source even if another one made them (default: with the source of their commit)",
    )
    add_jobs(sub, "runs")
    add_ray(sub)
    sub.add_argument("--json", action="store_true", help="print what was found as JSON (docs/reproducibility.md)")
    add_data(sub)
    add_results(sub, reports=True)


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
    add_results(sub, reports=True)


def _examples_options(sub: Parser) -> None:
    add_key(sub)
    add_data(sub)
    add_results(sub, reports=True)


def _status_options(sub: Parser) -> None:
    sub.add_argument("--all", action="store_true", help="list done runs too")
    add_results(sub)


COMMANDS: dict[str, tuple[str, Callable[[Parser], None]]] = {
    "data": ("print where the data set was found and its digest", _data_options),
    "run": ("do one run, or describe its model", _run_options),
    "score": ("score a recorded run on more tests, without training it again", _score_options),
    "measure": ("measure what the parts of trained models do", _measure_options),
    "study": ("do the runs of a study that are not done, and write its report", _study_options),
    "search": ("search hyperparameters, then measure the best settings on test", _search_options),
    "merge": ("take runs made on another machine into the results", _merge_options),
    "dashboard": ("show searches and studies in a browser, until Ctrl-C", _dashboard_options),
    "report": ("write reports again from results, without training", _report_options),
    "publish": (
        "copy studies and their reports to results/official and reports/official",
        _publish_options,
    ),
    "publish-model": (
        "write the trained model of a published run, with a model card, to models/",
        _publish_model_options,
    ),
    "classify": ("adapt a trained model to your own drawings, and classify others", _classify_options),
    "reproduce": (
        "check records and reports, and do recorded runs again and compare them bit for bit",
        _reproduce_options,
    ),
    "bench": ("time training steps and other work (only in a checkout)", _bench_options),
    "examples": ("draw example episodes and class codes of a done run", _examples_options),
    "status": ("print what is done, missing or not counted in each study", _status_options),
}
"""Commands: name -> help text, function that adds the options."""
