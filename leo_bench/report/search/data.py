"""Results of one search, read for a report: trials, analysis, and the study that tests the choices."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from leo_bench.errors import LeoBenchError
from leo_bench.records import Result, RunState, read_record, shortened
from leo_bench.records.search import Best, Choice, Parameter, SearchPlan, Trial, Trials, Value, read_search, trial_runs
from leo_bench.statistics.studies.study import Studies, StudyData

COLUMNS = {
    "importance": "parameter importance low high planted n_trials evaluator".split(),
    "ranges": "parameter part low high choice n_trials mean std_error best p verdict".split(),
}
"""Table of the analysis that a report reads -> its columns. The other tables repeat trials.json."""


@dataclass(frozen=True)
class SearchData:
    """A search as recorded in its files."""

    folder: Path
    plan: SearchPlan
    trials: Trials
    importance: pd.DataFrame
    """Importance of each setting, largest first, the planted noise last; empty if the table is missing."""
    ranges: pd.DataFrame
    """Accuracy by part of each range; empty if the table is missing."""
    missing: list[str]
    """Files of the analysis that are missing, by their names below the search's folder."""
    best: Best | None
    """Chosen trials; None if the search has not chosen yet."""
    study: StudyData | None
    """Study that measures the chosen settings on test; None if it is not planned yet."""
    runs: dict[int, RunState]
    """Trial number -> done run, for complete trials whose run is recorded."""

    @cached_property
    def complete(self) -> list[Trial]:
        """Complete trials, by number; their values are those of the objectives."""
        found = [trial for trial in self.trials.trials if trial.state == "complete" and trial.values]
        return sorted(found, key=lambda trial: trial.number)

    @cached_property
    def space(self) -> list[Parameter]:
        """Searched settings, by importance if known, else in the plan's order."""
        order = list(self.importance["parameter"])
        rank = {name: index for index, name in enumerate(order)}
        return sorted(self.plan.space, key=lambda parameter: rank.get(parameter.name, len(order)))

    def settings_words(self, parameters: dict[str, Value]) -> str:
        """Return settings of a trial in words: `latent_dim 96, inner_lr 0.0213`."""
        return ", ".join(
            f"{one.name} {value_words(parameters[one.name])}" for one in self.space if one.name in parameters
        )

    @property
    def choices(self) -> list[Choice]:
        """Chosen trials; none before the search has chosen."""
        return self.best.choices if self.best is not None else []

    @property
    def command(self) -> str:
        """Command that continues the search, or writes missing files."""
        return f"leo-bench search {self.plan.search} --profile {self.plan.profile}"

    @property
    def results(self) -> list[Result]:
        """Records of the complete trials' trainings."""
        return [run.result for run in self.runs.values() if run.result is not None]

    @property
    def data_name(self) -> str:
        """Data set with the digest that its runs recorded, in short: `omniglot 5f1c0ffe`."""
        digests = sorted({result.data_digest[:8] for result in self.results})
        return " ".join([str(self.plan.base["dataset"]), "/".join(digests)]).strip()

    @property
    def n_episodes(self) -> int | None:
        """Validation episodes behind an accuracy; None if the runs' records do not say."""
        tests = [run.headline for run in self.runs.values()]
        found = {test.n_test_episodes for test in tests if test.split == "val"}
        return found.pop() if len(found) == 1 else None


def load_search_data(folder: Path, studies: Studies | None = None) -> SearchData:
    """Read a search's folder. studies: those that are read already.

    Raises LeoBenchError if one of its files is broken.
    """
    plan, trials = read_search(folder)
    best = read_record(folder / "best.json", Best) if (folder / "best.json").exists() else None
    planned = best is not None and (folder.parent / best.study / "study.json").exists()
    study = (studies or Studies()).load(folder.parent / best.study) if best is not None and planned else None
    importance, ranges = (_table(folder / f"analysis/{name}.csv", columns) for name, columns in COLUMNS.items())
    importance = importance.sort_values(["planted", "importance"], ascending=[True, False], kind="stable")
    missing = [f"analysis/{name}.csv" for name in COLUMNS if not (folder / f"analysis/{name}.csv").exists()]
    runs = {number: run for number, run in trial_runs(folder, plan, trials).items() if run.status == "done"}
    return SearchData(folder, plan, trials, importance, ranges, missing, best, study, runs)


def _table(path: Path, columns: list[str]) -> pd.DataFrame:
    """Return a table of the analysis; without rows if its file is missing."""
    if not path.exists():
        return pd.DataFrame(columns=columns)
    remedy = "remove the folder and go on with the search, which writes it again"
    try:
        frame = pd.read_csv(path, dtype={"part": str, "choice": str})
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise LeoBenchError(f"{path} is no table ({shortened(error, 200)}); {remedy}") from None
    if lacking := [column for column in columns if column not in frame.columns]:
        raise LeoBenchError(f"{path} lacks the columns {', '.join(lacking)}; {remedy}")
    return frame


def value_words(value: Value) -> str:
    """Return `96`, `0.0213`, `1,076`, `shared`, `true`."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value).lower() if isinstance(value, bool) else str(value)
