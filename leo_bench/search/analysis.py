"""What a search's trials say, as tables in analysis/, from which the report draws. Files in, files out."""

import itertools
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import FloatDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from scipy import stats

from leo_bench.data.seeding import stream
from leo_bench.records import write_atomic
from leo_bench.records.search import Parameter, SearchPlan, Trial, Trials
from leo_bench.search.space import distribution
from leo_bench.statistics import holm

PLANTED = "planted noise"
"""A random number that no run ever saw: what its importance is, any importance can be."""
RESAMPLES = 40
TREES = 64
LEAST_TRIALS = 8
"""Complete trials below which nothing is said about importance."""
PARTS = 4
"""Of each range."""
LEVEL = 0.05


def write_analysis(plan: SearchPlan, trials: Trials, folder: Path) -> None:
    """Write analysis/*.csv of a search's folder."""
    tables = {
        "trials": trial_table(plan, trials),
        "history": history(trials),
        "importance": importance(plan, trials),
        "ranges": ranges(plan, trials),
    }
    if len(plan.objectives) > 1:
        tables["pareto"] = pareto(plan, trials)
    for name, frame in tables.items():
        write_atomic(folder / "analysis" / f"{name}.csv", frame.to_csv(index=False).encode())


def complete(trials: Trials) -> list[Trial]:
    """Trials with a value, in order of number."""
    return [trial for trial in trials.trials if trial.state == "complete"]


def accuracy(trial: Trial) -> float:
    """Of a complete trial: the first objective."""
    assert trial.values is not None
    return trial.values[0]


def trial_table(plan: SearchPlan, trials: Trials) -> pd.DataFrame:
    """One row a trial."""
    names = [parameter.name for parameter in plan.space]
    rows = [
        {
            "number": trial.number,
            "state": trial.state,
            "run_key": trial.run_key,
            **dict(zip(plan.objectives, trial.values or [], strict=False)),
            "episodes": trial.curve[-1][0] if trial.curve else None,
            **{name: trial.parameters.get(name) for name in names},
            "started": trial.started,
            "finished": trial.finished,
            "retry_of": trial.retry_of,
            "message": trial.message,
        }
        for trial in trials.trials
    ]
    columns = ["number", "state", "run_key", *plan.objectives, "episodes", *names]
    frame = pd.DataFrame(rows, columns=[*columns, "started", "finished", "retry_of", "message"])
    return frame.astype({"episodes": "Int64", "retry_of": "Int64"})


def history(trials: Trials) -> pd.DataFrame:
    """Complete trials in order, and the best accuracy so far."""
    found = complete(trials)
    values = [accuracy(trial) for trial in found]
    frame = pd.DataFrame({"number": [trial.number for trial in found], "accuracy": values})
    return frame.assign(best=frame["accuracy"].cummax())


def importance(plan: SearchPlan, trials: Trials) -> pd.DataFrame:
    """How much of the variance of accuracy each searched setting explains (functional ANOVA on a random forest), as
    mean and 5th to 95th percentile over resamples of the complete trials.

    Every resample also gives each trial a random number that no run ever saw, PLANTED: a setting is shown to matter
    where its low end is above that one's high end. Empty below LEAST_TRIALS.
    """
    columns = ["parameter", "importance", "low", "high", "planted", "n_trials", "evaluator"]
    found = complete(trials)
    if len(found) < LEAST_TRIALS or len({accuracy(trial) for trial in found}) < 2:
        return pd.DataFrame(columns=columns)
    rng = stream(plan.sampler.seed, "importance")
    samples = []
    for _ in range(RESAMPLES):
        planted = rng.random(len(found))  # one for each trial: a trial drawn twice has the same one twice
        drawn = rng.integers(len(found), size=len(found))
        samples.append(_importances(plan.space, [found[i] for i in drawn], planted[drawn], rng))
    names = [*(parameter.name for parameter in plan.space), PLANTED]
    rows = []
    for name in names:
        values = np.array([sample.get(name, 0.0) for sample in samples])
        low, high = np.quantile(values, [0.05, 0.95])
        rows.append((name, values.mean(), low, high, name == PLANTED, len(found), "fANOVA"))
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def _importances(
    space: Sequence[Parameter], trials: Sequence[Trial], planted: np.ndarray, rng: np.random.Generator
) -> dict[str, float]:
    """Shares of the variance by setting, adding up to 1."""
    spaces = {parameter.name: distribution(parameter) for parameter in space}
    spaces[PLANTED] = FloatDistribution(0.0, 1.0)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    study.add_trials(
        [
            optuna.create_trial(
                params={**trial.parameters, PLANTED: float(number)}, distributions=spaces, value=accuracy(trial)
            )
            for trial, number in zip(trials, planted, strict=True)
        ]
    )
    seed = int(rng.integers(2**31))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        evaluator = FanovaImportanceEvaluator(n_trees=TREES, seed=seed)
        return get_param_importances(study, evaluator=evaluator, normalize=True)


def ranges(plan: SearchPlan, trials: Trials) -> pd.DataFrame:
    """Which part of each range is good: complete trials in each quarter of it (of its logarithm, where the range is
    searched so), or with each choice, against those elsewhere.

    verdict: good or bad where Welch's t test against the trials elsewhere, corrected by Holm over all parts, has p
    below LEVEL; else open. Trials were drawn to where accuracy is high, so this describes and does not prove.
    """
    found = complete(trials)
    rows: list[dict[str, Any]] = []
    for parameter in plan.space:
        parts = _parts(parameter)
        place = np.array([_part_of(trial.parameters[parameter.name], parts) for trial in found])
        values = np.array([accuracy(trial) for trial in found])
        for part, (low, high, choice) in enumerate(parts):
            inside, outside = values[place == part], values[place != part]
            rows.append(
                {
                    "parameter": parameter.name,
                    "part": part,
                    "low": low,
                    "high": high,
                    "choice": choice,
                    "n_trials": len(inside),
                    "mean": inside.mean() if len(inside) else None,
                    "std_error": inside.std(ddof=1) / len(inside) ** 0.5 if len(inside) > 1 else None,
                    "best": inside.max() if len(inside) else None,
                    "p": _welch(inside, outside),
                    "higher": len(inside) > 0 and len(outside) > 0 and inside.mean() > outside.mean(),
                }
            )
    corrected = holm([row["p"] for row in rows])
    for row, p in zip(rows, corrected, strict=True):
        higher = row.pop("higher")
        row["p"] = p
        row["verdict"] = "open" if p is None or p >= LEVEL else "good" if higher else "bad"
    return pd.DataFrame(rows)


def _parts(parameter: Parameter) -> list[tuple[float | None, float | None, Any]]:
    """(low, high, choice) of each part of a range or each choice."""
    if parameter.choices is not None:
        return [(None, None, choice) for choice in parameter.choices]
    low, high = float(parameter.low or 0), float(parameter.high or 0)
    if parameter.whole and not parameter.log:
        cuts = [round(cut) for cut in np.linspace(low, high + 1, min(PARTS, int(high - low) + 1) + 1)]
        return [(float(a), float(b - 1), None) for a, b in itertools.pairwise(cuts)]
    space = np.geomspace if parameter.log else np.linspace
    cuts = space(low, high, PARTS + 1).tolist()
    return [(a, b, None) for a, b in itertools.pairwise(cuts)]


def _part_of(value: Any, parts: Sequence[tuple[float | None, float | None, Any]]) -> int:
    """Index of the part that a value lies in; a part begins with its lower end."""
    if parts[0][0] is None:
        return [choice for _, _, choice in parts].index(value)
    return max((part for part, (low, _, _) in enumerate(parts) if low is not None and low <= value), default=0)


def _welch(inside: np.ndarray, outside: np.ndarray) -> float | None:
    """None where a side has fewer than two trials, or nothing varies."""
    if min(len(inside), len(outside)) < 2 or np.ptp(inside) == np.ptp(outside) == 0:
        return None
    return float(stats.ttest_ind(inside, outside, equal_var=False).pvalue)


def pareto(plan: SearchPlan, trials: Trials) -> pd.DataFrame:
    """Complete trials of two objectives, and whether no other is at least as good in both and better in one."""
    found = [(trial.number, *(trial.values or ())) for trial in complete(trials)]
    frame = pd.DataFrame(found, columns=["number", "accuracy", "multiply_adds"])
    front = [
        not any(a >= accuracy and c <= cost and (a > accuracy or c < cost) for _, a, c in found)
        for _, accuracy, cost in found
    ]
    return frame.assign(on_front=front)
