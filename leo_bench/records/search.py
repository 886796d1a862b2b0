"""Schema of a search: the files in its folder results/<search>-<profile>/. Optuna is not needed to read them.

    search.json   the plan: ranges, budget, sampler, pruner
    trials.json   every trial in the search's database, written again whenever a trial ends
    analysis/     tables of the trials (search/analysis.py)
    best.json     the trials chosen at the end, and the name of the study that measures them on test
    optuna.db     the database, unless another was named; never published, since trials.json can restore it

Every trial that trained is a run in the store, results/runs/<run_key>/.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from leo_bench.config import SCHEMA_VERSION, differing
from leo_bench.errors import LeoBenchError
from leo_bench.records.files import read_record
from leo_bench.records.names import Name, ProfileName
from leo_bench.records.schema import Count, NotNegative, PlannedRun, Record, RunKey, Share
from leo_bench.records.state import RunState, run_state
from leo_bench.records.view import store_of

Value = bool | int | float | str
Objective = Literal["accuracy", "multiply_adds"]
TrialState = Literal["waiting", "running", "complete", "pruned", "failed"]


class Parameter(Record):
    """One searched setting: a range, or choices."""

    name: str
    low: float | None = None
    high: float | None = None
    whole: bool = False
    """True if the range has whole numbers only."""
    log: bool = False
    choices: list[Value] | None = None


class Pruner(Record):
    """Median pruning: a trial ends if its validation accuracy is below the median of earlier trials at the same
    episode."""

    name: Literal["median"] = "median"
    startup_trials: int = 5
    """Complete trials before any is pruned."""
    warmup_episodes: int = 500
    """Training episodes before a trial is pruned."""


class Sampler(Record):
    """The sampler that proposes settings."""

    name: Literal["tpe", "random"] = "tpe"
    seed: int = 0
    startup_trials: int = 10
    """Random trials before the sampler learns from results."""


RERUN_SEARCH = "remove it and run the search again"
"""How to mend a damaged record of a search."""


class SearchPlan(Record):
    """search.json: a search file at one profile."""

    remedy = RERUN_SEARCH

    schema_version: int = SCHEMA_VERSION
    search: Name
    profile: ProfileName
    question: str
    preset: str
    margin: float
    """Difference in accuracy that matters, as a fraction."""
    objectives: list[Objective]
    """accuracy: on validation characters, maximised. multiply_adds: of answering one episode, minimised."""
    space: list[Parameter]
    base: dict[str, Any]
    """All settings of a trial, with the searched ones at their defaults; canonical."""
    test: dict[str, Any]
    """All settings of the runs that measure the best on test, with the searched ones at their defaults; canonical."""
    n_trials: int
    sampler: Sampler
    pruner: Pruner | None
    test_seeds: list[int]
    numerics: str

    @property
    def identity(self) -> str:
        """Digest of all fields but MAY_CHANGE: 16 hexadecimal digits of SHA-256. Trials of different identities cannot
        be mixed. A new setting at its default changes nothing."""
        fields = self.model_dump(mode="json", exclude=MAY_CHANGE)
        text = json.dumps({**fields, "base": differing(self.base)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


MAY_CHANGE = {"schema_version", "question", "margin", "n_trials", "test", "test_seeds"}
"""Fields of a plan that may differ between two calls of a search."""


class Trial(Record):
    """One trial in the search's database."""

    number: Count
    state: TrialState
    parameters: dict[str, Value]
    run_key: RunKey | None = None
    """Key of the run that this trial trained or reused."""
    values: list[NotNegative] | None = None
    """One value per objective if the trial is complete. Accuracy is a fraction."""
    curve: list[tuple[Count, Share]] = Field(default_factory=list)
    """Learning curve: (training episode, validation accuracy), as reported during training."""
    started: str | None = None
    finished: str | None = None
    message: str = ""
    """Reason why it failed or was pruned, in one line."""
    settings_fail: bool = False
    """True if it failed because of its settings: they contradict each other, diverge, or end their process in every
    attempt."""
    retry_of: int | None = None
    """Number of the trial that died or was stopped, and that this trial does again."""
    deaths: int = 0
    """Number of earlier attempts at these settings whose process died."""

    @property
    def counts(self) -> bool:
        """True if it uses up one trial of the budget: it is complete or pruned, or failed because of its settings."""
        return self.state in ("complete", "pruned") or self.settings_fail


class Sitting(Record):
    """One call of the search that started trials."""

    started: str
    jobs: int
    """Trials at a time."""
    first_trial: int
    """Number of its first trial."""


class Trials(Record):
    """trials.json."""

    sealed = True
    remedy = RERUN_SEARCH

    schema_version: int = SCHEMA_VERSION
    sittings: list[Sitting]
    trials: list[Trial]

    @property
    def repeatable(self) -> bool:
        """True if the seed alone reproduces the sequence of trials: one worker at a time did them, and none died.

        A dead trial counts as running for some time, and that changes the proposals made meanwhile.
        """
        return all(sitting.jobs == 1 for sitting in self.sittings) and not any(trial.deaths for trial in self.trials)

    @property
    def how(self) -> str:
        """Workers and resumptions of the search in words: `one worker, in one go`."""
        jobs = max((sitting.jobs for sitting in self.sittings), default=1)
        workers = "one worker" if jobs == 1 else f"{jobs} workers"
        resumed = len(self.sittings) - 1
        died = sum(trial.deaths > 0 for trial in self.trials)
        return (
            f"{workers}, "
            + ("in one go" if resumed < 1 else "resumed once" if resumed == 1 else f"resumed {resumed} times")
            + (f", {died} done again because their process died" if died else "")
        )


class Choice(Record):
    """A trial chosen to be measured on test."""

    variant: str
    """Name of the variant with its settings in the study on test."""
    number: int
    parameters: dict[str, Value]
    values: list[float]


class Best(Record):
    """best.json: the trials that the search chose on validation."""

    sealed = True
    remedy = RERUN_SEARCH

    schema_version: int = SCHEMA_VERSION
    study: Name
    """Name of the folder, beside this one, of the study that measures the choices and the defaults on test."""
    choices: list[Choice]


def find_searches(results: Path) -> list[Path]:
    """Return the folders of searches under results/ and results/official/, sorted by name."""
    patterns = ("*/search.json", "official/*/search.json")
    return sorted(path.parent for pattern in patterns for path in results.glob(pattern))


def trial_runs(folder: Path, plan: SearchPlan, trials: Trials) -> dict[int, RunState]:
    """Return trial number -> run, for the complete trials of the search in folder whose runs are on disk.

    Runs lie in the store beside the folder, or inside the folder if an older version published the search.
    """
    store = store_of(folder)
    found = {}
    for trial in trials.trials:
        if trial.state == "complete" and trial.run_key and (store / trial.run_key).is_dir():
            found[trial.number] = run_state(planned_trial(plan, trial), store / trial.run_key)
    return found


def planned_trial(plan: SearchPlan, trial: Trial) -> PlannedRun:
    """Return the run of a trial as a planned run."""
    assert trial.run_key is not None
    return PlannedRun(
        variant=f"trial {trial.number}",
        seed=plan.base["seed"],
        run_key=trial.run_key,
        settings={**plan.base, **trial.parameters},
        numerics=plan.numerics,
    )


def search_of(folder: Path) -> SearchPlan | None:
    """Return the plan of the search whose choices the study in a folder measures; None if there is none.

    A search with a broken record counts as none.
    """
    for path in sorted(folder.absolute().parent.glob("*/best.json")):
        try:
            if read_record(path, Best).study == folder.name:
                return read_record(path.with_name("search.json"), SearchPlan)
        except LeoBenchError:
            continue
    return None


def read_search(folder: Path) -> tuple[SearchPlan, Trials]:
    """Read a search's plan and trials. Raises LeoBenchError if a file is missing or broken."""
    return read_record(folder / "search.json", SearchPlan), read_record(folder / "trials.json", Trials)
