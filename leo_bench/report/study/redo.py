"""Commands that repeat the runs of a study."""

import shlex

import pandas as pd

from leo_bench.report.sentences import seed_words
from leo_bench.report.study.data import StudyData
from leo_bench.report.table import ReportTable


def redo_table(data: StudyData) -> ReportTable:
    """Return the command that repeats each row and each run; a done run is compared with its record."""
    plan = data.plan
    words = []
    for variant in data.variants:
        runs = [run for run in data.view.runs if run.planned.variant == variant]
        seeds = seed_words([run.planned.seed for run in runs])
        part = f"leo-bench study {plan.study} --profile {plan.profile} --only {shlex.quote(variant)}"
        row = {"variant": data.label(variant), "command": f"{part} --seeds {seeds}", "seeds": seeds, "state": ""}
        words.append(row)
        for run in sorted(runs, key=lambda run: run.planned.seed):
            one = {
                "variant": f"{data.label(variant)}, seed {run.planned.seed}",
                "command": f"leo-bench reproduce --key {run.planned.run_key}"
                if run.status == "done"
                else f"{part} --seeds {run.planned.seed}" + (" --retry" if run.status == "failed" else ""),
            }
            words.append({**one, "seeds": str(run.planned.seed), "state": run.status})
    frame = pd.DataFrame(words, columns=["variant", "command", "seeds", "state"])
    return ReportTable(
        "redo",
        "Each command repeats its runs; a done run is compared with its record, bit for bit.",
        frame,
        frame,
    )
