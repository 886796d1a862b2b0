"""`leo-bench search`: trials, what they say, the best measured on test, the report."""

import argparse
import os
import sys
from pathlib import Path

from leo_bench.data.locate import locate
from leo_bench.errors import EXIT_FAILED, EXIT_INTERRUPTED, LeoBenchError
from leo_bench.records import read_record
from leo_bench.records.search import MAY_CHANGE, Best, SearchPlan, Trials
from leo_bench.running.estimate import cost, duration
from leo_bench.search.file import make_search_plan


def command_search(options: argparse.Namespace) -> int:
    """Do a search, or what is left of it."""
    if options.jobs < 1:
        raise LeoBenchError(f"--jobs must be at least 1, got {options.jobs}")
    if options.trials is not None and options.trials < 1:
        raise LeoBenchError(f"--trials must be at least 1, got {options.trials}")
    folder: Path = options.results / f"{options.name}-{options.profile}"
    if options.emit_preset:
        return _emit(folder, options.emit_preset)
    source = locate(options.dataset, options.data)
    plan = make_search_plan(
        options.studies,
        options.name,
        options.profile,
        source,
        options.device,
        options.trials,
        options.seed,
        options.precision,
    )
    check_same(folder, plan)
    print(plan_words(plan, folder, options.jobs))
    return 0 if options.plan else _search(plan, folder, options)


def _search(plan: SearchPlan, folder: Path, options: argparse.Namespace) -> int:
    from leo_bench.search.analysis import write_analysis
    from leo_bench.search.runner import SearchRunner
    from leo_bench.search.selection import choose
    from leo_bench.search.storage import sqlite_url, without_password

    url = options.storage or os.environ.get("LEO_BENCH_STORAGE") or sqlite_url(folder)
    print(f"  database  {without_password(url)}\n  watch it  make dashboard", flush=True)
    runner = SearchRunner(plan, folder, url, options.jobs, options.data)
    if n_counted(folder) < plan.n_trials:  # what was chosen before may not be the best at the end
        (folder / "best.json").unlink(missing_ok=True)
    try:
        trials = runner.run()
    except KeyboardInterrupt:
        print("\nstopped: the trials that ended are kept; the same command goes on from here", file=sys.stderr)
        return EXIT_INTERRUPTED
    write_analysis(plan, trials, folder)
    best = choose(plan, trials)
    from leo_bench.records import write_record

    write_record(folder / "best.json", best)
    print(best_words(best))
    return _measure(plan, best, folder, options)


def _measure(plan: SearchPlan, best: Best, folder: Path, options: argparse.Namespace) -> int:
    """Measure the choices on test, against the defaults, and write both reports."""
    from leo_bench.report import write_index, write_report, write_search_report
    from leo_bench.running.background_report import BackgroundReport
    from leo_bench.running.scheduler import StudyRunner
    from leo_bench.search.selection import test_plan

    study = test_plan(plan, best)
    study_folder = options.results / best.study
    print(f"measuring on test: {len(study.runs)} runs of {best.study}", flush=True)
    report = BackgroundReport(study_folder, options.reports / best.study)
    runner = StudyRunner(study, study, options.results, options.jobs, options.data, on_change=report.request)
    try:
        view = runner.run()
    except KeyboardInterrupt:
        print("\nstopped: what is done is kept; the same command goes on from here", file=sys.stderr)
        report.finish()
        return EXIT_INTERRUPTED
    report.finish()
    write_report(study_folder, options.reports / best.study)
    page = write_search_report(folder, options.reports / folder.name)
    write_index(options.reports)
    waiting = [run for run in view.runs if run.status != "done"]
    for run in waiting:
        print(f"not done: {run.planned.variant} seed {run.planned.seed}: {run.status}: {run.message}", file=sys.stderr)
    print(f"report: {page}")
    return EXIT_FAILED if waiting else 0


def _emit(folder: Path, path: Path) -> int:
    from leo_bench.search.selection import write_preset

    if not (folder / "best.json").exists():
        raise LeoBenchError(f"{folder / 'best.json'} is missing: do the search first, without --emit-preset")
    plan, best = read_record(folder / "search.json", SearchPlan), read_record(folder / "best.json", Best)
    written = write_preset(plan, best, path)
    print(f'{written}; use it: leo-bench run --preset {written}, or preset = "{written}" in a study file')
    return 0


def check_same(folder: Path, plan: SearchPlan) -> None:
    """Raise LeoBenchError where a folder holds trials that cannot be mixed with those of the plan."""
    if not (folder / "search.json").exists() or not (folder / "trials.json").exists():
        return
    if not read_record(folder / "trials.json", Trials).trials:
        return
    old = read_record(folder / "search.json", SearchPlan).model_dump(exclude=MAY_CHANGE)
    new = plan.model_dump(exclude=MAY_CHANGE)
    changed = [name for name in new if new[name] != old[name]]
    if changed:
        name = changed[0]
        raise LeoBenchError(
            f"{folder}/ was begun with another {name} ({_short(old[name])}, now {_short(new[name])}); trials of both "
            "cannot be mixed: move the folder away (and name another database, where it is not the folder's own)"
        )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."


def n_counted(folder: Path) -> int:
    """Trials of the folder that count against the budget."""
    if not (folder / "trials.json").exists():
        return 0
    return sum(trial.counts for trial in read_record(folder / "trials.json", Trials).trials)


def plan_words(plan: SearchPlan, folder: Path, jobs: int) -> str:
    """What a search asks for before it starts."""
    done = n_counted(folder)
    left = max(plan.n_trials - done, 0)
    seconds = left * cost(plan.base)
    tests = 2 * len(plan.test_seeds) * cost(plan.test)
    ranges = ", ".join(
        f"{p.name} {'/'.join(map(str, p.choices)) if p.choices else f'{p.low:g} to {p.high:g}'}{' (log)' * p.log}"
        for p in plan.space
    )
    pruner = f"{plan.pruner.name} pruner" if plan.pruner else "no pruner"
    return "\n".join(
        [
            f"search {plan.search}, profile {plan.profile}: {plan.question}",
            f"  ranges    {ranges}",
            f"  best is   {' against '.join(plan.objectives)}, on validation characters of {plan.base['dataset']}",
            f"  trials    {plan.n_trials}, {done} done; sampler {plan.sampler.name} with seed {plan.sampler.seed}, "
            f"{pruner}",
            f"  then      the best against the defaults on test, seeds {', '.join(map(str, plan.test_seeds))}",
            f"  time      at most about {duration((seconds + tests) / jobs)} with {jobs} at a time (estimated)",
        ]
    )


def best_words(best: Best) -> str:
    """The choices, a line each."""
    return "\n".join(
        f"{choice.variant}: trial {choice.number}, {choice.values[0]:.1%} on validation: "
        + ", ".join(
            f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in choice.parameters.items()
        )
        for choice in best.choices
    )
