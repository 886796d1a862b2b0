"""Study files studies/NAME.toml: schema, reading and checks."""

import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from leo_bench.config.presets import problem_words
from leo_bench.errors import LeoBenchError


class Table(BaseModel):
    """Table of a file in studies/. Unknown keys and wrong types are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Variant(Table):
    """Variant: a preset and settings on top."""

    preset: str | None = None
    """Preset; if left out, that of the study."""
    set: dict[str, Any] = {}
    """Settings on top of the preset."""
    label: str | None = None
    switch: str | None = None
    """Switch whose panel shows the variant; if left out, the first setting that it changes."""
    reference: bool = False
    """True if figures draw it as a reference line."""
    extends: str | None = None
    """Variant whose preset and settings this one starts from, with `set` on top."""
    against: str | None = None
    """Variant that this one is compared with; if left out, the baseline of the study."""


class Profile(Table):
    """Budget of a study: seeds, variants and settings."""

    seeds: list[Annotated[int, Field(ge=0)]] = Field(min_length=1)
    variants: list[str] | None = None
    """Variants to run; if left out, all of the study."""
    fewer_seeds: dict[str, Annotated[int, Field(ge=1)]] = {}
    """Variant -> number of seeds, the first ones, that it gets."""
    settings: dict[str, Any] = {}

    @field_validator("seeds")
    @classmethod
    def _each_once(cls, seeds: list[int]) -> list[int]:
        twice = [seed for index, seed in enumerate(seeds) if seed in seeds[:index]]
        if twice:
            raise ValueError(f"seed {twice[0]} is named twice; name each seed once")
        return seeds


class StudyFile(Table):
    """Content of studies/NAME.toml."""

    question: str
    baseline: str
    margin: float = Field(0.005, gt=0, lt=1)
    """Difference in accuracy that matters, as a fraction."""
    preset: str = "leo"
    """Preset of every variant that names none."""
    settings: dict[str, Any] = {}
    profiles: dict[str, Profile] = Field(min_length=1)
    variants: dict[str, Variant] = Field(min_length=1)


def study_names(studies: Path) -> list[str]:
    """Return the names of the studies in a folder, without the searches."""
    return sorted(path.stem for path in studies.glob("*.toml") if not is_search(path))


def is_search(path: Path) -> bool:
    """Return True if a file in studies/ is a search: it has a table [space]."""
    try:
        return "space" in tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return False


def read_study(studies: Path, name: str) -> StudyFile:
    """Read a study file. Raises LeoBenchError if it is missing, not TOML, or has a wrong key or value."""
    path = studies / f"{name}.toml"
    if not path.exists():
        raise LeoBenchError(
            f"no study {name!r} in {studies}/; there are: {', '.join(study_names(studies)) or 'none (see --studies)'}"
        )
    if is_search(path):
        raise LeoBenchError(
            f"{name} is a search, not a study (it has a table [space]); run it as one: make search SEARCH={name}"
        )
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
            raise LeoBenchError(
                f"{path}: variants.{name}.against: a variant cannot be compared with itself; name another variant"
            )
        chain = [name]
        while (earlier := study.variants[chain[-1]].extends) is not None:
            if earlier in chain:
                raise LeoBenchError(
                    f"{path}: variants.{name}.extends: {' -> '.join([*chain, earlier])} goes in a circle; "
                    "remove extends from one of them"
                )
            chain.append(earlier)
    return study


def resolved(study: StudyFile, name: str) -> tuple[str, dict[str, Any]]:
    """Return the preset of a variant and its settings, which include those of the variants that it extends."""
    variant = study.variants[name]
    preset, values = (study.preset, {}) if variant.extends is None else resolved(study, variant.extends)
    return variant.preset or preset, {**values, **variant.set}


def _named(study: StudyFile) -> list[tuple[str, str]]:
    """Return every variant that another variant or a profile names: (place in the file, name)."""
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
    """Return the message for a variant that the study lacks, with the nearest name."""
    near = get_close_matches(name, study.variants, n=1)
    return f"unknown variant {name!r}; " + (
        f"did you mean {near[0]!r}?" if near else f"there are {', '.join(study.variants)}"
    )


def first_problem(error: ValidationError, file: type[BaseModel]) -> str:
    """Return the first fault of a file in one line; unknown keys come before other faults."""
    problems = error.errors()
    problem = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    *place, key = (str(part) for part in problem["loc"])
    where = ".".join([*place, key])
    if problem["type"] == "missing":
        return f"{where} is missing; the file must have it"
    if problem["type"] != "extra_forbidden":
        return problem_words(where, problem["msg"], problem["input"])
    allowed = _table_at(file, place).model_fields
    near = get_close_matches(key, allowed, n=1)
    return f"unknown key {where!r}; " + (f"did you mean {near[0]!r}?" if near else f"allowed are {', '.join(allowed)}")


def _table_at(file: type[BaseModel], place: Sequence[str]) -> type[BaseModel]:
    """Return the model of the table at a place of a file."""
    kind: Any = file
    for key in place:
        kind = get_args(kind)[1] if get_origin(kind) is dict else kind.model_fields[key].annotation
        if get_origin(kind) is UnionType:  # Table | None
            kind = get_args(kind)[0]
    table: type[BaseModel] = kind
    return table
