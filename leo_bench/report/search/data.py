"""Results of one search, read for a report: trials, parameters, analysis, and the study that tests the choices."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from leo_bench.errors import LeoBenchError
from leo_bench.figures import Scale
from leo_bench.figures.search.parameter_axis import number_words
from leo_bench.records import Result, RunState, read_record
from leo_bench.records.search import Best, Choice, Parameter, SearchPlan, Trial, Trials, Value, read_search, trial_runs
from leo_bench.report.study.data import StudyData, load_study_data
from leo_bench.statistics import pareto_front

ANALYSIS = "analysis"
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
    tables: dict[str, pd.DataFrame]
    """Tables of the analysis that exist, by their name in COLUMNS."""
    best: Best | None
    """Chosen trials; None if the search has not chosen yet."""
    study: StudyData | None
    """Study that measures the chosen settings on test; None if it is not planned yet."""
    runs: dict[int, RunState]
    """Trial number -> run, for complete trials whose run is recorded."""

    @cached_property
    def complete(self) -> list[Trial]:
        """Complete trials by number."""
        found = [trial for trial in self.trials.trials if trial.state == "complete" and trial.values]
        return sorted(found, key=lambda trial: trial.number)

    @cached_property
    def counts(self) -> Counter[str]:
        """Number of trials by state."""
        return Counter(trial.state for trial in self.trials.trials)

    @property
    def has_cost(self) -> bool:
        """True if multiply-adds are a second objective."""
        return "multiply_adds" in self.plan.objectives

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per trial, by number.

        Columns: number, state, accuracy (fraction) and multiply_adds (NaN unless complete), last (last accuracy
        reported), episodes (training episodes before that), and each parameter: a float, or the text of its choice.
        """
        rows = [self._row(trial) for trial in sorted(self.trials.trials, key=lambda trial: trial.number)]
        names = [parameter.name for parameter in self.plan.space]
        return pd.DataFrame(rows, columns=["number", "state", "accuracy", "multiply_adds", "last", "episodes", *names])

    def _row(self, trial: Trial) -> dict[str, object]:
        values = trial.values if trial.state == "complete" and trial.values else []
        episode, last = trial.curve[-1] if trial.curve else (np.nan, np.nan)
        row: dict[str, object] = {"number": trial.number, "state": trial.state, "last": last, "episodes": episode}
        row |= dict(zip(self.plan.objectives, values, strict=False))
        for parameter in self.plan.space:
            value = trial.parameters.get(parameter.name)
            if value is not None:
                row[parameter.name] = value_words(value) if parameter.choices else float(value)
        return row

    @property
    def complete_frame(self) -> pd.DataFrame:
        """Rows of complete trials."""
        return self.frame[self.frame["accuracy"].notna()].reset_index(drop=True)

    @cached_property
    def front(self) -> pd.DataFrame:
        """Rows of the Pareto front of accuracy and multiply-adds, from low to high cost."""
        rows = self.complete_frame
        return rows.loc[pareto_front(list(rows["multiply_adds"]), list(rows["accuracy"]))].reset_index(drop=True)

    @cached_property
    def scales(self) -> dict[str, Scale]:
        """Parameter -> its axis, by importance if known, else in the plan's order."""
        ordered = [str(name) for name in self.importance["parameter"]]
        space = {parameter.name: scale_of(parameter) for parameter in self.plan.space}
        names = [*[name for name in ordered if name in space], *[name for name in space if name not in ordered]]
        return {name: space[name] for name in names}

    @property
    def importance(self) -> pd.DataFrame:
        """Table of importance, largest first, the planted noise last; empty if it is missing."""
        table = self.tables.get("importance", pd.DataFrame(columns=COLUMNS["importance"]))
        return table.sort_values(["planted", "importance"], ascending=[True, False], kind="stable")

    @property
    def ranges(self) -> pd.DataFrame:
        """Table of parts of ranges; empty if it is missing."""
        return self.tables.get("ranges", pd.DataFrame(columns=COLUMNS["ranges"]))

    @property
    def missing(self) -> list[str]:
        """Files of the analysis that are missing, by their names below the search's folder."""
        return [f"{ANALYSIS}/{name}.csv" for name in COLUMNS if name not in self.tables]

    def lack(self, name: str) -> str:
        """Return why a table of the analysis is empty or missing, and what to do."""
        if name in self.tables:
            return f"{ANALYSIS}/{name}.csv has no rows: {len(self.complete)} complete trials are too few for it."
        return f"{ANALYSIS}/{name}.csv is missing; `{self.command}` writes it."

    @property
    def choices(self) -> list[Choice]:
        """Chosen trials. Before the search has chosen: the most accurate trial, or none with two objectives."""
        if self.best is not None:
            return self.best.choices
        if not self.has_cost:
            return [_choice(max(self.complete, key=lambda trial: (trial.values or [0.0])[0]))] if self.complete else []
        return []

    @property
    def best_number(self) -> int | None:
        """Number of the complete trial with the highest accuracy; the first one in a tie."""
        frame = self.complete_frame
        return int(frame["number"].iloc[int(frame["accuracy"].argmax())]) if len(frame) else None

    @property
    def command(self) -> str:
        """Command that continues the search, or writes missing files."""
        return f"leo-bench search {self.plan.search} --profile {self.plan.profile}"

    @property
    def results(self) -> dict[int, Result]:
        """Trial number -> record of the run's training."""
        return {number: run.result for number, run in self.runs.items() if run.result is not None}

    @property
    def data_name(self) -> str:
        """Data set with the digest that its runs recorded, in short: `omniglot 5f1c0ffe`."""
        digests = sorted({result.data_digest[:8] for result in self.results.values()})
        return " ".join([str(self.plan.base["dataset"]), "/".join(digests)]).strip()

    @property
    def n_episodes(self) -> int | None:
        """Validation episodes behind an accuracy; None if the runs' records do not say."""
        accuracy = dict(zip(self.complete_frame["number"], self.complete_frame["accuracy"], strict=True))
        found = {
            test.n_test_episodes
            for number, run in self.runs.items()
            for test in [run.headline]
            if test.split == "val" and abs(test.accuracy - accuracy[number]) < 1e-9
        }
        return found.pop() if len(found) == 1 else None


def load_search_data(folder: Path) -> SearchData:
    """Read a search's folder. Raises LeoBenchError if one of its files is broken."""
    plan, trials = read_search(folder)
    best = read_record(folder / "best.json", Best) if (folder / "best.json").exists() else None
    study = None
    if best is not None and (folder.parent / best.study / "study.json").exists():
        study = load_study_data(folder.parent / best.study)
    tables = {name: table for name in COLUMNS if (table := _table(folder, name)) is not None}
    return SearchData(folder, plan, trials, tables, best, study, _runs(folder))


def _table(folder: Path, name: str) -> pd.DataFrame | None:
    """Return a table of the analysis; None if its file is missing."""
    path = folder / ANALYSIS / f"{name}.csv"
    if not path.exists():
        return None
    remedy = "remove the folder and go on with the search, which writes it again"
    try:
        frame = pd.read_csv(path, dtype={"part": str, "choice": str})
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise LeoBenchError(f"{path} is no table ({error}); {remedy}") from None
    lacking = [column for column in COLUMNS[name] if column not in frame.columns]
    if lacking:
        raise LeoBenchError(f"{path} lacks the columns {', '.join(lacking)}; {remedy}")
    return frame


def _runs(folder: Path) -> dict[int, RunState]:
    """Return done runs of the complete trials, by number."""
    return {number: run for number, run in trial_runs(folder).items() if run.status == "done"}


def _choice(trial: Trial) -> Choice:
    return Choice(variant="best", number=trial.number, parameters=trial.parameters, values=trial.values or [])


def scale_of(parameter: Parameter) -> Scale:
    """Return the axis of a parameter."""
    if parameter.choices:
        return Scale(parameter.name, choices=tuple(value_words(value) for value in parameter.choices))
    low, high = parameter.low or 0.0, parameter.high or 0.0
    return Scale(parameter.name, low, high, parameter.log, parameter.whole)


def value_words(value: Value) -> str:
    """Return `96`, `0.0213`, `shared`, `true`."""
    if isinstance(value, bool):
        return str(value).lower()
    return number_words(value) if isinstance(value, float) else str(value)


def settings_words(parameters: dict[str, Value], order: Sequence[str] = ()) -> str:
    """Return `latent_dim 96, inner_lr 0.0213`."""
    names = [*[name for name in order if name in parameters], *[name for name in parameters if name not in order]]
    return ", ".join(f"{name} {value_words(parameters[name])}" for name in names)


def millions(multiply_adds: float) -> str:
    """Return `41.3 million`."""
    return f"{number_words(multiply_adds / 1e6)} million"
