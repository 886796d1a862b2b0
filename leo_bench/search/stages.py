"""The stages of a search: trials, analysis and choice on validation; then the choices measured on test."""

from collections.abc import Callable
from pathlib import Path

from leo_bench.records import StudyView, write_record
from leo_bench.records.search import Best, SearchPlan
from leo_bench.running.executor import Executor
from leo_bench.running.scheduler import StudyRunner
from leo_bench.search.analysis import write_analysis
from leo_bench.search.resume import n_counted
from leo_bench.search.runner import SearchRunner
from leo_bench.search.selection import choose, test_plan


def find_best(plan: SearchPlan, folder: Path, url: str, executor: Executor, data: Path | None = None) -> Best:
    """Do the trials that a search still lacks, write its analysis, choose the best trials and write best.json.

    url: database. executor: place for the processes. data: folder of Omniglot, if named. Raises LeoBenchError, and
    KeyboardInterrupt after a clean stop.
    """
    runner = SearchRunner(plan, folder, url, executor, data)
    if n_counted(folder) < plan.n_trials:  # more trials may change the choice
        (folder / "best.json").unlink(missing_ok=True)
    trials = runner.run()
    write_analysis(plan, trials, folder)
    best = choose(plan, trials)
    write_record(folder / "best.json", best)
    return best


def measure_on_test(
    plan: SearchPlan,
    best: Best,
    results: Path,
    executor: Executor,
    data: Path | None,
    on_change: Callable[[], None],
) -> StudyView:
    """Do the runs that measure the choices and the defaults on test. Returns their study.

    on_change: called whenever a run ends. Raises KeyboardInterrupt after a clean stop.
    """
    study = test_plan(plan, best)
    print(f"measuring on test: {len(study.runs)} runs of {best.study}", flush=True)
    return StudyRunner(study, study, results, executor, data, on_change=on_change).run()
