"""The command line: arguments only. Everything is imported when its command runs, so that --help answers at once."""

import argparse
import os
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leo_bench.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, LeoBenchError


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


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="leo-bench", description="What each part of LEO is worth, measured on Omniglot.")
    commands = top.add_subparsers(title="commands", required=True, metavar="command")

    def add(name: str, function: Any, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=function)
        return sub

    def add_data(sub: argparse.ArgumentParser) -> None:
        sub.add_argument(
            "--dataset",
            choices=("auto", "omniglot", "glyphs"),
            default="auto",
            help="auto: Omniglot where it can be had, else glyphs",
        )
        sub.add_argument(
            "--data",
            type=Path,
            metavar="FOLDER",
            help="where Omniglot lies (else LEO_BENCH_DATA, data/, ... are tried)",
        )

    def add_results(sub: argparse.ArgumentParser, reports: bool = False) -> None:
        sub.add_argument("--results", type=Path, default=Path("results"), metavar="FOLDER")
        if reports:
            sub.add_argument("--reports", type=Path, default=Path("reports"), metavar="FOLDER")

    sub = add("data", command_data, "say which data set was found, where, and its digest; draw contact sheets")
    add_data(sub)
    sub.add_argument(
        "--sheets",
        type=Path,
        metavar="FOLDER",
        help="draw contact sheets of characters and of sample episodes here, as PNG",
    )

    sub = add("run", command_run, "do one run, or say what its model is")
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
    sub.add_argument(
        "--describe", action="store_true", help="print settings, layers, shapes and parameter counts, and stop"
    )
    add_data(sub)
    add_results(sub)

    sub = add("study", command_study, "do a study's runs, or what is left of them, and write its report")
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

    sub = add("search", command_search, "search the documented ranges, and measure the best on test")
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
    sub.add_argument("--studies", type=Path, default=Path("studies"), metavar="FOLDER")
    add_data(sub)
    add_results(sub, reports=True)

    sub = add("dashboard", command_dashboard, "watch searches and studies in a browser, on this machine, until Ctrl-C")
    sub.add_argument(
        "--port", type=int, default=8080, help="where it answers on 127.0.0.1 (default 8080; 0: any free one)"
    )
    add_results(sub, reports=True)

    sub = add("report", command_report, "rebuild reports from results, without training")
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

    sub = add("publish", command_publish, "copy a study's runs and report to results/official and reports/official")
    sub.add_argument("name")
    sub.add_argument("--profile", default="quick")
    sub.add_argument("--partial", action="store_true", help="also when runs are missing; the report says which")
    add_results(sub, reports=True)

    sub = add("reproduce", command_reproduce, "do recorded runs again with their seeds and compare bit for bit")
    sub.add_argument("study", nargs="*", type=Path, help="folders of studies under results/ (default: all)")
    sub.add_argument("-n", type=int, default=1, help="runs of each study, cheapest first (default: 1)")
    sub.add_argument("--key", help="do this done run again, in place of the cheapest")
    sub.add_argument("--data", type=Path, metavar="FOLDER")
    add_results(sub)

    sub = add("bench", command_bench, "time training steps and what else takes time (in the checkout)")
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
        "examples", command_examples, "draw example episodes of a done run, and where its codes go; never published"
    )
    sub.add_argument("key", help="run key, as in runs.csv and the report")
    sub.add_argument("--data", type=Path, metavar="FOLDER")
    add_results(sub, reports=True)

    sub = add("status", command_status, "say what is done, running, failed or missing in each study")
    sub.add_argument("--all", action="store_true", help="name done runs too")
    add_results(sub)
    return top


def command_data(options: argparse.Namespace) -> None:
    from leo_bench.data import describe, draw_sheets, load_images, locate

    source = locate(options.dataset, options.data)
    print(describe(source))
    if options.sheets:
        for path in draw_sheets(load_images(source, 105), options.sheets):
            print(f"drawn       {path}")


def command_run(options: argparse.Namespace) -> int:
    from leo_bench.config import default_precision, make_settings
    from leo_bench.data.locate import locate
    from leo_bench.records import RUNS, read_settings

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


def find_run(results: Path, key: str) -> Path:
    """Folder of a recorded run, in the store or among the published."""
    for folder in (results / "runs" / key, *sorted(results.glob(f"official/*/runs/{key}"))):
        if (folder / "settings.json").exists():
            return folder
    raise LeoBenchError(f"no run {key!r} in {results}/; keys are in the run_key column of runs.csv")


def command_study(options: argparse.Namespace) -> int:
    from leo_bench.data.locate import locate
    from leo_bench.plan import make_plan, merge_plan, parse_seeds, plan_words, present_keys, study_folder
    from leo_bench.publish import take_published
    from leo_bench.records import Plan, load_study, read_record
    from leo_bench.refresh import BackgroundReport
    from leo_bench.study import StudyRunner

    if options.jobs < 1:
        raise LeoBenchError(f"--jobs must be at least 1, got {options.jobs}")
    seeds = parse_seeds(options.seeds) if options.seeds else None
    source = locate(options.dataset, options.data)
    plan = make_plan(
        options.studies,
        options.name,
        options.profile,
        source,
        seeds,
        options.only,
        options.device,
        options.accept_stale,
    )
    if options.plan:
        print(plan_words(plan, options.results, options.jobs))
        return 0
    folder = study_folder(options.results, plan)
    view = plan
    if (folder / "study.json").exists():
        old = read_record(folder / "study.json", Plan)
        keep = present_keys(options.studies, old, source, options.device)
        if not (seeds or options.only):  # a whole study shows what part-studies have done, not what they left undone
            keep &= {run.planned.run_key for run in load_study(folder).done}
        view = merge_plan(old, plan, keep)
    report_folder = options.reports / folder.name
    report = BackgroundReport(folder, report_folder)
    runner = StudyRunner(plan, view, options.results, options.jobs, options.data, options.retry, report.request)
    if options.use_published:
        print(f"{take_published(options.results, plan)} runs taken from {options.results / 'official'}/")
    print(plan_words(plan, options.results, options.jobs))
    try:
        runner.run()
    except KeyboardInterrupt:
        done = len(load_study(folder).done)
        print(
            f"\nstopped: {done} of {len(view.runs)} runs are done and kept; the same command goes on from here\n"
            "bringing the report up to date (Ctrl-C again to leave it)",
            file=sys.stderr,
        )
        report.finish()
        return EXIT_INTERRUPTED
    made = report.finish()
    found = load_study(folder)
    waiting = [run for run in found.runs if run.status != "done"]
    for run in waiting:
        print(f"not done: {run.planned.variant} seed {run.planned.seed}: {run.status}: {run.message}", file=sys.stderr)
    print(f"{len(found.done)} of {len(found.runs)} runs done; tables in {folder}/")
    print(
        f"report: {report_folder / 'report.html'}"
        if made
        else f"the report could not be made; try: leo-bench report {folder}"
    )
    return EXIT_FAILED if waiting or not made else 0


def command_search(options: argparse.Namespace) -> int:
    from leo_bench.commands import search

    return search.command_search(options)


def command_dashboard(options: argparse.Namespace) -> None:
    from functools import partial

    from leo_bench.dashboard import serve

    serve(options.results, options.reports, options.port, partial(print, flush=True))


def command_report(options: argparse.Namespace) -> None:
    from leo_bench.report import rebuild_all, write_comparison, write_index, write_report, write_search_report

    if options.compare:
        if options.study is not None:
            raise LeoBenchError(f"--compare takes two studies; leave out {options.study}")
        print("\n".join(write_comparison(tuple(options.compare), options.results, options.reports, options.out)))
        write_index(options.reports)
        return
    if options.study is None:
        if options.out:
            raise LeoBenchError("--out goes with one study's or search's folder; name it")
        made = rebuild_all(options.results, options.reports)
        if not made:
            raise LeoBenchError(f"no study in {options.results}/; run one first: make ablations")
        made += _findings(options.results)
        for path in [*made, *_benchmark_pages(options.results, options.reports)]:
            print(path)
        write_index(options.reports)
        return
    write = write_search_report if (options.study / "search.json").exists() else write_report
    print(write(options.study, options.out or options.reports / options.study.name))
    write_index(options.reports)


def _benchmark_pages(results: Path, reports: Path) -> list[Path]:
    """The benchmarks' reports made again from their timings, local and published; none outside a checkout."""
    timed = [name for name in ("bench", "official/bench") if (results / name / "timings.csv").exists()]
    if not timed or not _find_benchmarks():
        return []
    from benchmarks.page import write_page

    return [write_page(results / name, reports / name) for name in timed]


def _find_benchmarks() -> bool:
    """Whether there is a checkout with benchmarks; they can then be imported."""
    checkout = Path(__file__).resolve().parents[1]
    if not (checkout / "benchmarks").is_dir():
        return False
    if str(checkout) not in sys.path:
        sys.path.insert(0, str(checkout))
    return True


FINDINGS = Path("docs/findings.md")
"""In a checkout: what the published studies say."""


def _findings(results: Path) -> list[Path]:
    """The page of findings made again, where results are those of the checkout that has it."""
    if not FINDINGS.exists() or results.resolve() != FINDINGS.resolve().parents[1] / "results":
        return []
    from leo_bench.report.findings import write_findings

    return [write_findings(results, FINDINGS)]


def command_publish(options: argparse.Namespace) -> None:
    from leo_bench.publish import publish, publish_search
    from leo_bench.records import load_study
    from leo_bench.report import write_index, write_report, write_search_report
    from leo_bench.report.readme import refresh_readme

    if (options.results / f"{options.name}-{options.profile}" / "search.json").exists():
        target = publish_search(options.results, options.name, options.profile, options.partial)
        page = write_search_report(target, options.reports / "official" / target.name)
        write_index(options.reports)
        print(f"{target}/, report in {page}")
        return
    target = publish(options.results, options.name, options.profile, options.partial)
    report = write_report(target, options.reports / "official" / target.name)
    write_index(options.reports)
    print(f"{len(load_study(target).done)} runs in {target}/, report in {report}")
    if refresh_readme(Path("README.md"), report.parent):
        print("README.md shows its numbers")
    for page in _findings(options.results):
        print(f"what came out, in words: {page}")


def command_reproduce(options: argparse.Namespace) -> int:
    from leo_bench.records import find_studies
    from leo_bench.reproduce import again, cheapest, done_runs, with_key
    from leo_bench.trials import find_searches

    if options.n < 1:
        raise LeoBenchError(f"-n must be at least 1, got {options.n}")
    folders = options.study or [*find_studies(options.results), *find_searches(options.results)]
    if not folders:
        raise LeoBenchError(f"no study in {options.results}/; run one first: make ablations")
    if options.key:
        folder, found = with_key(folders, options.key)
        chosen = [(folder, [found])]
    else:
        chosen = [(folder, cheapest(done_runs(folder), options.n)) for folder in folders]
    compared, wrong = 0, 0
    for folder, runs in chosen:
        for run in runs:
            print(f"{folder}: doing {run.planned.variant} seed {run.planned.seed} again", flush=True)
            try:
                comparison = again(run, options.results / "reproduce", options.data)
            except LeoBenchError as error:
                print(f"{folder}: not compared: {error}")
                wrong += bool(options.study or options.key)  # without names, studies of older versions are passed over
                continue
            compared += 1
            if not comparison.differences:
                print(f"{folder}: {comparison.name}: bit for bit the same")
                continue
            wrong += not comparison.excuse
            print(f"{folder}: {comparison.name}: DIFFERS" + (f" ({comparison.excuse})" if comparison.excuse else ""))
            print("\n".join(f"    {line}" for line in comparison.differences))
    if not compared:
        raise LeoBenchError("no recorded run could be compared")
    return EXIT_FAILED if wrong else 0


def command_bench(options: argparse.Namespace) -> None:
    if not _find_benchmarks():
        raise LeoBenchError("benchmarks are part of the checkout, not of an installed leo_bench; run this there")
    from benchmarks.run import bench, publish

    if options.publish:
        for folder in publish(options.results, options.reports):
            print(folder)
    else:
        print(f"report: {bench(options.results, options.reports, options.only)}")


def command_examples(options: argparse.Namespace) -> None:
    from leo_bench.examples import write_examples
    from leo_bench.report import write_index

    print(write_examples(find_run(options.results, options.key), options.data, options.reports))
    write_index(options.reports)


def command_status(options: argparse.Namespace) -> None:
    from collections import Counter

    from leo_bench.records import find_studies, load_study
    from leo_bench.trials import find_searches, read_search

    folders, searches = find_studies(options.results), find_searches(options.results)
    if not folders and not searches:
        raise LeoBenchError(f"no study in {options.results}/; run one first: make ablations")
    for folder in searches:
        plan, trials = read_search(folder)
        ended = Counter(trial.state for trial in trials.trials)
        states = ", ".join(f"{count} {state}" for state, count in ended.items()) or "none yet"
        print(f"{folder}: search, {plan.n_trials} trials planned: {states}")
    for folder in folders:
        view = load_study(folder)
        counts = Counter(run.status for run in view.runs)
        print(f"{folder}: {len(view.runs)} runs: " + ", ".join(f"{count} {status}" for status, count in counts.items()))
        for run in [*view.runs, *view.copies]:
            if run.status != "done" or options.all:
                tries = f", attempt {run.attempts}" if run.attempts else ""
                name = f"{run.planned.variant} seed {run.planned.seed} ({run.planned.run_key}{tries})"
                print(f"  {run.status:12}{name} {run.message}".rstrip())


if __name__ == "__main__":
    sys.exit(main())
