"""Results of one search, read for a report: trials, analysis, and the study that tests the choices."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from leo_bench.errors import LeoBenchError
from leo_bench.records import Result, RunState, read_record, shortened
from leo_bench.records.search import Best, Choice, Parameter, SearchPlan, Trials, Value, read_search, trial_runs
from leo_bench.report.study.data import StudyData, load_study_data
from leo_bench.statistics import pareto_front

COLUMNS = {
    "importance": "parameter importance low high planted n_trials evaluator".split(),
    "ranges": "parameter part low high choice n_trials mean std_error best verdict".split(),
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

    @property
    def has_cost(self) -> bool:
        """True if multiply-adds are a second objective."""
        return "multiply_adds" in self.plan.objectives

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per trial, by number.

        Columns: number, state, accuracy (fraction) and multiply_adds (NaN unless complete), episodes (training episodes
        at the last report), and each searched setting: a float, or the text of its choice.
        """
        rows: list[dict[str, Any]] = []
        for trial in sorted(self.trials.trials, key=lambda trial: trial.number):
            values = trial.values if trial.state == "complete" and trial.values else []
            drawn = [(one, trial.parameters[one.name]) for one in self.plan.space if one.name in trial.parameters]
            rows.append(
                {
                    "number": trial.number,
                    "state": trial.state,
                    "episodes": trial.curve[-1][0] if trial.curve else None,
                    **dict(zip(self.plan.objectives, values, strict=False)),
                    **{one.name: value_words(value) if one.choices else float(value) for one, value in drawn},
                }
            )
        names = [parameter.name for parameter in self.plan.space]
        frame = pd.DataFrame(rows, columns=["number", "state", "accuracy", "multiply_adds", "episodes", *names])
        return frame.astype({"accuracy": float, "multiply_adds": float, "episodes": float})

    @cached_property
    def complete(self) -> pd.DataFrame:
        """Rows of complete trials."""
        return self.frame[self.frame["accuracy"].notna()].reset_index(drop=True)

    @cached_property
    def front(self) -> pd.DataFrame:
        """Rows of the Pareto front of accuracy and multiply-adds, from low to high cost."""
        rows = self.complete
        return rows.loc[pareto_front(list(rows["multiply_adds"]), list(rows["accuracy"]))].reset_index(drop=True)

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
    def best_number(self) -> int | None:
        """Number of the complete trial with the highest accuracy; the first one in a tie."""
        rows = self.complete
        return int(rows["number"].iloc[int(rows["accuracy"].argmax())]) if len(rows) else None

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


def load_search_data(folder: Path) -> SearchData:
    """Read a search's folder. Raises LeoBenchError if one of its files is broken."""
    plan, trials = read_search(folder)
    best = read_record(folder / "best.json", Best) if (folder / "best.json").exists() else None
    planned = best is not None and (folder.parent / best.study / "study.json").exists()
    study = load_study_data(folder.parent / best.study) if best is not None and planned else None
    importance, ranges = (_table(folder / f"analysis/{name}.csv", columns) for name, columns in COLUMNS.items())
    importance = importance.sort_values(["planted", "importance"], ascending=[True, False], kind="stable")
    missing = [f"analysis/{name}.csv" for name in COLUMNS if not (folder / f"analysis/{name}.csv").exists()]
    runs = {number: run for number, run in trial_runs(folder).items() if run.status == "done"}
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


def millions(multiply_adds: float) -> str:
    """Return `41.3 million`."""
    return f"{value_words(multiply_adds / 1e6)} million"
