"""Studies: a file in studies/ -> a plan of runs -> runs done or resumed, each in a process of its own.

The store results/runs/ holds every run once, under its key; a study is a view of it. What is done is never done again, whichever study asks.
Neither torch nor Sacred is imported here: the runs' own processes do that.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from leo_bench import provenance
from leo_bench.config import SCHEMA_VERSION, Settings, bfloat16_is_fast, make_settings
from leo_bench.data.locate import DataSource
from leo_bench.errors import LeoBenchError
from leo_bench.records import (
    RUNS,
    AttemptStatus,
    Plan,
    PlannedRun,
    RunState,
    StudyView,
    is_held,
    load_study,
    read_record,
    run_state,
    write_atomic,
    write_record,
    write_settings,
    write_tables,
)
from leo_bench.stats import minimum_detectable_effect

PROFILES = ("smoke", "quick", "cpu", "official")
MAX_ATTEMPTS = 3
"""Attempts of one run that may fail or die before it is left alone; being stopped by the user does not count."""

STUDY_KEYS = {"question", "baseline", "margin", "settings", "profiles", "variants"}
PROFILE_KEYS = {"settings", "seeds", "variants", "fewer_seeds"}
VARIANT_KEYS = {"preset", "set", "label", "reference"}


def study_names(studies: Path) -> list[str]:
    """Studies that there are, by name."""
    return sorted(path.stem for path in studies.glob("*.toml"))


def read_study(studies: Path, name: str) -> dict[str, Any]:
    """A study file, its keys checked. Raises LeoBenchError when it is missing, not TOML, or has a key that nothing reads."""
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
        raise LeoBenchError(f"{path}: baseline {raw['baseline']!r} is not among the variants {', '.join(raw['variants'])}")
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
    """"3", "0-4" or "0,2,5-7" as a list of seeds."""
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
    """Expand a study file at one profile: every variant with every seed, in rounds (seed 0 of every variant, then seed 1, ...)."""
    study = read_study(studies, name)
    if profile not in study["profiles"]:
        raise LeoBenchError(f"study {name} has no profile {profile!r}; it has {', '.join(study['profiles'])}")
    budget = study["profiles"][profile]
    known = study["variants"]
    names = list(dict.fromkeys([study["baseline"], *budget.get("variants", known)]))
    for variant in (*names, *only, *budget.get("fewer_seeds", {})):
        if variant not in known:
            near = get_close_matches(variant, known, n=1)
            raise LeoBenchError(f"study {name}: unknown variant {variant!r}; " + (f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"))
    if only:
        names = [variant for variant in dict.fromkeys([*names, *only]) if variant in set(only)]
    common = {
        "dataset": source.name,
        "device": device,
        "precision": "bfloat16" if bfloat16_is_fast(device) else "float32",
        **study.get("settings", {}),
        **budget.get("settings", {}),
    }
    seeds = list(budget["seeds"]) if seeds is None else seeds
    runs = []
    for position, seed in enumerate(seeds):
        for variant in names:
            if position < budget.get("fewer_seeds", {}).get(variant, len(seeds)):
                settings = _variant_settings(known[variant], {**common, "seed": seed}, f"study {name}, variant {variant}")
                runs.append(PlannedRun(variant=variant, seed=seed, run_key=settings.run_key, settings=settings.canonical()))
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
    return make_settings({**common, **variant.get("set", {})}, variant.get("preset", "leo"), where)


def _switches(study: Mapping[str, Any], names: list[str], common: Mapping[str, Any]) -> dict[str, list[str]]:
    """Switch -> variants in the order they are drawn: the baseline and those that differ from it in that setting first of all."""
    baseline = study["baseline"]
    variants = study["variants"]
    settings = {name: _variant_settings(variants[name], common, name).canonical() for name in names if not variants[name].get("reference")}
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
        if all(isinstance(settings[name][switch], int | float) and not isinstance(settings[name][switch], bool) for name in members):
            members.sort(key=lambda name: settings[name][switch])
    return switches


def study_folder(results: Path, plan: Plan) -> Path:
    return results / f"{plan.study}-{plan.profile}"


def merge_plan(old: Plan, new: Plan) -> Plan:
    """The new plan and what the old one had beside it (other seeds, other variants), so that a part-study never drops runs from view.

    Old runs count by the settings they would have now: a run whose key the study file no longer gives for its variant and seed is
    dropped from the view (its folder stays in the store).
    """
    keys = {(run.variant, run.seed) for run in new.runs}
    same = {(run.variant, frozenset(_without_seed(run.settings))) for run in new.runs}
    kept = [
        run
        for run in old.runs
        if (run.variant, run.seed) not in keys
        and (run.variant not in {r.variant for r in new.runs} or (run.variant, frozenset(_without_seed(run.settings))) in same)
    ]
    runs = sorted([*new.runs, *kept], key=lambda run: run.seed)
    switches = dict(new.switches)
    for switch, members in old.switches.items():
        extra = [name for name in members if name not in switches.get(switch, []) and name in {run.variant for run in runs}]
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
    """Estimated seconds of a run on one CPU core, from the images trained on and scored; a guess that finished runs then correct."""
    pixels = (settings["image_size"] / 28) ** 2
    trained = settings["n_train_episodes"] * settings["n_way"] * (settings["k_shot"] + settings["n_query"])
    full = settings["learner"] == "leo" and settings["generated"] == "full"
    if settings["learner"] == "pixels":
        trained = 0
    tested = 13_180.0
    if full:
        ways = {settings["n_way"], *settings["test_n_ways"]}
        tested = 3 * len(settings["test_modes"]) * settings["n_test_episodes"] * sum(ways) * (settings["k_shot"] + settings["n_query"])
    else:
        tested = min(tested, settings["n_test_episodes"] * 100.0)
    return 8 + pixels * (1.2e-3 * trained * (4.5 if full else 1) + 6e-4 * tested)


@dataclass
class _Child:
    run: PlannedRun
    process: subprocess.Popen[bytes]
    folder: Path
    began: float


@dataclass
class StudyRunner:
    """Does what a plan still lacks, `jobs` runs at a time, and keeps view and report up to date."""

    plan: Plan
    """What to do."""
    view: Plan
    """What the study's folder shows: the plan, and runs that earlier calls asked for beside it."""
    results: Path
    jobs: int
    data: Path | None = None
    on_change: Callable[[], None] = lambda: None
    """Called after each run that ended: refreshes the report."""
    say: Callable[[str], None] = print
    children: list[_Child] = field(default_factory=list)
    durations: list[tuple[float, float]] = field(default_factory=list)
    """Estimated and real seconds of the runs done here."""

    @property
    def store(self) -> Path:
        return self.results / RUNS

    def state(self, run: PlannedRun) -> RunState:
        return run_state(run, self.store / run.run_key, self.plan.numerics, self.plan.accept_stale)

    def run(self) -> StudyView:
        """Returns the study's view when nothing is left to do. On Ctrl-C or SIGTERM stops the runs, then raises KeyboardInterrupt."""
        folder = study_folder(self.results, self.plan)
        write_record(folder / "study.json", self.view)
        states = [self.state(run) for run in self.plan.runs]
        self._refresh()
        queue = [state.planned for state in states if state.status != "done"]
        given_up: list[str] = []
        bar = tqdm(total=len(states), initial=len(states) - len(queue), unit="run", disable=not sys.stderr.isatty(), leave=False)
        previous = signal.signal(signal.SIGTERM, _interrupt)
        try:
            while queue or self.children:
                while queue and len(self.children) < self.jobs:
                    run = queue.pop(0)
                    if self._held_elsewhere(run):
                        queue.append(run)
                        break
                    if self._may_start(run, given_up):
                        self._start(run)
                    else:
                        bar.update()
                time.sleep(0.2)
                bar.set_postfix_str(f"{self._eta(queue)} left", refresh=False)
                for child in [child for child in self.children if child.process.poll() is not None]:
                    self.children.remove(child)
                    if self._ended(child):
                        queue.insert(0, child.run)
                    else:
                        bar.update()
                        done = sum(self.state(run).status == "done" for run in self.plan.runs)
                        self.say(f"[{done}/{len(states)}] {self._sentence(child)}; about {self._eta(queue)} left")
                    self._refresh()
        except KeyboardInterrupt:
            self._stop()
            raise
        finally:
            signal.signal(signal.SIGTERM, previous)
            bar.close()
            self._refresh()
        return load_study(folder)

    def _held_elsewhere(self, run: PlannedRun) -> bool:
        return is_held(self.store / run.run_key)

    def _may_start(self, run: PlannedRun, given_up: list[str]) -> bool:
        """False when the run is done by now or has used up its attempts."""
        folder = self.store / run.run_key
        state = self.state(run)
        if state.status == "done" or run.run_key in given_up:
            return False
        if counted_attempts(folder) >= MAX_ATTEMPTS:
            given_up.append(run.run_key)
            self.say(f"{run.variant} seed {run.seed} is left alone after {MAX_ATTEMPTS} failed attempts: {state.message} (see {folder})")
            return False
        if state.status in ("stale", "corrupt"):
            self.say(f"{run.variant} seed {run.seed} is {state.status} and done again: {state.message}")
            set_aside(folder)
        return True

    def _start(self, run: PlannedRun) -> None:
        folder = self.store / run.run_key
        settings = make_settings(run.settings)
        write_settings(folder, settings)
        command = [sys.executable, "-m", "leo_bench.experiment", str(folder)]
        if self.data:
            command += ["--data", str(self.data)]
        threads = str(settings.threads)
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
        with (folder / "stderr.txt").open("wb") as errors:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, env=environment, start_new_session=True
            )
        self.children.append(_Child(run, process, folder, time.monotonic()))

    def _ended(self, child: _Child) -> bool:
        """Note how a run's process ended. Returns whether to try again at once: it was killed, or held by another process."""
        code = child.process.returncode
        if code == 0:
            self.durations.append((cost(child.run.settings), time.monotonic() - child.began))
            return False
        if code == 75:
            return True
        if code in (1, 130):
            return False
        note_death(child.folder, code)
        return counted_attempts(child.folder) < MAX_ATTEMPTS

    def _sentence(self, child: _Child) -> str:
        state = self.state(child.run)
        name = f"{child.run.variant} seed {child.run.seed}"
        if state.status != "done" or state.result is None:
            return f"{name} {state.status.upper()}: {state.message}"
        test = state.result.headline
        shape = f"{test.n_way}-way {test.k_shot}-shot"
        return f"{name}: {test.accuracy:.1%} +- {100 * test.accuracy_ci95:.1f} ({shape}), {time.monotonic() - child.began:.0f} s"

    def _eta(self, queue: list[PlannedRun]) -> str:
        left = sum(cost(run.settings) for run in queue)
        left += sum(max(cost(child.run.settings) - (time.monotonic() - child.began), 0) for child in self.children)
        return duration(left * self._correction() / self.jobs)

    def _correction(self) -> float:
        """Real over estimated seconds, from the runs done so far."""
        estimated = sum(estimate for estimate, _ in self.durations)
        return sum(real for _, real in self.durations) / estimated if estimated else 1.0

    def _refresh(self) -> None:
        write_tables(load_study(study_folder(self.results, self.plan)))
        self.on_change()

    def _stop(self) -> None:
        for child in self.children:
            child.process.terminate()
        for child in self.children:
            try:
                child.process.wait(30)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
                note_death(child.folder, child.process.returncode)
        self.children.clear()


def _interrupt(_signal: int, _frame: Any) -> None:
    raise KeyboardInterrupt


def attempts(folder: Path) -> list[Path]:
    """A run's attempt folders, first one first."""
    return sorted(folder.glob("attempt-*"), key=lambda path: int(path.name.removeprefix("attempt-")))


def counted_attempts(folder: Path) -> int:
    """Attempts that failed or died since the run was last set aside."""
    return sum(_counts(attempt) for attempt in attempts(folder))


def _counts(attempt: Path) -> bool:
    if (attempt / "set-aside").exists():
        return False
    try:
        status = read_record(attempt / "status.json", AttemptStatus)
    except LeoBenchError:
        return True
    return status.status == "failed"


def note_death(folder: Path, code: int) -> None:
    """Write down, in the last attempt's status, that its process died without doing so itself."""
    found = attempts(folder)
    if not found:  # it died before its first attempt
        found = [folder / "attempt-1"]
    try:
        status = read_record(found[-1] / "status.json", AttemptStatus)
    except LeoBenchError:
        status = AttemptStatus(status="running", started="unknown")
    if status.status == "running":
        how = f"killed by signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"ended with exit code {code}"
        tail = " ".join((folder / "stderr.txt").read_text(errors="replace").split())[-300:] if (folder / "stderr.txt").exists() else ""
        message = f"process {how}" + (f": {tail}" if code > 0 and tail else "")
        write_record(found[-1] / "status.json", status.model_copy(update={"status": "failed", "message": message}))


def set_aside(folder: Path) -> None:
    """Keep a stale or corrupt result under its attempt, so that the run can be done again; its attempts count no more."""
    kept = [*attempts(folder)] or [folder / "attempt-0"]
    kept[-1].mkdir(exist_ok=True)
    for name in ("result.json", "episodes.npz", "checkpoint.safetensors"):
        if (folder / name).exists():
            (folder / name).replace(kept[-1] / name)
    for attempt in kept:
        (attempt / "set-aside").touch()


def plan_words(plan: Plan, results: Path, jobs: int) -> str:
    """What a plan asks for before it starts: runs, time, disk, and the smallest effect that its seeds can show."""
    states = [run_state(run, results / RUNS / run.run_key, plan.numerics, plan.accept_stale) for run in plan.runs]
    left = [state.planned for state in states if state.status != "done"]
    seeds = sorted({run.seed for run in plan.runs})
    variants = list(dict.fromkeys(run.variant for run in plan.runs))
    seconds = sum(cost(run.settings) for run in left) / jobs
    longest = max((cost(run.settings) for run in left), default=0)
    spread = [state.result.headline.accuracy for state in states if state.result and state.planned.variant == plan.baseline]
    known = len(spread) > 2
    seed_sd = float(np.std(spread, ddof=1)) if known else ASSUMED_SEED_SD
    effect = minimum_detectable_effect(seed_sd, len(seeds))
    settings = plan.runs[0].settings
    lines = [
        f"study {plan.study}, profile {plan.profile}: {plan.question}",
        f"  data      {settings['dataset']}, {settings['image_size']}x{settings['image_size']}, {settings['n_train_episodes']:,} training episodes",
        f"  runs      {len(states)}: {len(variants)} variants, seeds {', '.join(map(str, seeds))}; {len(states) - len(left)} done, {len(left)} to do",
        f"  time      about {duration(max(seconds, longest))} with {jobs} at a time on CPU cores like those this was measured on",
        f"  disk      about {len(left) * DISK_MB:.0f} MB",
        f"  effect    {_effect_words(effect, seed_sd, known, len(seeds))}",
    ]
    return "\n".join(lines)


ASSUMED_SEED_SD = 0.006
"""Standard deviation of paired differences between seeds, as a fraction, where the study has not measured one yet."""
DISK_MB = 4
"""Of one run: checkpoint, counts, logs."""


def _effect_words(effect: float | None, seed_sd: float, known: bool, n_seeds: int) -> str:
    if effect is None:
        return "one seed cannot tell a part's effect from the luck of a seed; it only screens"
    source = "measured in" if known else "assumed for"
    return f"smallest detectable: {100 * effect:.1f} points with {n_seeds} seeds (80% power; spread of {100 * seed_sd:.1f} points {source} this study)"


def duration(seconds: float) -> str:
    """A length of time in words: 40 s, 12 min, 1 h 30 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


PUBLISHED = ("settings.json", "result.json", "episodes.npz")
"""What is published of a run. Logs and Sacred's records stay behind: they hold host names and paths."""


def publish(results: Path, name: str, profile: str, partial: bool) -> Path:
    """Copy a study's done runs and plan to results/official/. Raises LeoBenchError when runs are missing (unless partial).

    Published runs stay when a later call finds them missing from the store, so that it can be repeated as runs arrive.
    """
    folder = results / f"{name}-{profile}"
    view = load_study(folder)
    waiting = [run for run in view.runs if run.status != "done"]
    if not view.done:
        raise LeoBenchError(f"study {name}-{profile} has no done run to publish; run it first")
    if waiting and not partial:
        first = waiting[0]
        raise LeoBenchError(
            f"{len(waiting)} of {len(view.runs)} runs are not done (first: {first.planned.variant} seed {first.planned.seed}, {first.status}); "
            "finish the study, or publish what there is with --partial"
        )
    digests = {run.result.numerics for run in view.done if run.result}
    if len(digests) > 1:
        raise LeoBenchError(f"runs of {len(digests)} numerics digests ({', '.join(sorted(digests))}) cannot be published as one study; redo the stale ones")
    target = results / "official" / folder.name
    write_record(target / "study.json", view.plan.model_copy(update={"numerics": digests.pop(), "accept_stale": False}))
    planned = {run.planned.run_key for run in view.runs}
    for old in (target / RUNS).glob("*"):
        if old.name not in planned:
            shutil.rmtree(old)
    for run in view.done:
        for file in PUBLISHED:
            write_atomic(target / RUNS / run.planned.run_key / file, (run.folder / file).read_bytes())
    write_tables(load_study(target))
    return target
