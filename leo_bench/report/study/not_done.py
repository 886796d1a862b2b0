"""Planned runs that are not done."""

import pandas as pd

from leo_bench.records import StudyView, without_paths
from leo_bench.report.sentences import seed_words
from leo_bench.report.table import NONE, ReportTable
from leo_bench.statistics.studies.study import StudyData

STATUS_ORDER = ("corrupt", "duplicate", "failed", "interrupted", "stale", "pruned", "not counted", "running", "missing")


def problems(view: StudyView) -> pd.DataFrame:
    """Return the runs that are not done, not counted, or in the profile but not in the plan, worst first.

    Columns status, variant, seed, run_key, attempts, message.
    """
    root = view.folder.parent
    found = [run for run in [*view.runs, *view.copies] if run.status != "done"]
    rows = [
        {
            **run.planned.model_dump(include={"variant", "seed", "run_key"}),
            **{"status": run.status, "attempts": run.attempts, "message": without_paths(run.message, root)},
        }
        for run in sorted(found, key=lambda run: STATUS_ORDER.index(run.status))
    ]
    why = {"status": "missing", "run_key": "", "attempts": 0, "message": "in the profile, but no call asked for it"}
    rows += [{"variant": variant, "seed": seed, **why} for variant, seed in view.unplanned]
    return pd.DataFrame(rows, columns="status variant seed run_key attempts message".split())


def problem_table(data: StudyData) -> ReportTable:
    """Return the table of runs that are not done; runs with the same status and message share a row."""
    numbers = problems(data.view)
    words = []
    for (status, variant, message), rows in numbers.groupby(["status", "variant", "message"], sort=False):
        keys = [] if status == "missing" else list(rows["run_key"])
        words.append(
            {
                "status": str(status),
                "variant": data.label(str(variant)),
                "seeds": seed_words([int(seed) for seed in rows["seed"]]),
                "attempts": str(rows["attempts"].max()),
                "message": str(message),
                "run": ", ".join(keys) or NONE,
            }
        )
    return ReportTable("not-done", "Runs that are not part of any number above.", numbers, pd.DataFrame(words))
