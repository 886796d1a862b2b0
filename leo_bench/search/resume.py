"""Resuming a search: the trials that its folder already holds, and whether the plan may go on from them."""

import json
from pathlib import Path
from typing import Any

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
    name, was, now = _first_difference(before, plan)
    raise LeoBenchError(
        f"{folder}/ was begun with another {name} ({shortened(was)}, now {shortened(now)}); trials of "
        "both cannot be mixed: move the folder away. If the search has a database elsewhere, name another one too"
    )


def _first_difference(before: SearchPlan, plan: SearchPlan) -> tuple[str, Any, Any]:
    """Return the name of the first field or setting that differs between two plans, and both values as JSON.

    Differences are those of the text in the files, as identity has them: 1 and 1.0 are not the same there.
    """
    old, new = (one.model_dump(mode="json", exclude=MAY_CHANGE) for one in (before, plan))
    settings = [with_defaults(fields.pop("base")) for fields in (old, new)]
    for was, now in ((old, new), settings):
        for name in dict.fromkeys([*now, *was]):
            pair = was.get(name, "absent"), now.get(name, "absent")
            if json.dumps(pair[0], default=list) != json.dumps(pair[1], default=list):
                return name, *pair
    return "plan", before.identity, plan.identity


def n_counted(folder: Path) -> int:
    """Return how many trials of a folder have used up the budget; 0 if it holds none."""
    if not (folder / "trials.json").exists():
        return 0
    return sum(trial.counts for trial in read_record(folder / "trials.json", Trials).trials)
