"""Builds the folder of a search by hand: plan, trials, analysis and the study on test, that no search made."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from results_fixture import Counts, binomial_counts, make_plan, planned, write_run, write_study

from leo_bench.config import make_settings
from leo_bench.records import Plan, ValidationPoint, write_atomic, write_record
from leo_bench.records.search import Best, Choice, Parameter, Pruner, Sampler, SearchPlan, Sitting, Trial, Trials

NUMERICS = "0123456789ab"
SPACE = [
    Parameter(name="latent_dim", low=32, high=128, whole=True),
    Parameter(name="inner_lr", low=0.005, high=0.05, log=True),
    Parameter(name="outer_lr", low=0.0001, high=0.01, log=True),
    Parameter(name="inner_steps", low=3, high=10, whole=True),
]
TWO_MORE = [
    Parameter(name="width", choices=[16, 32, 64]),
    Parameter(name="encoder", choices=["separate", "shared"]),
]
TRIAL_ONLY = {"val_every": 250, "n_val_episodes": 200, "test_n_ways": (), "test_modes": ("mixed",), "test_split": "val"}
PLANTED = "planted noise"


def make_search(space: Sequence[Parameter] = SPACE, **changes: Any) -> SearchPlan:
    """search.json. `dataset` and what it takes from Settings go to trials and to the runs on test; the rest replaces
    fields of the plan."""
    dataset = changes.pop("dataset", "omniglot")
    common = {"dataset": dataset, "image_size": 28}
    fields: dict[str, Any] = {
        "search": "search",
        "profile": "cpu",
        "question": "Which settings in the documented ranges are best, and are they better than the defaults?",
        "preset": "leo",
        "margin": 0.005,
        "objectives": ["accuracy"],
        "space": list(space),
        "base": make_settings({**common, **TRIAL_ONLY}, "leo").canonical(),
        "test": make_settings({**common, "n_test_episodes": 100}, "leo").canonical(),
        "n_trials": 40,
        "sampler": Sampler(),
        "pruner": Pruner(),
        "test_seeds": [100, 101],
        "numerics": NUMERICS,
    }
    return SearchPlan(**{**fields, **changes})


def make_trial(number: int, values: Sequence[float] | None = None, **fields: Any) -> Trial:
    """A complete trial where there are values, else a pruned one unless told otherwise."""
    state = "complete" if values is not None else "pruned"
    parameters = {"latent_dim": 32 + number, "inner_lr": 0.01, "outer_lr": 0.001, "inner_steps": 3}
    given = {
        "state": state,
        "parameters": parameters,
        "run_key": f"{number:016x}",
        "values": None if values is None else list(values),
        "started": f"2026-01-02T03:{number:02d}:00+00:00",
        "finished": f"2026-01-02T03:{number:02d}:59+00:00",
    }
    return Trial(number=number, **{**given, **fields})


def write_search(
    results: Path,
    plan: SearchPlan,
    trials: Sequence[Trial],
    best: Best | None = None,
    sittings: Sequence[Sitting] = (Sitting(started="2026-01-02T03:00:00+00:00", jobs=1, first_trial=0),),
) -> Path:
    """search.json, trials.json and, where the search has chosen, best.json."""
    folder = results / f"{plan.search}-{plan.profile}"
    write_record(folder / "search.json", plan)
    write_record(folder / "trials.json", Trials(sittings=list(sittings), trials=list(trials)))
    if best is not None:
        write_record(folder / "best.json", best)
    return folder


def write_table(folder: Path, name: str, rows: Sequence[Mapping[str, Any]], columns: str = "") -> None:
    """analysis/<name>.csv."""
    frame = pd.DataFrame(list(rows), columns=columns.split() or None)
    write_atomic(folder / f"analysis/{name}.csv", frame.to_csv(index=False).encode())


IMPORTANCE = "parameter importance low high planted n_trials evaluator"
RANGES = "parameter part low high choice n_trials mean std_error best p verdict"


def importance_row(parameter: str, importance: float, low: float, high: float, n_trials: int) -> dict[str, Any]:
    """A row of importance.csv."""
    own = {"parameter": parameter, "importance": importance, "low": low, "high": high, "planted": parameter == PLANTED}
    return {**own, "n_trials": n_trials, "evaluator": "fANOVA"}


def parts_of(parameter: Parameter) -> list[tuple[float | None, float | None, Any]]:
    """(low, high, choice) of the parts of a range, as a search cuts it."""
    if parameter.choices is not None:
        return [(None, None, choice) for choice in parameter.choices]
    assert parameter.low is not None and parameter.high is not None
    if parameter.whole:
        cuts = [round(cut) for cut in np.linspace(parameter.low, parameter.high + 1, 5)]
        return [(a, b - 1, None) for a, b in itertools.pairwise(cuts)]
    edges = (np.geomspace if parameter.log else np.linspace)(parameter.low, parameter.high, 5).tolist()
    return [(a, b, None) for a, b in itertools.pairwise(edges)]


def range_rows(space: Sequence[Parameter], trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Rows of ranges.csv: means and standard errors as they are, a verdict where they are far from the rest."""
    found = [trial for trial in trials if trial.values]
    overall = float(np.mean([trial.values[0] for trial in found if trial.values]))
    rows = []
    for parameter in space:
        for part, (low, high, choice) in enumerate(parts_of(parameter)):
            inside = []
            for trial in found:
                value = trial.parameters[parameter.name]
                here = value == choice if low is None or high is None else low <= float(value) <= high
                inside += [trial.values[0]] * here if trial.values else []
            n, mean = len(inside), float(np.mean(inside)) if inside else None
            error = float(np.std(inside, ddof=1) / n**0.5) if n > 1 else None
            far = mean is not None and error is not None and abs(mean - overall) > 2.5 * error
            verdict = "open" if not far else "good" if mean is not None and mean > overall else "bad"
            row = {"parameter": parameter.name, "part": part, "low": low, "high": high, "choice": choice}
            best = max(inside, default=None)
            p = None if mean is None or error is None else 0.01 if far else 0.5
            row |= {"n_trials": n, "mean": mean, "std_error": error, "best": best, "p": p, "verdict": verdict}
            rows.append(row)
    return rows


def make_test_plan(plan: SearchPlan, best: Best) -> Plan:
    """The study that measures the choices and the defaults on test."""
    variants: dict[str, dict[str, Any]] = {"default": {}} | {one.variant: dict(one.parameters) for one in best.choices}
    own = {name: tuple(value) if isinstance(value, list) else value for name, value in plan.test.items()}
    made = make_plan(variants, plan.test_seeds, base=own, study=f"{plan.search}_best", profile=plan.profile)
    return made.model_copy(
        update={"labels": {"default": "defaults", "best": "best of the search", "cheap": "cheapest"}}
    )


def write_tested(
    results: Path, plan: Plan, counts: Counts, validation: Mapping[tuple[str, int], float] | None = None
) -> Path:
    """Done runs of that study. validation: (variant, seed) -> accuracy on validation characters once trained."""
    for run in plan.runs:
        changes: dict[str, Any] = {}
        if validation is not None:
            point = ValidationPoint(
                episode=run.settings["n_train_episodes"],
                accuracy=validation[run.variant, run.seed],
                accuracy_before=validation[run.variant, run.seed],
            )
            changes["validation"] = [point]
        write_run(results, plan, run, counts, **changes)
    return write_study(results, plan)


def write_trial_run(results: Path, plan: SearchPlan, trial: Trial) -> str:
    """A complete trial's run in the store, scored on validation characters; returns its key."""
    assert trial.values is not None
    settings = make_settings({**plan.base, **trial.parameters})
    run = planned(settings, "trial", plan.numerics)
    n_episodes, n_queries = settings.n_test_episodes, settings.n_way * settings.n_query
    correct = round(trial.values[0] * n_episodes * n_queries)
    by_episode = np.full(n_episodes, correct // n_episodes)
    by_episode[: correct % n_episodes] += 1
    steps = settings.inner_steps + 1
    write_run(results, make_plan({"leo": {}}, [0]), run, lambda *_: np.repeat(by_episode[:, None], steps, axis=1))
    return settings.run_key


def plausible_accuracy(parameters: Mapping[str, Any]) -> float:
    """Return the accuracy of an invented learner: the outer rate matters most, the rest little."""
    outer = np.log10(float(parameters["outer_lr"])) + 2.6
    inner = np.log10(float(parameters["inner_lr"])) + 1.6
    small = 0.03 * (64 - int(parameters.get("width", 64))) / 48
    own = 0.035 if parameters.get("encoder") == "shared" else 0.0
    return float(
        0.845 + own - small - 0.13 * outer**2 - 0.05 * inner**2 + 0.0001 * (int(parameters["latent_dim"]) - 80)
    )


def plausible_cost(parameters: Mapping[str, Any]) -> float:
    """Multiply-adds of answering an episode, about as they are."""
    width = int(parameters.get("width", 64))
    passes = 1.0 if parameters.get("encoder") == "shared" else 1.3
    return (
        8.2e8 * (width / 64) ** 2 * passes + 2.1e6 * int(parameters["inner_steps"]) * int(parameters["latent_dim"]) / 64
    )


def plausible_trials(
    space: Sequence[Parameter], n_trials: int, costly: bool = False, prune: bool = True
) -> list[Trial]:
    """A sequence as a sampler that learns might make it: ten at random, then more and more around the best; some
    pruned, one failed, one done again, one still running."""
    rng = np.random.default_rng(1)
    trials: list[Trial] = []
    curves: list[list[tuple[int, float]]] = []
    for number in range(n_trials):
        done = [trial for trial in trials if trial.values]
        best = max(done, key=lambda trial: (trial.values or [0])[0]).parameters if done and number >= 10 else None
        near = 0.35 if best is None or rng.random() < 0.15 else 0.18
        parameters: dict[str, Any] = {}
        for parameter in space:
            if parameter.choices is not None:
                free = best is None or rng.random() < 0.35
                pick = parameter.choices[int(rng.integers(len(parameter.choices)))]
                parameters[parameter.name] = pick if free or best is None else best[parameter.name]
                continue
            assert parameter.low is not None and parameter.high is not None
            low, high = np.log([parameter.low, parameter.high]) if parameter.log else (parameter.low, parameter.high)
            share = rng.random()
            if best is not None:
                own = float(best[parameter.name])
                share = np.clip((np.log(own) if parameter.log else own) - low, 0, high - low) / (high - low)
                share = float(np.clip(share + rng.normal(0, near), 0, 1))
            value = low + share * (high - low)
            value = float(np.clip(np.exp(value) if parameter.log else value, parameter.low, parameter.high))
            parameters[parameter.name] = round(value) if parameter.whole else value
        final = float(np.clip(plausible_accuracy(parameters) + rng.normal(0, 0.012), 0.2, 0.99))
        final = round(final * 75_000) / 75_000  # as 1,000 episodes of 75 queries give it
        episodes = np.arange(250, 2001, 250)
        rise = 1 - np.exp(-episodes / rng.uniform(350, 550))
        curve = [
            (int(at), float(np.clip(0.2 + (final - 0.2) * share + rng.normal(0, 0.01), 0.15, 1)))
            for at, share in zip(episodes, rise, strict=True)
        ]
        cut = None
        if prune and len(curves) >= 5:
            for index in range(2, len(curve) - 1):
                if curve[index][1] < float(np.median([other[index][1] for other in curves])) - 0.02:
                    cut = index
                    break
        fields: dict[str, Any] = {"parameters": parameters, "curve": curve}
        if number == 17:
            message = "the training loss became nan by episode 412; lower inner_lr or outer_lr"
            trials.append(
                make_trial(number, None, state="failed", message=message, parameters=parameters, curve=curve[:1])
            )
        elif number == n_trials - 1:
            trials.append(
                make_trial(number, None, state="running", parameters=parameters, curve=curve[:3], finished=None)
            )
        elif cut is not None:
            episode, accuracy = curve[cut]
            fields["message"] = f"validation accuracy {accuracy:.1%} at episode {episode}, below the median of others"
            trials.append(make_trial(number, None, **{**fields, "curve": curve[: cut + 1]}))
        else:
            curves.append(curve)
            values = [final, plausible_cost(parameters)] if costly else [final]
            again = {"retry_of": 17} if number == 18 else {}
            trials.append(make_trial(number, values, **fields, **again))
    return trials


def write_big_search(results: Path, n_trials: int = 40, costly: bool = False, **changes: Any) -> Path:
    """A search that looks like a real one, with everything beside it; costly: with two objectives and six settings."""
    space = [*SPACE, *TWO_MORE] if costly else SPACE
    given: dict[str, Any] = {"n_trials": n_trials, "test_seeds": [100, 101, 102, 103, 104], **changes}
    if costly:
        given |= {"search": "pareto", "objectives": ["accuracy", "multiply_adds"], "pruner": None}
    plan = make_search(space, **given)
    trials = []
    for trial in plausible_trials(space, n_trials, costly, prune=not costly):
        key = write_trial_run(results, plan, trial) if trial.values else trial.run_key
        trials.append(trial.model_copy(update={"run_key": key}))
    found = [trial for trial in trials if trial.values]
    top = max(found, key=lambda trial: (trial.values or [0])[0])
    choices = [Choice(variant="best", number=top.number, parameters=top.parameters, values=top.values or [])]
    if costly:
        near = [trial for trial in found if trial.values and top.values and trial.values[0] >= top.values[0] - 0.03]
        cheap = min(near, key=lambda trial: (trial.values or [0, 0])[1])
        choices.append(
            Choice(variant="cheap", number=cheap.number, parameters=cheap.parameters, values=cheap.values or [])
        )
    best = Best(study=f"{plan.search}_best-{plan.profile}", choices=choices)
    sittings = [Sitting(started="2026-01-02T03:00:00+00:00", jobs=2, first_trial=0)]
    sittings += [Sitting(started="2026-01-02T09:00:00+00:00", jobs=2, first_trial=21)]
    folder = write_search(results, plan, trials, best, sittings)
    shares = {"outer_lr": 0.58, "inner_lr": 0.16, "latent_dim": 0.09, "inner_steps": 0.08, PLANTED: 0.09}
    if costly:
        shares = {"outer_lr": 0.41, "encoder": 0.2, "width": 0.14, "inner_lr": 0.07, "latent_dim": 0.06}
        shares |= {"inner_steps": 0.06, PLANTED: 0.06}
    rows = [importance_row(name, share, 0.55 * share, 1.5 * share, len(found)) for name, share in shares.items()]
    write_table(folder, "importance", sorted(rows, key=lambda row: -row["importance"]))
    write_table(folder, "ranges", range_rows(space, trials))
    tested = make_test_plan(plan, best)

    def accuracy(variant: str, seed: int, n_way: int, mode: str) -> tuple[float, float]:
        settings = next(run.settings for run in tested.runs if run.variant == variant)
        noise = np.random.default_rng([seed, *variant.encode()]).normal(0, 0.012)
        mean = plausible_accuracy(settings) + noise - 0.01 - 0.2 * (n_way == 20) - 0.07 * (mode != "mixed")
        return mean - 0.004, mean

    steps = {run.variant: run.settings["inner_steps"] for run in tested.runs}
    validation = {
        (run.variant, run.seed): accuracy(run.variant, run.seed, 5, "mixed")[1] + 0.008 for run in tested.runs
    }
    write_tested(results, tested, binomial_counts(accuracy, 100, steps), validation)
    return folder
