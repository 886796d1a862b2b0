"""A study file in studies/ -> a plan: the list of runs that answer its question at one budget, and what they cost."""

import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from leo_bench import provenance
from leo_bench.config import Settings, default_precision, make_settings
from leo_bench.data.locate import DataSource
from leo_bench.errors import LeoBenchError
from leo_bench.records import RUNS, Plan, PlannedRun, run_state
from leo_bench.stats import minimum_detectable_effect

STUDY_KEYS = {"question", "baseline", "margin", "settings", "profiles", "variants"}
PROFILE_KEYS = {"settings", "seeds", "variants", "fewer_seeds"}
VARIANT_KEYS = {"preset", "set", "label", "reference"}


def study_names(studies: Path) -> list[str]:
    """Studies that there are, by name."""
    return sorted(path.stem for path in studies.glob("*.toml"))


def read_study(studies: Path, name: str) -> dict[str, Any]:
    """A study file, its keys checked. Raises LeoBenchError when it is missing, not TOML, or has a key that nothing
    reads."""
    path = studies / f"{name}.toml"
    if not path.exists():
        raise LeoBenchError(f"no study {name!r} in {studies}/; there are: {', '.join(study_names(studies)) or 'none'}")
    try:
        raw = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LeoBenchError(f"{path} is not valid TOML: {error}") from None
    _check_keys(raw, STUDY_KEYS, str(path))
    for kind, keys in (("profiles", PROFILE_KEYS), ("variants", VARIANT_KEYS)):
        for entry, table in raw.get(kind, {}).items():
            _check_keys(table, keys, f"{path}: {kind}.{entry}")
    missing = {"question", "baseline", "variants", "profiles"} - set(raw)
    if missing:
        raise LeoBenchError(f"{path} lacks {', '.join(sorted(missing))}")
    if raw["baseline"] not in raw["variants"]:
        raise LeoBenchError(
            f"{path}: baseline {raw['baseline']!r} is not among the variants {', '.join(raw['variants'])}"
        )
    return raw


def _check_keys(table: Any, allowed: set[str], where: str) -> None:
    if not isinstance(table, Mapping):
        raise LeoBenchError(f"{where}: expected a table, got {table!r}")
    for key in table:
        if key not in allowed:
            near = get_close_matches(key, allowed, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"allowed are {', '.join(sorted(allowed))}"
            raise LeoBenchError(f"{where}: unknown key {key!r}; {hint}")


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
    only: Iterable[str] = (),
    device: str = "cpu",
    accept_stale: bool = False,
) -> Plan:
    """Expand a study file at one profile: every variant with every seed, in rounds (seed 0 of every variant, then
    seed 1, ...)."""
    study = read_study(studies, name)
    if profile not in study["profiles"]:
        raise LeoBenchError(f"study {name} has no profile {profile!r}; it has {', '.join(study['profiles'])}")
    budget = study["profiles"][profile]
    known = study["variants"]
    names = list(dict.fromkeys([study["baseline"], *budget.get("variants", known)]))
    for variant in (*names, *only, *budget.get("fewer_seeds", {})):
        if variant not in known:
            near = get_close_matches(variant, known, n=1)
            raise LeoBenchError(
                f"study {name}: unknown variant {variant!r}; "
                + (f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}")
            )
    if only:
        names = [variant for variant in dict.fromkeys([*names, *only]) if variant in set(only)]
    common = {
        "dataset": source.name,
        "device": device,
        **study.get("settings", {}),
        **budget.get("settings", {}),
    }
    seeds = list(budget["seeds"]) if seeds is None else seeds
    runs = []
    for position, seed in enumerate(seeds):
        for variant in names:
            if position < budget.get("fewer_seeds", {}).get(variant, len(seeds)):
                settings = _variant_settings(
                    known[variant], {**common, "seed": seed}, f"study {name}, variant {variant}"
                )
                runs.append(
                    PlannedRun(variant=variant, seed=seed, run_key=settings.run_key, settings=settings.canonical())
                )
    return Plan(
        study=name,
        profile=profile,
        question=study["question"],
        baseline=study["baseline"],
        margin=float(study.get("margin", 0.005)),
        switches=_switches(study, names, common),
        labels={variant: known[variant].get("label", variant.replace("_", " ")) for variant in names},
        references=[variant for variant in names if known[variant].get("reference", False)],
        numerics=provenance.numerics_digest(),
        accept_stale=accept_stale,
        runs=runs,
    )


def _variant_settings(variant: Mapping[str, Any], common: Mapping[str, Any], where: str) -> Settings:
    """A variant's own values win over the study's and the profile's."""
    values = {**common, **variant.get("set", {})}
    return make_settings(
        {"precision": default_precision(values, common["device"]), **values}, variant.get("preset", "leo"), where
    )


def _switches(study: Mapping[str, Any], names: list[str], common: Mapping[str, Any]) -> dict[str, list[str]]:
    """Switch -> variants in the order they are drawn: the baseline and those that differ from it in that setting
    first of all."""
    baseline = study["baseline"]
    variants = study["variants"]
    settings = {
        name: _variant_settings(variants[name], common, name).canonical()
        for name in names
        if not variants[name].get("reference")
    }
    if baseline not in settings:
        return {}
    switches: dict[str, list[str]] = {}
    for name in settings:
        if name != baseline:
            changed = [key for key in variants[name].get("set", {}) if settings[name][key] != settings[baseline][key]]
            preset_changes = [key for key in settings[name] if settings[name][key] != settings[baseline][key]]
            for switch in (changed or preset_changes)[:1]:
                switches.setdefault(switch, [baseline]).append(name)
    for switch, members in switches.items():
        if all(
            isinstance(settings[name][switch], int | float) and not isinstance(settings[name][switch], bool)
            for name in members
        ):
            members.sort(key=lambda name: settings[name][switch])
    return switches


def study_folder(results: Path, plan: Plan) -> Path:
    return results / f"{plan.study}-{plan.profile}"


def merge_plan(old: Plan, new: Plan) -> Plan:
    """The new plan and what the old one had beside it (other seeds, other variants), so that a part-study never drops
    runs from view.

    Old runs count by the settings they would have now: a run whose key the study file no longer gives for its variant
    and seed is dropped from the view (its folder stays in the store).
    """
    keys = {(run.variant, run.seed) for run in new.runs}
    same = {(run.variant, frozenset(_without_seed(run.settings))) for run in new.runs}
    kept = [
        run
        for run in old.runs
        if (run.variant, run.seed) not in keys
        and (
            run.variant not in {r.variant for r in new.runs}
            or (run.variant, frozenset(_without_seed(run.settings))) in same
        )
    ]
    runs = sorted([*new.runs, *kept], key=lambda run: run.seed)
    switches = dict(new.switches)
    for switch, members in old.switches.items():
        extra = [
            name for name in members if name not in switches.get(switch, []) and name in {run.variant for run in runs}
        ]
        if extra:
            switches[switch] = [*switches.get(switch, []), *extra]
    return new.model_copy(
        update={
            "runs": runs,
            "labels": old.labels | new.labels,
            "references": list(dict.fromkeys([*old.references, *new.references])),
            "switches": switches,
        }
    )


def _without_seed(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(key, repr(value)) for key, value in settings.items() if key != "seed"]


def cost(settings: Mapping[str, Any]) -> float:
    """Estimated seconds of a run on one CPU core, from the images trained on and scored; a guess that finished runs
    then correct."""
    pixels = (settings["image_size"] / 28) ** 2
    trained = settings["n_train_episodes"] * settings["n_way"] * (settings["k_shot"] + settings["n_query"])
    full = settings["learner"] == "leo" and settings["generated"] == "full"
    if settings["learner"] == "pixels":
        trained = 0
    tested = 13_180.0
    if full:
        ways = {settings["n_way"], *settings["test_n_ways"]}
        tested = (
            3
            * len(settings["test_modes"])
            * settings["n_test_episodes"]
            * sum(ways)
            * (settings["k_shot"] + settings["n_query"])
        )
    else:
        tested = min(tested, settings["n_test_episodes"] * 100.0)
    return 8 + pixels * (1.4e-3 * trained * (4 if full else 1) + 1e-3 * tested)


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
        f"  time      about {duration(max(seconds, longest))} with {jobs} at a time (measured on a quiet server core)",
        f"  disk      about {len(left) * DISK_MB:.0f} MB",
        f"  effect    {_effect_words(effect, seed_sd, known, len(seeds))}",
    ]
    return "\n".join(lines)


ASSUMED_SEED_SD = 0.03
"""Standard deviation of accuracy between seeds, as a fraction, where the study has not measured one yet: about what the
published ablations show after 2,000 episodes."""
DISK_MB = 4
"""Of one run: checkpoint, counts, logs."""


def _effect_words(effect: float | None, seed_sd: float, known: bool, n_seeds: int) -> str:
    if effect is None:
        return "one seed cannot tell a part's effect from the luck of a seed; it only screens"
    source = "measured in" if known else "assumed for"
    spread = f"spread of {100 * seed_sd:.1f} points {source} this study"
    return f"smallest detectable: {100 * effect:.1f} points with {n_seeds} seeds (80% power; {spread})"


def duration(seconds: float) -> str:
    """A length of time in words: 40 s, 12 min, 1 h 30 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
