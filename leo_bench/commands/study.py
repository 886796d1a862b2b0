"""`leo-bench study`: do the runs of a study and write its report."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from leo_bench.commands.executors import check_ray_options, executor_of
from leo_bench.commands.given import (
    options_given,
    refuse_alone,
    refuse_beside,
    refuse_other_values,
    refuse_unused_data,
    refuse_without_effect,
)
from leo_bench.commands.runs import name_missing
from leo_bench.data.locate import DataSource, locate
from leo_bench.errors import EXIT_FAILED, EXIT_INTERRUPTED, LeoBenchError
from leo_bench.records import Plan, StudyView, load_study, make_folder, read_record
from leo_bench.running.background_report import BackgroundReport
from leo_bench.running.estimate import plan_words
from leo_bench.running.executor import Executor
from leo_bench.running.looks import seeds_at_looks
from leo_bench.running.plan import make_plan, merge_plan, parse_seeds, present_keys, study_folder
from leo_bench.running.scheduler import StudyRunner
from leo_bench.running.shards import parse_shard, shard
from leo_bench.running.study_file import read_study
from leo_bench.running.take_published import take_published


def command_study(options: argparse.Namespace) -> int:
    """Do the runs of a study that are not done, and write its report. Returns the exit code."""
    _refuse_ignored(options)
    seeds = None if options.seeds is None else parse_seeds(options.seeds)
    study = read_study(options.studies, options.name)  # a wrong name is refused before data is looked for
    budget = study.profiles.get(options.profile)
    at_profile = [budget.settings, *budget.variant_settings.values()] if budget else []
    for values in (study.settings, *at_profile):
        refuse_other_values(options, values, str(options.studies / f"{options.name}.toml"))
    source = locate(options.dataset, options.data)
    plan = _plan(options, source, seeds, options.only)
    if plan.claims and options.until_decided:
        raise LeoBenchError(
            f"--until-decided adds seeds to comparisons with a baseline, but the study {options.name} judges claims; "
            "name seeds with --seeds"
        )
    part = shard(plan, *parse_shard(options.shard)) if options.shard else plan
    if options.plan:
        if options.until_decided:
            looks = _looks(plan, options.max_seeds)
            n_looks = _n_looks(looks, study_folder(options.results, plan))
            part = _plan(options, source, seeds, options.only, n_looks)
            print(_look_words(1, looks, n_looks))
        print(_words(part, options, options.jobs))
        return 0
    if not options.shard:
        make_folder(options.reports)  # before the runs, since a report that cannot be written is found late otherwise
    with executor_of(options) as executor:
        if options.until_decided:
            return _until_decided(options, source, plan, seeds, executor)
        return _shard(options, source, part, plan, executor) if options.shard else _run(options, source, plan, executor)


def _refuse_ignored(options: argparse.Namespace) -> None:
    """Raise LeoBenchError for options that have no effect beside others or without them."""
    check_ray_options(options)
    if options.shard and options.until_decided:
        raise LeoBenchError("--until-decided needs every run to decide, --shard does a part; leave one out")
    if options.shard:
        refuse_beside("--shard", "makes no report", options_given(options, "reports"))
    if options.plan:
        refuse_beside("--plan", "starts nothing", options_given(options, "retry", "reports"))
    if not options.until_decided:
        refuse_alone("--until-decided", options_given(options, "max_seeds"))


def _plan(
    options: argparse.Namespace, source: DataSource, seeds: list[int] | None, only: Sequence[str], n_looks: int = 1
) -> Plan:
    plan = make_plan(
        options.studies,
        options.name,
        options.profile,
        source,
        seeds,
        only,
        options.device,
        options.accept_stale,
        options.precision,
    )
    refuse_unused_data(
        options.data, {name for run in plan.runs for name in (run.settings["dataset"], *run.settings["test_datasets"])}
    )
    refuse_without_effect(options, [run.settings for run in plan.runs])
    return plan.model_copy(update={"n_looks": max(n_looks, plan.n_looks)})


def _words(plan: Plan, options: argparse.Namespace, jobs: int) -> str:
    summary = plan_words(plan, options.results, jobs, options.use_published)
    if plan.claims:  # its numbers are no comparisons with a baseline
        return summary
    from leo_bench.commands.power import power_words  # pandas is slow to import

    return f"{summary}\n{power_words(plan, options.results)}"


def _until_decided(
    options: argparse.Namespace, source: DataSource, first: Plan, asked: list[int] | None, executor: Executor
) -> int:
    """Run a study, and add seeds for the variants whose comparison is open, up to options.max_seeds.

    asked: the seeds of --seeds; None for those of the profile, which can be fewer for some variants. Looks at the
    verdicts after these, and after half as many again each time. The number of looks is fixed before the first run, and
    each spends an equal share of the 5% (statistics.judge). A later call for more seeds adds its looks.
    """
    from leo_bench.commands.power import open_comparisons
    from leo_bench.statistics.studies.study import load_study_data

    looks = _looks(first, options.max_seeds)
    n_looks = _n_looks(looks, study_folder(options.results, first))
    only: list[str] = list(options.only)
    for number, seeds in enumerate(looks, 1):
        plan = _plan(options, source, asked if number == 1 else seeds, only, n_looks)
        print(_look_words(number, looks, n_looks))
        code = _run(options, source, plan, executor)
        runs = load_study(study_folder(options.results, plan)).runs
        if code == EXIT_INTERRUPTED or any(run.status != "done" and not run.diverged for run in runs):
            return code
        found = [
            pair
            for pair in open_comparisons(load_study_data(study_folder(options.results, plan)))
            if not options.only or pair[0] in options.only
        ]
        if not found:
            print("every comparison on the headline test has a verdict")
            return code
        print(f"open: {', '.join(plan.labels.get(variant, variant) for variant, _ in found)}")
        only = list(dict.fromkeys(name for pair in found for name in pair))
    print(f"{len(found)} comparisons are still open with {options.max_seeds} seeds; --max-seeds allows for more")
    return code


def _looks(first: Plan, max_seeds: int) -> list[list[int]]:
    """Return the seeds at each look, from those of a plan up to max_seeds. Raises LeoBenchError if these are fewer."""
    return seeds_at_looks(list(dict.fromkeys(run.seed for run in first.runs)), max_seeds)


def _n_looks(looks: Sequence[Sequence[int]], folder: Path) -> int:
    """Return how many looks share the 5%: those of this call, and those of an earlier one that looked at other numbers
    of seeds, as with another --max-seeds. folder: that of the study."""
    if not (folder / "study.json").exists():
        return len(looks)
    earlier, counts = read_record(folder / "study.json", Plan), [len(seeds) for seeds in looks]
    planned = max(Counter(run.variant for run in earlier.runs).values(), default=0)
    if earlier.n_looks == 1 or planned in counts or planned < counts[0]:
        return max(len(looks), earlier.n_looks)
    return earlier.n_looks + sum(count > planned for count in counts)


def _look_words(number: int, looks: Sequence[Sequence[int]], n_looks: int) -> str:
    return f"look {number} of {len(looks)}: {len(looks[number - 1])} seeds; each look spends 5%/{n_looks}"


def _shard(options: argparse.Namespace, source: DataSource, part: Plan, plan: Plan, executor: Executor) -> int:
    """Do the runs of one shard, without a report: that is for the machine on which all shards come together."""
    view = _view(options, source, plan)
    runner = StudyRunner(part, view, options.results, executor, options.data, options.retry)
    _take_published(options, part)
    print(plan_words(part, options.results, executor.at_once), flush=True)
    try:
        runner.run()
    except KeyboardInterrupt:
        print("\nstopped: the runs that are done are kept; run the same command again to continue", file=sys.stderr)
        return EXIT_INTERRUPTED
    states = [runner.state(run) for run in part.runs]
    waiting = name_missing(states)
    print(
        f"shard {options.shard}: {len(states) - waiting} of {len(states)} runs done in {options.results}/; where all "
        "shards come together, do for each results folder: leo-bench merge FOLDER; then: "
        f"leo-bench study {plan.study} --profile {plan.profile}"
    )
    return EXIT_FAILED if waiting else 0


def _run(options: argparse.Namespace, source: DataSource, plan: Plan, executor: Executor) -> int:
    """Do the runs of a plan that are not done, beside those of earlier calls, and write the report."""
    folder, view = study_folder(options.results, plan), _view(options, source, plan)
    report_folder = options.reports / folder.name
    report = BackgroundReport(folder, report_folder)
    runner = StudyRunner(plan, view, options.results, executor, options.data, options.retry, report.request)
    _take_published(options, plan)
    print(_words(plan, options, executor.at_once))
    try:
        runner.run()
    except KeyboardInterrupt:
        done = len(load_study(folder).done)
        print(
            f"\nstopped: {done} of {len(view.runs)} runs are done and kept; run the same command again to continue\n"
            "updating the report (press Ctrl-C again to skip this)",
            file=sys.stderr,
        )
        report.finish()
        return EXIT_INTERRUPTED
    except BaseException as error:
        report.stop()
        if isinstance(error, BrokenPipeError):
            done = len(load_study(folder).done)
            print(
                f"stopped, since nothing reads the output any more: {done} of {len(view.runs)} runs are done and kept; "
                "run the same command again to continue",
                file=sys.stderr,
            )
        raise
    made = report.finish()
    found = load_study(folder)
    waiting = name_missing(found.runs)
    print(f"{len(found.done)} of {len(found.runs)} runs done; tables in {folder}/")
    print(
        f"report: {report_folder / 'report.html'}"
        if made
        else f"the report could not be made; to see why: leo-bench report {folder} --out {report_folder}"
    )
    return EXIT_FAILED if waiting or not made else 0


def _view(options: argparse.Namespace, source: DataSource, plan: Plan) -> Plan:
    """Return the plan that study.json is to have: this one, with the runs of earlier calls that still belong to it."""
    folder = study_folder(options.results, plan)
    if not (folder / "study.json").exists():
        return plan
    earlier = load_study(folder)
    keep = present_keys(options.studies, earlier.plan, source, options.device, options.precision)
    if not (options.seeds or options.only or options.until_decided):
        # a whole study keeps the done runs of partial calls, not the missing ones
        keep &= {(run.planned.variant, run.planned.run_key) for run in earlier.done}
    view = merge_plan(earlier.plan, plan, keep)
    name_left_out(earlier, view)
    return view


def _take_published(options: argparse.Namespace, plan: Plan) -> None:
    """Copy published runs of a plan into the store if the command line asks for it, and print how many."""
    if options.use_published:
        print(f"{take_published(options.results, plan)} runs taken from {options.results / 'official'}/")


def name_left_out(earlier: StudyView, plan: Plan) -> None:
    """Print a line if done runs of an earlier call are not in the plan, because their settings differ."""
    kept = {(run.variant, run.run_key) for run in plan.runs}
    gone = [run.planned for run in earlier.done if (run.planned.variant, run.planned.run_key) not in kept]
    if gone:
        print(
            f"left out of the study: {len(gone)} done runs with other settings than this call gives, first: "
            f"{gone[0].variant} seed {gone[0].seed} ({gone[0].run_key})"
        )
