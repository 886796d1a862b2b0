"""`leo-bench search`: the trials of a search, the best ones measured on test, and the reports."""

import argparse
import os
import sys
from pathlib import Path

from leo_bench.commands.executors import check_ray_options, executor_of
from leo_bench.commands.given import (
    options_given,
    refuse_beside,
    refuse_data_unused_by,
    refuse_other_values,
    refuse_without_effect,
)
from leo_bench.commands.runs import name_missing
from leo_bench.config import make_settings
from leo_bench.data.locate import locate
from leo_bench.errors import EXIT_FAILED, EXIT_INTERRUPTED, LeoBenchError
from leo_bench.records import folder_name
from leo_bench.records.search import Best, SearchPlan
from leo_bench.running.executor import Executor
from leo_bench.search.description import best_words, plan_words
from leo_bench.search.file import make_search_plan, read_search_file
from leo_bench.search.preset import write_found_preset
from leo_bench.search.resume import check_same, n_counted

BESIDE_EMIT_PRESET = (
    *("trials", "seed", "jobs", "ray", "gpus_per_run", "collect", "plan", "storage", "device", "precision", "studies"),
    *("dataset", "data", "reports"),
)
"""Options that --emit-preset does not read."""


def command_search(options: argparse.Namespace) -> int:
    """Do a search, or the part of it that is left. Returns the exit code."""
    if options.emit_preset:
        ignored = options_given(options, *BESIDE_EMIT_PRESET)
        refuse_beside("--emit-preset", "only writes what the search has found", ignored)
    check_ray_options(options)
    if options.plan:
        refuse_beside("--plan", "starts nothing", options_given(options, "storage", "reports"))
    address = options.storage or os.environ.get("LEO_BENCH_STORAGE")
    _refuse_sqlite_elsewhere(options, address)
    folder: Path = options.results / folder_name(options.name, options.profile, "search")
    if options.emit_preset:
        path = options.emit_preset
        write_found_preset(folder, path)
        print(f'{path}; use it: leo-bench run --preset {path}, or preset = "{path}" in a study file')
        return 0
    file, place = read_search_file(options.studies, options.name), options.studies / f"{options.name}.toml"
    for values in (file.settings, file.trial, *(profile.settings for profile in file.profiles.values())):
        refuse_other_values(options, values, str(place))
    plan = make_search_plan(
        *(options.studies, options.name, options.profile, locate(options.dataset, options.data)),
        device=options.device,
        n_trials=options.trials,
        seed=options.seed,
        precision=options.precision,
    )
    base = make_settings(plan.base)
    refuse_data_unused_by(options.data, base, make_settings(plan.test))
    refuse_without_effect(options, [plan.base])
    check_same(folder, plan)
    if options.plan:
        print(plan_words(plan, n_counted(folder), options.jobs))
        return 0
    with executor_of(options) as executor:
        print(plan_words(plan, n_counted(folder), executor.at_once))
        executor.check([base])
        return _search(plan, folder, options, address, executor)


def _refuse_sqlite_elsewhere(options: argparse.Namespace, address: str | None) -> None:
    """Raise LeoBenchError if workers on other machines would have a database that is a file on this one.

    address: of the database; None: a file in the folder of the search.
    """
    if (address or "sqlite").startswith("sqlite") and options.ray and (options.ray != "local" or options.collect):
        raise LeoBenchError(
            "a search on several machines needs a database that all of them reach: --storage postgresql://... "
            "(docs/cluster.md), or --ray local for this machine alone"
        )


def _search(
    plan: SearchPlan, folder: Path, options: argparse.Namespace, address: str | None, executor: Executor
) -> int:
    from leo_bench.search.stages import find_best
    from leo_bench.search.storage import sqlite_url, without_password

    url = address or sqlite_url(folder)
    print(f"  database  {without_password(url)}\n  watch it  make dashboard", flush=True)
    try:
        best = find_best(plan, folder, url, executor, options.data)
    except KeyboardInterrupt:
        print("\nstopped: the trials that ended are kept; the same command goes on from here", file=sys.stderr)
        return EXIT_INTERRUPTED
    print(best_words(best))
    return _measure(plan, best, folder, options, executor)


def _measure(plan: SearchPlan, best: Best, folder: Path, options: argparse.Namespace, executor: Executor) -> int:
    """Measure the best trials and the defaults on test, and write the reports of both folders."""
    from leo_bench.report import write_index, write_report, write_search_report
    from leo_bench.running.background_report import BackgroundReport
    from leo_bench.search.stages import measure_on_test

    study_folder, report_folder = options.results / best.study, options.reports / best.study
    report = BackgroundReport(study_folder, report_folder)
    try:
        view = measure_on_test(plan, best, options.results, executor, options.data, report.request)
    except KeyboardInterrupt:
        print("\nstopped: the runs that are done are kept; the same command goes on from here", file=sys.stderr)
        report.finish()
        return EXIT_INTERRUPTED
    except BaseException:
        report.stop()
        raise
    report.stop()
    write_report(study_folder, report_folder)
    page = write_search_report(folder, options.reports / folder.name)
    write_index(options.reports)
    waiting = name_missing(view.runs)
    print(f"report: {page}")
    return EXIT_FAILED if waiting else 0
