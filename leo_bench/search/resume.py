"""Resuming a search: the trials that its folder already holds, and whether the plan may go on from them."""

from pathlib import Path

from leo_bench.config import with_defaults
from leo_bench.errors import LeoBenchError
from leo_bench.records import read_record, shortened
from leo_bench.records.search import MAY_CHANGE, SearchPlan, Trials, read_search


def check_same(folder: Path, plan: SearchPlan) -> None:
    """Raise LeoBenchError if a folder holds trials of a plan that differs in more than MAY_CHANGE."""
    if not (folder / "search.json").exists() or not (folder / "trials.json").exists():
        return
    before, trials = read_search(folder)
    if not trials.trials or before.identity == plan.identity:
        return
    pairs = [
        (name, getattr(before, name), getattr(plan, name)) for name in plan.model_dump(exclude={*MAY_CHANGE, "base"})
    ]
    old, new = with_defaults(before.base), with_defaults(plan.base)
    pairs += [(name, old[name], new[name]) for name in new]
    name, was, now = next(pair for pair in pairs if pair[1] != pair[2])
    raise LeoBenchError(
        f"{folder}/ was begun with another {name} ({shortened(was)}, now {shortened(now)}); trials of "
        "both cannot be mixed: move the folder away. If the search has a database elsewhere, name another one too"
    )


def n_counted(folder: Path) -> int:
    """Return how many trials of a folder have used up the budget; 0 if it holds none."""
    if not (folder / "trials.json").exists():
        return 0
    return sum(trial.counts for trial in read_record(folder / "trials.json", Trials).trials)
