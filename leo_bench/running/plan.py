"""Plans: the list of runs of a study file at one profile."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from leo_bench.config import Settings, make_settings, takes_bfloat16, training_key
from leo_bench.data.locate import DataSource
from leo_bench.errors import LeoBenchError
from leo_bench.records import Plan, PlannedRun, folder_name
from leo_bench.records.claims import Claims
from leo_bench.running.numerics import numerics_digest
from leo_bench.running.references import sources, with_references
from leo_bench.running.study_file import Profile, StudyFile, label_of, read_study, resolved, taken_from, unknown_variant

MAX_SEEDS = 1000
"""Largest number of seeds in one range on the command line."""


def parse_seeds(text: str) -> list[int]:
    """Return the seeds named by a text such as "3", "0-4" or "0,2,5-7", each once. Raises LeoBenchError."""
    seeds: dict[int, None] = {}
    for piece in text.split(","):
        ends = [part.strip() for part in piece.split("-")]
        if len(ends) > 2 or not all(part.isdecimal() and len(part) < 20 for part in ends):
            raise LeoBenchError(f"--seeds {text!r}: expected numbers and ranges such as 0-4 or 0,2,5-7")
        begin, end = int(ends[0]), int(ends[-1])
        if end < begin:
            raise LeoBenchError(
                f"--seeds {text!r}: {piece} is an empty range; write the smaller number first, such as 0-4"
            )
        if end - begin >= MAX_SEEDS:
            raise LeoBenchError(f"--seeds {text!r}: {piece} has more than {MAX_SEEDS} seeds; name fewer")
        for seed in range(begin, end + 1):
            if seed in seeds:
                raise LeoBenchError(f"--seeds {text!r}: seed {seed} is named twice; name each seed once")
            seeds[seed] = None
    return list(seeds)


def make_plan(
    studies: Path,
    name: str,
    profile: str,
    source: DataSource,
    seeds: list[int] | None = None,
    only: Sequence[str] = (),
    device: str = "cpu",
    accept_stale: bool = False,
    precision: str | None = None,
) -> Plan:
    """Expand a study file at one profile, in the order of the profile: seed by seed, or variant by variant.

    precision: precision of each variant that names none and allows it; if None, that of the study. Raises
    LeoBenchError if the file, the profile or a variant is wrong.
    """
    study = read_study(studies, name)
    if profile not in study.profiles:
        raise LeoBenchError(f"study {name} has no profile {profile!r}; choose one of {', '.join(study.profiles)}")
    study, referring = with_references(studies, study, profile), study
    budget = study.profiles[profile]
    names = list(dict.fromkeys([study.baseline, *(study.variants if budget.variants is None else budget.variants)]))
    whole = {variant: budget.seeds[: budget.fewer_seeds.get(variant, len(budget.seeds))] for variant in names}
    if only:
        for variant in only:
            if variant not in study.variants:
                raise LeoBenchError(f"study {name}: {unknown_variant(variant, study)}")
        names = list(dict.fromkeys([study.baseline, *only]))
    call = {"dataset": source.name, "device": device}
    override = {"precision": precision} if precision else {}
    chosen = list(enumerate(budget.seeds if seeds is None else seeds))
    pairs = [(position, seed, variant) for position, seed in chosen for variant in names]
    if budget.order == "variants":
        pairs.sort(key=lambda pair: names.index(pair[2]))
    runs = []
    for position, seed, variant in pairs:
        if seeds is None and position >= budget.fewer_seeds.get(variant, len(budget.seeds)):
            continue
        where = f"study {name}, variant {variant}"
        settings = _settings(study, budget, variant, call, {**override, "seed": seed}, where)
        runs.append(planned_run(settings, variant))
    known = list(dict.fromkeys([*names, *whole]))
    against = _against(study, known)
    _refuse_equal(f"study {name}, profile {profile}", study.baseline, against, runs)
    return Plan(
        study=name,
        profile=profile,
        question=study.question,
        baseline=study.baseline,
        margin=study.margin,
        switches=_switches(study, budget, names, call, override),
        labels={name: label_of(study, name) for name in known},
        references=[variant for variant in known if study.variants[variant].reference],
        against=against,
        equal_time=[variant for variant in known if study.variants[variant].equal == "time"],
        n_looks=study.looks,
        accept_stale=accept_stale,
        whole=whole,
        runs=runs,
        claims=_claims(study, referring, lambda name: _settings(study, budget, name, call, override, f"variant {name}"))
        if study.claims
        else None,
    )


def _refuse_equal(where: str, baseline: str, against: Mapping[str, str], runs: Iterable[PlannedRun]) -> None:
    """Raise LeoBenchError if a variant has the settings of the one that it is compared with."""
    settings = {run.variant: {**run.settings, "seed": None} for run in runs}
    for variant, own in settings.items():
        other = against.get(variant, baseline)
        if variant != other and own == settings.get(other):
            raise LeoBenchError(
                f"{where}: variant {variant!r} has the settings of {other!r}, which it is compared with; "
                "change what it sets, leave it out, or take another profile"
            )


def _claims(study: StudyFile, referring: StudyFile, settings: Callable[[str], Settings]) -> Claims:
    """Return the claims of a study. referring: the study as it is written. settings: variant -> its settings."""
    taken = sources(referring, study, lambda name: training_key(settings(name).canonical()))
    return Claims(sources=taken, claims=study.claims, tables=study.tables)


def planned_run(settings: Settings, variant: str) -> PlannedRun:
    """Return the planned run of these settings by this source."""
    return PlannedRun(
        variant=variant,
        seed=settings.seed,
        run_key=settings.run_key,
        settings=settings.canonical(),
        numerics=numerics_digest(settings.learner, settings.dataset),
    )


def _settings(
    study: StudyFile, budget: Profile, name: str, call: Mapping[str, Any], override: Mapping[str, Any], where: str
) -> Settings:
    """Return the settings of a variant: its preset, those of the call, of the study, of the profile, and its own.

    A variant of another study has those of that study instead. override: settings above those of the study.
    """
    preset, own = resolved(study, name)
    own |= budget.variant_settings.get(name, {})
    of_study = {} if taken_from(study, name) else {**study.settings, **budget.settings}
    values = {**call, **of_study, **override, **own}
    if values.get("precision") == "bfloat16" and "precision" not in own:
        plain = make_settings({**values, "precision": "float32"}, preset, where)
        if not takes_bfloat16(plain.canonical()):
            return plain
    return make_settings(values, preset, where)


def _against(study: StudyFile, names: list[str]) -> dict[str, str]:
    """Return variant -> the variant it is compared with, where a variant names one of these."""
    found = {name: study.variants[name].against for name in names}
    return {name: other for name, other in found.items() if other is not None and other in names}


def _switches(
    study: StudyFile, budget: Profile, names: list[str], call: Mapping[str, Any], override: Mapping[str, Any]
) -> dict[str, list[str]]:
    """Return switch -> the baseline and the variants of the switch, in drawing order.

    The switch of a variant is the one it names, else the first setting that it changes. The order is by value if all
    values are numbers, else as in the file.
    """
    baseline = study.baseline
    settings = {
        name: _settings(study, budget, name, call, override, name).canonical()
        for name in names
        if not study.variants[name].reference
    }
    if baseline not in settings:
        return {}
    switches: dict[str, list[str]] = {}
    for name in settings:
        if name != baseline:
            own = dict.fromkeys([*study.variants[name].set, *resolved(study, name)[1]])
            changed = [key for key in own if settings[name][key] != settings[baseline][key]]
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
    """Return the folder of a study at one profile."""
    return results / folder_name(plan.study, plan.profile)


def merge_plan(old: Plan, new: Plan, keep: Collection[tuple[str, str]]) -> Plan:
    """Return the new plan with the runs of the old plan that the new plan lacks, in the order of both.

    keep: their variants and keys.
    """
    planned = {(run.variant, run.seed) for run in new.runs}
    kept = [run for run in old.runs if (run.variant, run.seed) not in planned and (run.variant, run.run_key) in keep]
    variants = {run.variant for run in kept}
    order = in_both_orders(*(list(dict.fromkeys(run.variant for run in plan.runs)) for plan in (old, new)))
    labels = {name: label for name, label in old.labels.items() if name in variants} | new.labels
    gone = variants - new.whole.keys()
    switches = {}
    for switch in in_both_orders(list(old.switches), list(new.switches)):
        now = new.switches.get(switch, [])
        known = {*variants, *now, new.baseline}
        before = [name for name in old.switches.get(switch, []) if name in known]
        switches[switch] = in_both_orders(before, now)
    return new.model_copy(
        update={
            "runs": sorted([*new.runs, *kept], key=lambda run: (run.seed, order.index(run.variant))),
            "labels": {name: labels[name] for name in dict.fromkeys([*order, *new.whole]) if name in labels},
            "against": {name: other for name, other in old.against.items() if name in gone} | new.against,
            "equal_time": list(dict.fromkeys([*new.equal_time, *(name for name in old.equal_time if name in gone)])),
            "references": list(dict.fromkeys([*new.references, *(name for name in old.references if name in gone)])),
            "switches": {switch: members for switch, members in switches.items() if len(members) > 1},
            "n_looks": max(old.n_looks, new.n_looks),
            "whole": new.whole or old.whole,
        }
    )


def in_both_orders(one: list[str], other: list[str]) -> list[str]:
    """Merge two parts of one list.

    The result has the order of the longer list. A name only in the shorter list comes after the name that precedes it
    there.
    """
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    merged = list(longer)
    for index, name in enumerate(shorter):
        if name not in merged:
            merged.insert(merged.index(shorter[index - 1]) + 1 if index else 0, name)
    return merged


def present_keys(
    studies: Path, old: Plan, source: DataSource, device: str, precision: str | None = None
) -> set[tuple[str, str]]:
    """Return (variant, run key) for the variants and seeds of an old plan, by today's study file, data and precision.

    A key alone says nothing: variants that differ in their tests share it.
    """
    variants = read_study(studies, old.study).variants
    names = [name for name in dict.fromkeys(run.variant for run in old.runs) if name in variants]
    seeds = list(dict.fromkeys(run.seed for run in old.runs))
    plan = make_plan(studies, old.study, old.profile, source, seeds, names, device, precision=precision)
    return {(run.variant, run.run_key) for run in plan.runs}
