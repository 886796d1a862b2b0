"""The schema of a search: what results/<search>-<profile>/ holds of it. Files in, values out; Optuna is not needed.

    search.json   the plan: ranges, budget, sampler, pruner
    trials.json   every trial as the search's database has it, written again whenever one ends
    analysis/     tables of what the trials say (search/analysis.py)
    best.json     the trials chosen at the end, and the study that measures them on test
    optuna.db     the database, where no other was named; never published: it can be made again from trials.json

A trial that trained is a run of the store, results/runs/<run_key>/; a published search holds its runs itself.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from leo_bench.config import SCHEMA_VERSION
from leo_bench.records.files import read_record
from leo_bench.records.schema import PlannedRun, Record
from leo_bench.records.state import RunState, run_state
from leo_bench.records.view import store_of

Value = bool | int | float | str
Objective = Literal["accuracy", "multiply_adds"]
TrialState = Literal["waiting", "running", "complete", "pruned", "failed"]


class Parameter(Record):
    """One setting that is searched: a range, or choices."""

    name: str
    low: float | None = None
    high: float | None = None
    whole: bool = False
    """Whether the range is of whole numbers."""
    log: bool = False
    choices: list[Value] | None = None


class Pruner(Record):
    """Median pruning: a trial ends when its validation accuracy is below the median of earlier trials at the same
    episode."""

    name: Literal["median"] = "median"
    startup_trials: int = 5
    """Complete trials before any is pruned."""
    warmup_episodes: int = 500
    """Training episodes before a trial is pruned."""


class Sampler(Record):
    """What proposes settings."""

    name: Literal["tpe", "random"] = "tpe"
    seed: int = 0
    startup_trials: int = 10
    """Trials at random before the sampler learns from them."""


class SearchPlan(Record):
    """search.json: a search file at one profile."""

    schema_version: int = SCHEMA_VERSION
    search: str
    profile: str
    question: str
    preset: str
    margin: float
    """Difference in accuracy that matters, as a fraction."""
    objectives: list[Objective]
    """What is best: accuracy on validation characters (more is better), multiply_adds of answering one episode (fewer
    are)."""
    space: list[Parameter]
    base: dict[str, Any]
    """Settings of a trial beside the searched ones; canonical, and with those at their defaults."""
    test: dict[str, Any]
    """Settings of the runs that measure the best on test; canonical, searched ones at their defaults."""
    n_trials: int
    sampler: Sampler
    pruner: Pruner | None
    test_seeds: list[int]
    numerics: str

    @property
    def identity(self) -> str:
        """16 hexadecimal digits of SHA-256 over all but MAY_CHANGE: trials of two identities cannot be mixed."""
        text = json.dumps(self.model_dump(mode="json", exclude=MAY_CHANGE), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


MAY_CHANGE = {"schema_version", "question", "margin", "n_trials", "test", "test_seeds"}
"""Fields of a plan that may differ between two calls of a search."""


class Trial(Record):
    """One trial, as the database has it."""

    number: int
    state: TrialState
    parameters: dict[str, Value]
    run_key: str | None = None
    """Of the run that it trained, or found done."""
    values: list[float] | None = None
    """One per objective, of a complete trial. Accuracy is a fraction."""
    curve: list[tuple[int, float]] = Field(default_factory=list)
    """(training episode, validation accuracy) as reported while it trained."""
    started: str | None = None
    finished: str | None = None
    message: str = ""
    """Why it failed or was pruned, in one line."""
    settings_fail: bool = False
    """Whether it failed by its settings: they do not go together, diverge, or end their process each time."""
    retry_of: int | None = None
    """Number of the trial that died or was stopped, and is done again here."""
    deaths: int = 0
    """How often its process has died before, in the trials that it does again."""

    @property
    def counts(self) -> bool:
        """Whether it has used up one of the budget: it ended by itself, with a value, pruned, or by its settings."""
        return self.state in ("complete", "pruned") or self.settings_fail


class Sitting(Record):
    """One call of the search that began trials."""

    started: str
    jobs: int
    first_trial: int
    """Trials that there were when it began."""


class Trials(Record):
    """trials.json."""

    schema_version: int = SCHEMA_VERSION
    sittings: list[Sitting]
    trials: list[Trial]

    @property
    def repeatable(self) -> bool:
        """Whether the sequence of trials can be had again from the seed alone: one worker did them, in one go or in
        several, and none died (while a dead trial is taken for a running one, others are proposed beside it)."""
        return all(sitting.jobs == 1 for sitting in self.sittings) and not any(trial.deaths for trial in self.trials)

    @property
    def how(self) -> str:
        """`one worker, in one go`: how the trials came about."""
        jobs = max((sitting.jobs for sitting in self.sittings), default=1)
        workers = "one worker" if jobs == 1 else f"{jobs} workers"
        resumed = len(self.sittings) - 1
        died = sum(trial.deaths > 0 for trial in self.trials)
        return (
            f"{workers}, "
            + ("in one go" if resumed < 1 else "resumed once" if resumed == 1 else f"resumed {resumed} times")
            + (f", {died} done again whose process died" if died else "")
        )


class Choice(Record):
    """A trial that is measured on test."""

    variant: str
    """Its name in the study."""
    number: int
    parameters: dict[str, Value]
    values: list[float]


class Best(Record):
    """best.json: what the search chose on validation."""

    schema_version: int = SCHEMA_VERSION
    study: str
    """Folder beside this one of the study that measures the choices and the defaults on test."""
    choices: list[Choice]


def find_searches(results: Path) -> list[Path]:
    """Folders under results/ and results/official/ that hold a search, in name order."""
    patterns = ("*/search.json", "official/*/search.json")
    return sorted(path.parent for pattern in patterns for path in results.glob(pattern))


def trial_runs(folder: Path) -> dict[int, RunState]:
    """Return the runs of a search's complete trials that are on disk, by number; from the folder (published by an older
    version) or the store beside it."""
    plan, trials = read_search(folder)
    store = store_of(folder)
    found = {}
    for trial in trials.trials:
        if trial.state == "complete" and trial.run_key and (store / trial.run_key).is_dir():
            found[trial.number] = run_state(planned_trial(plan, trial), store / trial.run_key)
    return found


def planned_trial(plan: SearchPlan, trial: Trial) -> PlannedRun:
    """Return the run of a trial as it was planned."""
    assert trial.run_key is not None
    return PlannedRun(
        variant=f"trial {trial.number}",
        seed=plan.base["seed"],
        run_key=trial.run_key,
        settings={**plan.base, **trial.parameters},
        numerics=plan.numerics,
    )


def read_search(folder: Path) -> tuple[SearchPlan, Trials]:
    """A search's plan and trials. Raises LeoBenchError where one is missing or broken."""
    return read_record(folder / "search.json", SearchPlan), read_record(folder / "trials.json", Trials)
