"""Study files studies/NAME.toml: schema, reading and checks."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from leo_bench.config.presets import problem_words
from leo_bench.config.toml_file import read_toml
from leo_bench.data import DATASETS
from leo_bench.errors import LeoBenchError, did_you_mean, nearest
from leo_bench.records import Name, ProfileName, check_name
from leo_bench.records.claims import Claim, ComparisonTable, part_fault, row_fault


def _words(text: str) -> str:
    """Return a text. Raises ValueError if it is empty."""
    if not text.strip():
        raise ValueError("it is empty; write what is asked, in words")
    return text


ON_TEST = "_best"
"""End of the name of a study that measures the choices of a search on test."""
Question = Annotated[str, AfterValidator(_words)]
"""Question of a study or search, which heads its report."""


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
    switch: Name | None = None
    """Switch whose panel shows the variant; if left out, the first setting that it changes."""
    reference: bool = False
    """True if figures draw it as a reference line."""
    extends: str | None = None
    """Variant whose preset and settings this one starts from, with `set` on top."""
    against: str | None = None
    """Variant that this one is compared with; if left out, the baseline of the study."""
    of: str | None = None
    """Another study, or STUDY:VARIANT, that this variant is taken from, with its settings at the same profile."""
    equal: Literal["images", "time"] = "images"
    """Budget that this variant shares with the one it is compared with: training images, or training time."""


class Profile(Table):
    """Budget of a study: seeds, variants and settings."""

    seeds: list[Annotated[int, Field(ge=0)]] = Field(min_length=1)
    variants: list[str] | None = None
    """Variants to run; if left out, all of the study."""
    fewer_seeds: dict[str, Annotated[int, Field(ge=1)]] = {}
    """Variant -> number of seeds, the first ones, that it gets."""
    order: Literal["seeds", "variants"] = "seeds"
    """`seeds`: every variant with the first seed, then with the next. `variants`: every seed of the baseline, then of
    the next variant, which gives the first verdicts early."""
    settings: dict[str, Any] = {}
    variant_settings: dict[str, dict[str, Any]] = {}
    """Variant -> settings that it has at this profile, on top of its own."""

    @field_validator("seeds")
    @classmethod
    def _each_once(cls, seeds: list[int]) -> list[int]:
        twice = [seed for index, seed in enumerate(seeds) if seed in seeds[:index]]
        if twice:
            raise ValueError(f"seed {twice[0]} is named twice; name each seed once")
        return seeds

    @field_validator("fewer_seeds")
    @classmethod
    def _fewer(cls, fewer: dict[str, int], info: ValidationInfo) -> dict[str, int]:
        n_seeds = len(info.data.get("seeds", ()))
        for variant, number in fewer.items():
            if number > n_seeds > 0:
                raise ValueError(f"{variant} gets {number} seeds, but the profile has {n_seeds}; name fewer")
        return fewer


class StudyFile(Table):
    """Content of studies/NAME.toml."""

    question: Question
    baseline: str
    margin: float = Field(0.005, gt=0, lt=1)
    """Difference in accuracy that matters, as a fraction."""
    preset: str = "leo"
    """Preset of every variant that names none."""
    settings: dict[str, Any] = {}
    profiles: dict[ProfileName, Profile] = Field(min_length=1)
    variants: dict[Name, Variant] = Field(min_length=1)
    looks: int = Field(1, ge=1)
    """How often the verdicts are looked at while runs arrive; each look spends an equal share of the 5%."""
    claims: dict[Name, Claim] = {}
    """Statements that the study judges, in the order of its report."""
    tables: list[ComparisonTable] = []
    """Comparison tables of the document."""


def study_names(studies: Path) -> list[str]:
    """Return the names of the studies in a folder, without the searches."""
    return sorted(path.stem for path in studies.glob("*.toml") if not is_search(path))


def is_search(path: Path) -> bool:
    """Return True if a file in studies/ is a search: it has a table [space]."""
    try:
        return "space" in read_toml(path)
    except LeoBenchError:
        return False


def no_file(what: str, name: str, studies: Path, names: Sequence[str]) -> LeoBenchError:
    """Return the error for a study or search without a file, with the nearest name.

    what: "study" or "search". names: those that have a file.
    """
    if not studies.is_dir():
        return LeoBenchError(
            f"--studies: {studies.absolute()} is not a folder; name the one that holds {what} {name!r}"
        )
    typed = Path(name).name.removesuffix(".toml")
    near = typed if typed in names else nearest(typed, names)
    hint = f"did you mean {near!r}? " if near else ""
    others = f"there are: {', '.join(names)}" if names else "it has none; name another folder with --studies"
    return LeoBenchError(f"no {what} {name!r} in {studies.absolute()}/; {hint}{others}")


def check_free(path: Path, name: str) -> None:
    """Raise LeoBenchError if a study has the name of the study that measures a search on test."""
    search = path.with_name(f"{name.removesuffix(ON_TEST)}.toml")
    if name.endswith(ON_TEST) and is_search(search):
        raise LeoBenchError(
            f"{path}: the study that measures the search {search.stem} on test has this name and would share its "
            "folder; give the file another name"
        )


def read_study(studies: Path, name: str) -> StudyFile:
    """Read a study file. Raises LeoBenchError if it is missing, not TOML, or has a wrong key or value."""
    path = studies / f"{name}.toml"
    if not path.exists():
        raise no_file("study", name, studies, study_names(studies))
    check_name(name, "study")
    if is_search(path):
        raise LeoBenchError(
            f"{name} is a search, not a study (it has a table [space]); run it as one: make search SEARCH={name}"
        )
    check_free(path, name)
    try:
        study = StudyFile.model_validate(read_toml(path))
    except ValidationError as error:
        raise LeoBenchError(f"{path}: {first_problem(error, StudyFile)}") from None
    if fault := next(_faults(study), ""):
        raise LeoBenchError(f"{path}: {fault}")
    return study


def _faults(study: StudyFile) -> Iterator[str]:
    """Yield what is wrong with a study that has the right keys and types: place in the file, fault and remedy.

    The check of a name comes before those that look it up, so only the first fault counts.
    """
    for place, values in _tables_of_settings(study).items():
        if "seed" in values:
            yield f"{place}: seed is no setting of a study; name seeds in profiles.NAME.seeds"
    for place, variant in [("baseline", study.baseline), *_named(study)]:
        if variant not in study.variants:
            yield f"{place}: {unknown_variant(variant, study)}"
    yield from _profile_faults(study)
    yield from _variant_faults(study)
    yield from _claim_faults(study)


def _profile_faults(study: StudyFile) -> Iterator[str]:
    for name, profile in study.profiles.items():
        run = [study.baseline, *(study.variants if profile.variants is None else profile.variants)]
        for key, named in (("fewer_seeds", profile.fewer_seeds), ("variant_settings", profile.variant_settings)):
            if idle := [variant for variant in named if variant not in run]:
                yield (
                    f"profiles.{name}.{key}: the profile does not run {idle[0]!r}; "
                    "add it to variants, or leave it out here"
                )
        for variant in profile.variant_settings:
            if other := study.variants[variant].of:
                yield f"profiles.{name}.variant_settings.{variant}: the settings are those of {other}; leave it out"


def _variant_faults(study: StudyFile) -> Iterator[str]:
    labels: dict[str, str] = {}
    for name, variant in study.variants.items():
        label = label_of(study, name)
        if not variant.of and (other := labels.setdefault(label, name)) != name:
            yield (
                f"variants.{name}.label: {label!r} is the label of {other!r} too; "
                "give each its own, since reports show labels"
            )
        if variant.of and (variant.preset or variant.set or variant.extends):
            yield f"variants.{name}.of: the settings are those of {variant.of}; leave out preset, set and extends"
        if name == study.baseline and variant.against:
            yield f"variants.{name}.against: the baseline is compared with nothing; leave it out"
        if variant.against == name:
            yield f"variants.{name}.against: a variant cannot be compared with itself; name another variant"
        chain = [name]
        while (earlier := study.variants[chain[-1]].extends) is not None:
            if earlier in chain:
                yield (
                    f"variants.{name}.extends: {' -> '.join([*chain, earlier])} goes in a circle; "
                    "remove extends from one of them"
                )
                break
            chain.append(earlier)


def _claim_faults(study: StudyFile) -> Iterator[str]:
    for name, claim in study.claims.items():
        if bool(claim.parts) == bool(claim.not_measurable):
            yield f"claims.{name}: give it parts or not_measurable, one of the two"
        for number, part in enumerate(claim.parts):
            if fault := part_fault(part, DATASETS):
                yield f"claims.{name}.parts.{number}: {fault}"
    in_claims = [
        (f"claims.{name}", variant)
        for name, claim in study.claims.items()
        for part in claim.parts
        for variant in part.named
    ]
    in_tables = [(f"tables.{table.name}", variant) for table in study.tables for variant in table.variants]
    for place, variant in in_claims + in_tables:
        if variant not in study.variants:
            yield f"{place}: {unknown_variant(variant, study)}"
    for table in study.tables:
        for row in table.rows:
            if fault := row_fault(row, table, study.claims):
                yield f"tables.{table.name}, row {row.aspect!r}: {fault}"


def label_of(study: StudyFile, name: str) -> str:
    """Return the name of a variant in reports."""
    return study.variants[name].label or name.replace("_", " ")


def resolved(study: StudyFile, name: str) -> tuple[str, dict[str, Any]]:
    """Return the preset of a variant and its settings, which include those of the variants that it extends."""
    variant = study.variants[name]
    preset, values = (study.preset, {}) if variant.extends is None else resolved(study, variant.extends)
    return variant.preset or preset, {**values, **variant.set}


def taken_from(study: StudyFile, name: str) -> str | None:
    """Return the variant of another study that a variant is, or extends; None if it is this study's own."""
    variant = study.variants[name]
    return variant.of if variant.of or variant.extends is None else taken_from(study, variant.extends)


def _tables_of_settings(study: StudyFile) -> dict[str, dict[str, Any]]:
    """Return place in the file -> settings."""
    return {
        "settings": study.settings,
        **{f"profiles.{name}.settings": profile.settings for name, profile in study.profiles.items()},
        **{
            f"profiles.{name}.variant_settings.{variant}": settings
            for name, profile in study.profiles.items()
            for variant, settings in profile.variant_settings.items()
        },
        **{f"variants.{name}.set": variant.set for name, variant in study.variants.items()},
    }


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
        for variant in [*(profile.variants or []), *profile.fewer_seeds, *profile.variant_settings]
    ]


def unknown_variant(name: str, study: StudyFile) -> str:
    """Return the message for a variant that the study lacks, with the nearest name."""
    return f"unknown variant {name!r}; {did_you_mean(name, study.variants)}"


def first_problem(error: ValidationError, file: type[BaseModel]) -> str:
    """Return the first fault of a file in one line; unknown keys come before other faults."""
    problems = error.errors()
    problem = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    *place, key = (str(part) for part in problem["loc"])
    if key == "[key]":  # a name that is none; pydantic names the table with it
        return f"{'.'.join(place[:-1])}: {problem['msg'].removeprefix('Value error, ')}"
    where = ".".join([*place, key])
    if problem["type"] == "missing":
        return f"{where} is missing; the file must have it"
    if problem["type"] != "extra_forbidden":
        return problem_words(where, problem["msg"], problem["input"])
    allowed = _table_at(file, place).model_fields
    return f"unknown key {where!r}; {did_you_mean(key, allowed, 'allowed are')}"


def _table_at(file: type[BaseModel], place: Sequence[str]) -> type[BaseModel]:
    """Return the model of the table at a place of a file."""
    kind: Any = file
    for key in place:
        in_it = get_origin(kind) in (dict, list)
        kind = get_args(kind)[-1] if in_it else kind.model_fields[key].annotation
        if get_origin(kind) is UnionType:  # Table | None
            kind = get_args(kind)[0]
    table: type[BaseModel] = kind
    return table
