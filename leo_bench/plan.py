"""A study file in studies/ -> a plan: the list of runs that answer its question at one budget, and what they cost."""

import tomllib
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, get_args, get_origin

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from leo_bench import provenance
from leo_bench.config import Settings, default_precision, make_settings
from leo_bench.data.locate import DataSource
from leo_bench.errors import LeoBenchError
from leo_bench.records import RUNS, Plan, PlannedRun, run_state
from leo_bench.stats import minimum_detectable_effect


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
    return study


def _named(study: StudyFile) -> list[tuple[str, str]]:
    """Every mention of a variant in the profiles, with its place."""
    return [
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


def parse_seeds(text: str) -> list[int]:
    """ "3", "0-4" or "0,2,5-7" as a list of seeds."""
    try:
        seeds: list[int] = []
        for piece in text.split(","):
            first, _, last = piece.partition("-")
            seeds += range(int(first), int(last or first) + 1)
    except ValueError:
        raise LeoBenchError(f"seeds {text!r}: expected numbers and ranges such as 0-4 or 0,2,5-7") from None
    if not seeds:
        raise LeoBenchError(f"seeds {text!r} is empty: expected numbers and ranges such as 0-4, smaller number first")
    return list(dict.fromkeys(seeds))


def make_plan(
    studies: Path,
    name: str,
    profile: str,
    source: DataSource,
    seeds: list[int] | None = None,
    only: Sequence[str] = (),
    device: str = "cpu",
    accept_stale: bool = False,
) -> Plan:
    """Expand a study file at one profile: every variant with every seed, in rounds (seed 0 of every variant, then
    seed 1, ...)."""
    study = read_study(studies, name)
    if profile not in study.profiles:
        raise LeoBenchError(f"study {name} has no profile {profile!r}; it has {', '.join(study.profiles)}")
    budget = study.profiles[profile]
    names = list(dict.fromkeys([study.baseline, *(study.variants if budget.variants is None else budget.variants)]))
    if only:
        for variant in only:
            if variant not in study.variants:
                raise LeoBenchError(f"study {name}: {unknown_variant(variant, study)}")
        names = list(dict.fromkeys([study.baseline, *only]))
    common = {"dataset": source.name, "device": device, **study.settings, **budget.settings}
    runs = []
    for position, seed in enumerate(budget.seeds if seeds is None else seeds):
        for variant in names:
            if seeds is None and position >= budget.fewer_seeds.get(variant, len(budget.seeds)):
                continue
            settings = _settings(study, variant, {**common, "seed": seed}, f"study {name}, variant {variant}")
            runs.append(PlannedRun(variant=variant, seed=seed, run_key=settings.run_key, settings=settings.canonical()))
    return Plan(
        study=name,
        profile=profile,
        question=study.question,
        baseline=study.baseline,
        margin=study.margin,
        switches=_switches(study, names, common),
        labels={variant: study.variants[variant].label or variant.replace("_", " ") for variant in names},
        references=[variant for variant in names if study.variants[variant].reference],
        numerics=provenance.numerics_digest(),
        accept_stale=accept_stale,
        runs=runs,
    )


def _settings(study: StudyFile, name: str, common: Mapping[str, Any], where: str) -> Settings:
    """Of a variant, whose own values win over the study's and the profile's."""
    variant = study.variants[name]
    values = {**common, **variant.set}
    preset = variant.preset or study.preset
    return make_settings({"precision": default_precision(values, values["device"]), **values}, preset, where)


def _switches(study: StudyFile, names: list[str], common: Mapping[str, Any]) -> dict[str, list[str]]:
    """Switch -> the baseline and the variants that name it or change it first of all, in the order they are drawn: by
    value where those are numbers, else as in the file."""
    baseline = study.baseline
    settings = {
        name: _settings(study, name, common, name).canonical() for name in names if not study.variants[name].reference
    }
    if baseline not in settings:
        return {}
    switches: dict[str, list[str]] = {}
    for name in settings:
        if name != baseline:
            changed = [key for key in study.variants[name].set if settings[name][key] != settings[baseline][key]]
            preset_changes = [key for key in settings[name] if settings[name][key] != settings[baseline][key]]
            named = study.variants[name].switch
            for switch in ([named] if named else changed or preset_changes)[:1]:
                switches.setdefault(switch, [baseline]).append(name)
    place = list(study.variants).index
    for switch, members in switches.items():
        members.sort(key=place)
        if all(
            isinstance(settings[name].get(switch), int | float) and not isinstance(settings[name][switch], bool)
            for name in members
        ):
            members.sort(key=lambda name: settings[name][switch])
    return switches


def study_folder(results: Path, plan: Plan) -> Path:
    return results / f"{plan.study}-{plan.profile}"


def merge_plan(old: Plan, new: Plan, keep: Collection[str]) -> Plan:
    """The new plan, and of the old one the runs whose keys are in keep: what earlier calls asked for beside it."""
    planned = {(run.variant, run.seed) for run in new.runs}
    kept = [run for run in old.runs if (run.variant, run.seed) not in planned and run.run_key in keep]
    variants = {run.variant for run in kept}
    switches = {}
    for switch in in_both_orders(list(old.switches), list(new.switches)):
        now = new.switches.get(switch, [])
        known = {*variants, *now, new.baseline}
        before = [name for name in old.switches.get(switch, []) if name in known]
        switches[switch] = in_both_orders(before, now)
    return new.model_copy(
        update={
            "runs": sorted([*new.runs, *kept], key=lambda run: run.seed),
            "labels": {name: label for name, label in old.labels.items() if name in variants} | new.labels,
            "references": list(
                dict.fromkeys([*new.references, *(name for name in old.references if name in variants)])
            ),
            "switches": {switch: members for switch, members in switches.items() if len(members) > 1},
        }
    )


def in_both_orders(one: list[str], other: list[str]) -> list[str]:
    """The names of both lists: in the longer one's order, each name of the shorter one alone behind the name that it
    follows there. For parts of one list."""
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    merged = list(longer)
    for index, name in enumerate(shorter):
        if name not in merged:
            merged.insert(merged.index(shorter[index - 1]) + 1 if index else 0, name)
    return merged


def present_keys(studies: Path, old: Plan, source: DataSource, device: str) -> set[str]:
    """Run keys that today's study file gives for the variants and seeds of an old plan, on this data and device."""
    variants = read_study(studies, old.study).variants
    names = [name for name in dict.fromkeys(run.variant for run in old.runs) if name in variants]
    seeds = list(dict.fromkeys(run.seed for run in old.runs))
    plan = make_plan(studies, old.study, old.profile, source, seeds, names, device)
    return {run.run_key for run in plan.runs}


OMNIGLOT_TEST_IMAGES = 13_180


def cost(settings: Mapping[str, Any]) -> float:
    """Estimated seconds of a run on one CPU core, from the images trained on and scored; a guess that finished runs
    then correct. settings: of a plan, maybe of one written before some settings were there."""
    settings = {name: field.default for name, field in Settings.model_fields.items()} | dict(settings)
    pixels = ((settings["image_size"] // settings["first_pool"] + 2 * settings["padding"]) / 28) ** 2
    copies = 4 if settings["inner_examples"] == "shifted" else 0
    each = (settings["train_k_shot"] or settings["k_shot"]) * (1 + copies) + (
        settings["train_n_query"] or settings["n_query"]
    )
    trained = settings["n_train_episodes"] * (settings["train_n_way"] or settings["n_way"]) * each
    full = settings["learner"] == "leo" and settings["generated"] == "full"
    if settings["learner"] == "pixels":
        trained = 0
    if full:  # a pass for every scored point of every episode
        images = settings["n_test_episodes"] * (settings["k_shot"] + settings["n_query"])
        tested = 3.0 * len(settings["test_modes"]) * images * sum({settings["n_way"], *settings["test_n_ways"]})
    else:  # each test image once
        tested = min(OMNIGLOT_TEST_IMAGES, settings["n_test_episodes"] * 100.0) * (1 + copies)
    return 8 + pixels * settings["width"] / 64 * (0.87e-3 * trained * (5.7 if full else 1) + 0.7e-3 * tested)


def plan_words(plan: Plan, results: Path, jobs: int) -> str:
    """What a plan asks for before it starts: runs, time, disk, and the smallest effect that its seeds can show."""
    states = [run_state(run, results / RUNS / run.run_key, plan.numerics, plan.accept_stale) for run in plan.runs]
    left = [state.planned for state in states if state.status != "done"]
    seeds = sorted({run.seed for run in plan.runs})
    variants = list(dict.fromkeys(run.variant for run in plan.runs))
    seconds = sum(cost(run.settings) for run in left) / jobs
    longest = max((cost(run.settings) for run in left), default=0)
    spread = [
        state.result.headline.accuracy for state in states if state.result and state.planned.variant == plan.baseline
    ]
    known = len(spread) > 2
    seed_sd = float(np.std(spread, ddof=1)) if known else ASSUMED_SEED_SD
    effect = minimum_detectable_effect(seed_sd, len(seeds))
    settings = plan.runs[0].settings
    lines = [
        f"study {plan.study}, profile {plan.profile}: {plan.question}",
        f"  data      {settings['dataset']}, {settings['image_size']}x{settings['image_size']}, "
        f"{settings['n_train_episodes']:,} training episodes",
        f"  runs      {len(states)}: {len(variants)} variants, seeds {', '.join(map(str, seeds))}; "
        f"{len(states) - len(left)} done, {len(left)} to do",
        f"  time      about {duration(max(seconds, longest))} with {jobs} at a time (estimated, one server core each)",
        f"  disk      about {len(left) * DISK_MB:.0f} MB",
        f"  effect    {_effect_words(effect, seed_sd, known, len(seeds))}",
    ]
    return "\n".join(lines)


ASSUMED_SEED_SD = 0.04
"""Standard deviation of accuracy between seeds, as a fraction, where the study has not measured one yet: about that of
the published baseline after 2,000 episodes (4.4 points over 3 seeds)."""
DISK_MB = 4
"""Of one run: checkpoint, counts, logs."""


def _effect_words(effect: float | None, seed_sd: float, known: bool, n_seeds: int) -> str:
    if effect is None:
        return "one seed cannot tell a part's effect from the luck of a seed; it only screens"
    source = "measured in" if known else "assumed for"
    spread = f"spread of {100 * seed_sd:.1f} points {source} this study"
    return (
        f"smallest detectable: {100 * effect:.1f} points with {n_seeds} seeds by one test alone (80% power; {spread})"
    )


def duration(seconds: float) -> str:
    """A length of time in words: 40 s, 12 min, 1 h 30 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
