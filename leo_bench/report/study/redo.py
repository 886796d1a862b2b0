"""Commands that repeat the runs of a study."""

import shlex

import pandas as pd

from leo_bench.config import default_of
from leo_bench.report.sentences import seed_words
from leo_bench.report.table import ReportTable
from leo_bench.statistics.studies.study import StudyData


def repeat_command(data: StudyData, variant: str, seeds: str = "") -> str:
    """Return the command that runs a variant of the study again, with the given seeds or with all planned ones.

    The study of a search has no file, so its command is that of the search, which runs all its variants.
    """
    if data.search:
        return f"leo-bench search {data.search.search} --profile {data.search.profile}"
    plan, seeds = data.plan, seeds or _seeds(data, variant)
    command = f"leo-bench study {plan.study} --profile {plan.profile} --only {shlex.quote(variant)} --seeds {seeds}"
    return command + _options(data)


def _seeds(data: StudyData, variant: str) -> str:
    return seed_words([run.planned.seed for run in data.view.runs if run.planned.variant == variant])


def _options(data: StudyData) -> str:
    """Return the options of the call that made the plan: a data set, device or precision that all its runs have."""
    words = ""
    for name in ("dataset", "device", "precision"):
        values = {run.settings[name] for run in data.plan.runs}
        if len(values) == 1 and values != {default_of(name)}:
            words += f" --{name} {values.pop()}"
    return words


def redo_table(data: StudyData) -> ReportTable:
    """Return the command that repeats each row and each run; a done run is compared with its record."""
    runs, words = sorted(data.view.runs, key=lambda run: run.planned.seed), []
    for variant in data.variants:
        label = data.label(variant)
        command, seeds = repeat_command(data, variant), _seeds(data, variant)
        words.append({"variant": label, "command": command, "seeds": seeds, "state": ""})
        for run in (run for run in runs if run.planned.variant == variant):
            seed = str(run.planned.seed)
            again = repeat_command(data, variant, seed) + (
                " --retry" if run.status == "failed" and not data.search else ""
            )
            command = f"leo-bench reproduce --key {run.planned.run_key}" if run.status == "done" else again
            words.append({"variant": f"{label}, seed {seed}", "command": command, "seeds": seed, "state": run.status})
    frame = pd.DataFrame(words, columns=["variant", "command", "seeds", "state"])
    caption = "Each command repeats its runs; a done run is compared with its record, bit for bit."
    return ReportTable("redo", caption, frame, frame)
