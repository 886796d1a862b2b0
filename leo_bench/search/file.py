"""A search file in studies/ -> a SearchPlan: ranges, budget, sampler, pruner."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from leo_bench.config import Settings, make_settings, part_of
from leo_bench.config.toml_file import read_toml
from leo_bench.data.locate import DataSource
from leo_bench.errors import LeoBenchError, did_you_mean
from leo_bench.records import ProfileName, check_name
from leo_bench.records.search import Objective, Parameter, Pruner, Sampler, SearchPlan
from leo_bench.running.numerics import numerics_digest
from leo_bench.running.study_file import Question, Table, first_problem, is_search, no_file

MAX_SEED = 2**32 - 1
"""Largest seed of Optuna's samplers, which take numpy's."""


class Range(Table):
    """One searched setting in a file."""

    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: list[bool | int | float | str] | None = Field(None, min_length=2)


class Sampling(Table):
    """[sampler] of a file, or a profile's changes to it."""

    name: str | None = None
    seed: int | None = Field(None, ge=0, le=MAX_SEED)
    startup_trials: int | None = Field(None, ge=1)


class Pruning(Table):
    """[pruner] of a file, or a profile's changes to it."""

    name: str | None = None
    startup_trials: int | None = Field(None, ge=1)
    warmup_episodes: int | None = Field(None, ge=0)


class Profile(Table):
    """One profile of a file: the budget of the search."""

    n_trials: int = Field(ge=1)
    test_seeds: list[Annotated[int, Field(ge=0)]] = Field(min_length=1)
    settings: dict[str, Any] = Field(default_factory=dict)
    sampler: Sampling = Sampling()
    pruner: Pruning = Pruning()


class SearchFile(Table):
    """studies/NAME.toml of a search: a file with a [space]."""

    question: Question
    preset: str = "leo"
    margin: float = Field(0.005, gt=0, lt=1)
    objectives: list[Objective] = Field(["accuracy"], min_length=1, max_length=2)
    settings: dict[str, Any] = Field(default_factory=dict)
    trial: dict[str, Any] = Field(default_factory=dict)
    """Settings of the trials only, not of the runs on test."""
    space: dict[str, Range] = Field(min_length=1)
    sampler: Sampling
    pruner: Pruning | None = None
    """No pruning when left out."""
    profiles: dict[ProfileName, Profile] = Field(min_length=1)


def search_names(studies: Path) -> list[str]:
    """Return the names of the searches in a folder of study files, sorted."""
    return sorted(path.stem for path in studies.glob("*.toml") if is_search(path))


def read_search_file(studies: Path, name: str) -> SearchFile:
    """Read a search file. Raises LeoBenchError if it is missing, not TOML, or has a wrong key or value."""
    path = studies / f"{name}.toml"
    if not path.exists():
        raise no_file("search", name, studies, search_names(studies))
    check_name(name, "search")
    try:
        content = read_toml(path)
        if "space" not in content:
            raise LeoBenchError(f"{name} is a study, not a search (it has no [space]): make study STUDY={name}")
        file = SearchFile.model_validate(content)
    except ValidationError as error:
        raise LeoBenchError(f"{path}: {first_problem(error, SearchFile)}") from None
    if len(set(file.objectives)) < len(file.objectives) or file.objectives[0] != "accuracy":
        raise LeoBenchError(f"{path}: objectives: expected accuracy, or accuracy and multiply_adds")
    if file.pruner and len(file.objectives) > 1:
        raise LeoBenchError(f"{path}: pruner: a search with two objectives does not prune; leave it out")
    return file


def make_search_plan(
    studies: Path,
    name: str,
    profile: str,
    source: DataSource,
    device: str = "cpu",
    n_trials: int | None = None,
    seed: int | None = None,
    precision: str | None = None,
) -> SearchPlan:
    """Expand a search file at one profile.

    n_trials, seed (of the sampler): replace the profile's. precision: of the convolutions; the file's if None. Raises
    LeoBenchError if the file, the profile or a setting is wrong.
    """
    file = read_search_file(studies, name)
    if profile not in file.profiles:
        raise LeoBenchError(f"search {name} has no profile {profile!r}; it has {', '.join(file.profiles)}")
    if seed is not None and not 0 <= seed <= MAX_SEED:
        raise LeoBenchError(f"--seed must be a whole number from 0 to {MAX_SEED}, got {seed}")
    budget, where = file.profiles[profile], f"search {name}"
    common = {"dataset": source.name, "device": device, **file.settings}
    if precision:
        common["precision"] = precision
    trial = {**common, **file.trial, **budget.settings, "test_split": "val"}
    if trial.get("seed", 0) in budget.test_seeds or len(set(budget.test_seeds)) < len(budget.test_seeds):
        raise LeoBenchError(
            f"{where}: profiles.{profile}.test_seeds {budget.test_seeds}: expected each once, and not the trials' seed "
            f"{trial.get('seed', 0)}"
        )
    space = [_parameter(name, given, trial, file.preset, where) for name, given in file.space.items()]
    sampler = _combined(Sampler, file.sampler, budget.sampler, where, "sampler")
    base = make_settings(trial, file.preset, where)
    return SearchPlan(
        search=name,
        profile=profile,
        **file.model_dump(include={"question", "preset", "margin", "objectives"}),
        space=space,
        base=base.canonical(),
        test=make_settings({**common, **budget.settings, "test_split": "test"}, file.preset, where).canonical(),
        n_trials=n_trials or budget.n_trials,
        sampler=sampler if seed is None else sampler.model_copy(update={"seed": seed}),
        pruner=_combined(Pruner, file.pruner, budget.pruner, where, "pruner") if file.pruner else None,
        test_seeds=budget.test_seeds,
        numerics=numerics_digest(base.learner, base.dataset),
    )


def _combined(kind: Any, file: Table, budget: Table, where: str, what: str) -> Any:
    """Return a sampler or pruner with the file's values and the profile's on top. Raises LeoBenchError."""
    values = {**file.model_dump(exclude_none=True), **budget.model_dump(exclude_none=True)}
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise LeoBenchError(f"{where}: {what}.{first_problem(error, kind)}") from None


def _parameter(name: str, given: Range, base: dict[str, Any], preset: str, where: str) -> Parameter:
    """Return a searched setting. Its ends or choices are checked one by one; raises LeoBenchError."""
    place = f"{where}: space.{name}"
    if name not in Settings.model_fields:
        raise LeoBenchError(f"{place}: unknown setting; {did_you_mean(name, Settings.model_fields, 'settings are')}")
    if part_of(name) not in ("method", "training"):
        raise LeoBenchError(f"{place}: {name} is part of the measurement or the budget; set it in [settings]")
    if given.choices is not None:
        if (given.low, given.high, given.log) != (None, None, False):
            raise LeoBenchError(f"{place}: expected low and high, or choices, not both")
        if len({repr(choice) for choice in given.choices}) < len(given.choices):
            raise LeoBenchError(f"{place}: choices: one is named twice")
        ends: list[Any] = given.choices
    else:
        if given.low is None or given.high is None or not given.low < given.high:
            raise LeoBenchError(f"{place}: expected low and high, low smaller than high, or choices")
        if given.log and given.low <= 0:
            raise LeoBenchError(f"{place}: a range on a log scale needs low above 0, got {given.low:g}")
        whole = Settings.model_fields[name].annotation is int
        if whole and (given.low % 1 or given.high % 1):
            raise LeoBenchError(f"{place}: {name} is a whole number; so must low and high be")
        ends = [int(end) if whole else end for end in (given.low, given.high)]
    for end in ends:
        make_settings({**base, name: end}, preset, place)
    if given.choices is not None:
        return Parameter(name=name, choices=given.choices)
    return Parameter(name=name, low=given.low, high=given.high, whole=isinstance(ends[0], int), log=given.log)


def settings_of(plan: SearchPlan, parameters: dict[str, Any]) -> Settings:
    """Return the settings of a trial. parameters: its values of the searched settings."""
    return make_settings({**plan.base, **parameters}, where="trial")
