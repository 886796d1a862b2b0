"""Study files: studies/NAME.toml, read and checked."""

import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from leo_bench.errors import LeoBenchError


class Table(BaseModel):
    """A table of a file in studies/: typed, and without keys that nothing reads."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Variant(Table):
    """What differs from a preset."""

    preset: str | None = None
    """The study's when left out."""
    set: dict[str, Any] = {}
    label: str | None = None
    switch: str | None = None
    """The variants that it is drawn with; those that change the same setting first when left out."""
    reference: bool = False
    """Drawn as a line beside the variants, not as one of them."""
    extends: str | None = None
    """The variant that this one starts from: its preset and settings, with `set` on top."""
    against: str | None = None
    """The variant that this one is compared with; the study's baseline when left out."""


class Profile(Table):
    """A budget."""

    seeds: list[Annotated[int, Field(ge=0)]] = Field(min_length=1)
    variants: list[str] | None = None
    """All of the study's when left out."""
    fewer_seeds: dict[str, Annotated[int, Field(ge=1)]] = {}
    """Variant -> how many of the seeds it gets."""
    settings: dict[str, Any] = {}

    @field_validator("seeds")
    @classmethod
    def _each_once(cls, seeds: list[int]) -> list[int]:
        twice = [seed for index, seed in enumerate(seeds) if seed in seeds[:index]]
        if twice:
            raise ValueError(f"seed {twice[0]} is named twice; one run cannot count as two")
        return seeds


class StudyFile(Table):
    """studies/NAME.toml."""

    question: str
    baseline: str
    margin: float = Field(0.005, gt=0, lt=1)
    """Difference in accuracy that matters, as a fraction."""
    preset: str = "leo"
    """Of every variant that names no other."""
    settings: dict[str, Any] = {}
    profiles: dict[str, Profile] = Field(min_length=1)
    variants: dict[str, Variant] = Field(min_length=1)


def study_names(studies: Path) -> list[str]:
    """Studies that there are, by name; searches left out."""
    return sorted(path.stem for path in studies.glob("*.toml") if not is_search(path))


def is_search(path: Path) -> bool:
    """Whether a file in studies/ is a search: it has a [space]."""
    try:
        return "space" in tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return False


def read_study(studies: Path, name: str) -> StudyFile:
    """A study file. Raises LeoBenchError when it is missing, not TOML, or has a key or value that does not belong."""
    path = studies / f"{name}.toml"
    if not path.exists():
        raise LeoBenchError(f"no study {name!r} in {studies}/; there are: {', '.join(study_names(studies)) or 'none'}")
    if is_search(path):
        raise LeoBenchError(f"{name} is a search, not a study (it has a [space]): make search SEARCH={name}")
    try:
        study = StudyFile.model_validate(tomllib.loads(path.read_text()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LeoBenchError(f"{path} is not valid TOML: {error}") from None
    except ValidationError as error:
        raise LeoBenchError(f"{path}: {first_problem(error, StudyFile)}") from None
    for place, variant in [("baseline", study.baseline), *_named(study)]:
        if variant not in study.variants:
            raise LeoBenchError(f"{path}: {place}: {unknown_variant(variant, study)}")
    for name, variant_table in study.variants.items():
        if variant_table.against == name:
            raise LeoBenchError(f"{path}: variants.{name}.against: a variant cannot be compared with itself")
        chain = [name]
        while (earlier := study.variants[chain[-1]].extends) is not None:
            if earlier in chain:
                raise LeoBenchError(
                    f"{path}: variants.{name}.extends: {' -> '.join([*chain, earlier])} goes in a circle"
                )
            chain.append(earlier)
    return study


def resolved(study: StudyFile, name: str) -> tuple[str, dict[str, Any]]:
    """Return preset and own settings of a variant, with those of the variants that it extends below its own."""
    variant = study.variants[name]
    preset, values = (study.preset, {}) if variant.extends is None else resolved(study, variant.extends)
    return variant.preset or preset, {**values, **variant.set}


def _named(study: StudyFile) -> list[tuple[str, str]]:
    """Return every mention of a variant by another or by a profile, with its place."""
    links = [
        (f"variants.{name}.{key}", other)
        for name, variant in study.variants.items()
        for key, other in (("extends", variant.extends), ("against", variant.against))
        if other is not None
    ]
    return links + [
        (f"profiles.{name}", variant)
        for name, profile in study.profiles.items()
        for variant in [*(profile.variants or []), *profile.fewer_seeds]
    ]


def unknown_variant(name: str, study: StudyFile) -> str:
    near = get_close_matches(name, study.variants, n=1)
    return f"unknown variant {name!r}; " + (
        f"did you mean {near[0]!r}?" if near else f"there are {', '.join(study.variants)}"
    )


def first_problem(error: ValidationError, file: type[BaseModel]) -> str:
    """The first thing that is wrong with a file's content, unknown keys before others, in one line."""
    problems = error.errors()
    problem = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    *place, key = (str(part) for part in problem["loc"])
    where = ".".join([*place, key])
    if problem["type"] != "extra_forbidden":
        got = "" if problem["type"] == "missing" else f" (got {problem['input']!r})"
        return f"{where}: {problem['msg'].removeprefix('Value error, ')}{got}"
    allowed = _table_at(file, place).model_fields
    near = get_close_matches(key, allowed, n=1)
    return f"unknown key {where!r}; " + (f"did you mean {near[0]!r}?" if near else f"allowed are {', '.join(allowed)}")


def _table_at(file: type[BaseModel], place: Sequence[str]) -> type[BaseModel]:
    """The model of the table at a place of a file."""
    kind: Any = file
    for key in place:
        kind = get_args(kind)[1] if get_origin(kind) is dict else kind.model_fields[key].annotation
        if get_origin(kind) is UnionType:  # Table | None
            kind = get_args(kind)[0]
    table: type[BaseModel] = kind
    return table
