"""Published runs that several published studies or searches name, and those that none names any more."""

import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from leo_bench.errors import LeoBenchError
from leo_bench.records import RUN_KEY, RUNS, TESTS, Plan, Result, RunState, read_record, read_test_record
from leo_bench.records.arrays import EPISODES
from leo_bench.records.search import Trials, read_search


def refuse_to_change_others(official: Path, name: str, runs: Sequence[RunState]) -> None:
    """Raise LeoBenchError if publishing these done runs would make another published study or search stale.

    name: name of the folder that is published, whose own runs may change.
    """
    users = _users(official, name)
    others: dict[str, None] = {}
    changed = []
    for run in runs:
        old = _published(official / RUNS / run.planned.run_key)
        if old is None or run.result is None or _made_by(old) == _made_by(run.result):
            continue
        found = users.get((old.run_key, old.numerics), [])
        others |= dict.fromkeys(found)
        changed += [run.planned.run_key] if found else []
    if changed:
        names = " and ".join(others)
        raise LeoBenchError(
            f"{len(changed)} runs (first: {changed[0]}) are published for {names} with other source or weights, so "
            f"{names} would become stale; publish with --replace, then do and publish {names} again from this source"
        )


def _made_by(result: Result) -> tuple[str, str]:
    """Return the digests of the source and of the weights of a run."""
    return result.numerics, result.weights_digest


def _published(folder: Path) -> Result | None:
    """Return the record of a published training; None if it is missing or damaged."""
    try:
        return read_record(folder / "result.json", Result)
    except LeoBenchError:
        return None


def _users(official: Path, name: str) -> dict[tuple[str, str], list[str]]:
    """Return (run key, numerics digest) -> the other published studies and searches that count this run as done."""
    found: dict[tuple[str, str], list[str]] = {}
    for path in sorted(official.glob("*/study.json")):
        if path.parent.name != name:
            for run in read_record(path, Plan).runs:
                found.setdefault((run.run_key, run.numerics), []).append(path.parent.name)
    for path in sorted(official.glob("*/search.json")):
        if path.parent.name != name:
            plan, trials = read_search(path.parent)
            for trial in trials.trials:
                if trial.run_key and trial.state == "complete":
                    found.setdefault((trial.run_key, plan.numerics), []).append(path.parent.name)
    return found


def remove_unused(official: Path) -> None:
    """Remove published runs that no published study or search names, and arrays that no test of theirs shares.

    None is removed if one of these cannot be read, since its runs are not known then. What has no run key as its name
    is none of ours and stays.
    """
    try:
        used = {run.run_key for folder in official.glob("*/study.json") for run in read_record(folder, Plan).runs}
        for folder in official.glob("*/trials.json"):
            used |= {trial.run_key for trial in read_record(folder, Trials).trials if trial.run_key}
    except LeoBenchError as error:
        print(f"runs that nothing names any more are kept: {error}", file=sys.stderr)
        return
    for run in (official / RUNS).glob("*"):
        if RUN_KEY.fullmatch(run.name) and run.name not in used:
            shutil.rmtree(run)
    with suppress(LeoBenchError):  # a damaged record may name any episodes
        tests = (official / RUNS).glob(f"*/{TESTS}/*/result.json")
        shared = {read_test_record(path).episodes_digest for path in tests}
        for path in (official / EPISODES).glob("*.npz"):
            if path.stem not in shared:
                path.unlink()
