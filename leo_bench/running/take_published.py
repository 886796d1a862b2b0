"""Published runs taken into the store, so that they count as done."""

from pathlib import Path

from filelock import FileLock, Timeout

from leo_bench.errors import LeoBenchError
from leo_bench.records import (
    LOCK,
    LOCK_SECONDS,
    RUNS,
    Plan,
    Result,
    RunState,
    TestResult,
    copy_test,
    make_folder,
    read_test,
    run_state,
)
from leo_bench.running.attempts import set_aside, set_aside_test
from leo_bench.running.copy_run import copy_measures, copy_run, measures_fit


def take_published(results: Path, plan: Plan) -> int:
    """Copy published runs of the plan that this source made into the store, so that they count as done.

    Returns the number of runs copied, in whole or in part. Their records name the machine that made them. A run that is
    trained here with other weights is left as it is. A done run gets the published measures of its weights.
    """
    taken = 0
    for run in plan.runs:
        here, published = results / RUNS / run.run_key, results / "official" / RUNS / run.run_key
        own = run_state(run, here)
        if own.status == "done" and not _lacks_measures(own, published):
            continue
        found = run_state(run, published)
        taken += found.status == "done" and _take(found, here)
    return taken


def _lacks_measures(own: RunState, published: Path) -> bool:
    """Return True if a trained run has no measures of its weights, and the run in the folder published has them."""
    assert own.result is not None
    return not measures_fit(own.folder, own.result) and measures_fit(published, own.result)


def _take(published: RunState, here: Path) -> bool:
    """Copy a published run into the store. Returns False if it is left alone.

    If the run is trained here, only tests that it lacks or that are damaged are copied, and only if the published
    weights are the same. Otherwise, or if another process is doing the run, it is left alone. A run that is left alone
    for its weights is printed.
    """
    assert published.result is not None
    make_folder(here)
    try:
        with FileLock(here / LOCK).acquire(timeout=LOCK_SECONDS):
            local = run_state(published.planned, here)
            if local.must_retrain or (local.result is None and local.attempts):
                set_aside(here)  # a checkpoint may be left of a training that did not end
            elif local.result is not None and local.result.weights_digest != published.result.weights_digest:
                planned = published.planned
                print(
                    f"not taken: {planned.variant} seed {planned.seed} ({planned.run_key}) is trained here with other "
                    "weights than the published run; its missing tests are scored here"
                )
                return False
            elif local.result is not None:
                for test in published.tests:
                    if _lacks_test(here, test, local.result):
                        copy_test(published.folder, here, test)
                if not measures_fit(here, local.result):
                    copy_measures(published.folder, here, local.result)
                return True
            copy_run(published, here, copy_test)
    except Timeout:
        return False
    return True


def _lacks_test(folder: Path, test: TestResult, trained: Result) -> bool:
    """Return True if a trained run lacks a test. A damaged test is set aside."""
    try:
        return read_test(folder, test.test_key, test.asked, trained) is None
    except LeoBenchError:
        set_aside_test(folder, test.test_key)
        return True
