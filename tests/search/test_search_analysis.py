"""Tables of the trials, by hand and with planted truths."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_search import small_plan

from leo_bench.records.search import Parameter, SearchPlan, Trial, Trials
from leo_bench.search.analysis import history, pareto, trial_table, write_analysis
from leo_bench.search.importance import PLANTED, importance
from leo_bench.search.ranges import ranges

FEW = {"n_resamples": 10, "n_trees": 16}
"""Enough for what these tests look at, in a sixteenth of the time."""


def trials_of(*rows: tuple[dict[str, Any], list[float] | None]) -> Trials:
    """Complete trials with these parameters and values; pruned ones where there is no value."""
    return Trials(
        sittings=[],
        trials=[
            Trial(
                number=number,
                state="complete" if values else "pruned",
                parameters=parameters,
                values=values,
                curve=[(4, 0.1), (8, 0.2)],
            )
            for number, (parameters, values) in enumerate(rows)
        ],
    )


def test_history_keeps_the_best_so_far() -> None:
    frame = history(trials_of(*[({}, [value] if value else None) for value in (0.3, 0, 0.2, 0.5, 0.4)]))
    assert frame["number"].tolist() == [0, 2, 3, 4]
    assert frame["best"].tolist() == [0.3, 0.3, 0.5, 0.5]
    assert history(trials_of()).empty


def test_the_front_is_what_nothing_beats_in_both() -> None:
    values = [[0.9, 100.0], [0.8, 50.0], [0.8, 60.0], [0.7, 50.0], [0.95, 200.0], [0.9, 100.0]]
    frame = pareto(trials_of(*[({}, value) for value in values]))
    assert frame["on_front"].tolist() == [True, True, False, False, True, True]


def test_one_row_a_trial(plan: SearchPlan) -> None:
    frame = trial_table(plan, trials_of(({"latent_dim": 5}, [0.5]), ({"latent_dim": 6}, None)))
    assert frame["state"].tolist() == ["complete", "pruned"]
    assert frame["accuracy"].isna().tolist() == [False, True]
    assert frame["episodes"].tolist() == [8, 8]
    assert frame["latent_dim"].tolist() == [5, 6]


SPACE = [
    Parameter(name="inner_lr", low=0.01, high=0.16, log=True),  # quarters from 0.01, 0.02, 0.04, 0.08
    Parameter(name="latent_dim", low=1, high=8, whole=True),  # 1-2, 3-4, 5-6, 7-8
    Parameter(name="inner_steps", low=0, high=2, whole=True),  # 0, 1, 2
    Parameter(name="relation", choices=["pairwise", "none"]),
]


def drawn(n: int, value: Any, seed: int = 0) -> tuple[SearchPlan, Trials]:
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(n):
        parameters = {
            "inner_lr": float(0.01 * 16 ** rng.random()),
            "latent_dim": int(rng.integers(1, 9)),
            "inner_steps": int(rng.integers(0, 3)),
            "relation": ["pairwise", "none"][rng.integers(2)],
        }
        rows.append((parameters, [float(value(parameters, rng))]))
    return small_plan(space=SPACE), trials_of(*rows)


def test_parts_of_a_range_end_where_the_next_begins() -> None:
    ends = [0.01, 0.0199, 0.0201, 0.16]
    rows = [({"inner_lr": lr, "latent_dim": d, "inner_steps": s, "relation": r}, [a]) for lr, d, s, r, a in zip(
        ends, (1, 2, 3, 8), (0, 0, 1, 2), ("pairwise", "none", "none", "none"), (0.1, 0.2, 0.3, 0.4), strict=True
    )]  # fmt: skip
    frame = ranges(small_plan(space=SPACE), trials_of(*rows)).set_index(["parameter", "part"])
    assert frame.loc["inner_lr", "n_trials"].tolist() == [2, 1, 0, 1]
    assert frame.loc["latent_dim", "n_trials"].tolist() == [2, 1, 0, 1]
    assert frame.loc["inner_steps", "n_trials"].tolist() == [2, 1, 1]
    assert frame.loc["relation", "n_trials"].tolist() == [1, 3]
    first = frame.loc[("inner_lr", 0)]
    assert first["mean"] == pytest.approx(0.15)
    assert first["std_error"] == pytest.approx(0.05)  # half the distance of two
    assert first["best"] == 0.2
    assert frame["low"].iloc[:4].tolist() == pytest.approx([0.01, 0.02, 0.04, 0.08])


def test_a_good_part_is_found_and_nothing_else() -> None:
    plan, trials = drawn(80, lambda p, rng: 0.5 + 0.1 * (p["inner_lr"] >= 0.08) + 0.02 * rng.standard_normal())
    frame = ranges(plan, trials)
    good = frame[frame["verdict"] == "good"]
    assert good[["parameter", "part"]].values.tolist() == [["inner_lr", 3]]
    noise = ranges(*drawn(80, lambda p, rng: rng.random()))
    assert set(noise["verdict"]) == {"open"}


def test_importance_finds_what_matters_and_no_planted_constant() -> None:
    def value(p: dict[str, Any], rng: np.random.Generator) -> float:
        steps = np.log(p["inner_lr"]) + 0.3 * (p["relation"] == "none") + 0.05 * rng.standard_normal()
        return float(0.9 + 0.1 * steps)  # -4.8 to -1.4, as an accuracy

    plan, trials = drawn(40, value)
    constant = [
        trial.model_copy(update={"parameters": {**trial.parameters, "inner_steps": 1}}) for trial in trials.trials
    ]
    frame = importance(plan, trials.model_copy(update={"trials": constant}), **FEW).set_index("parameter")
    assert set(frame.index) == {"inner_lr", "latent_dim", "inner_steps", "relation", PLANTED}
    assert frame["importance"].idxmax() == "inner_lr"
    assert frame.loc["inner_lr", "low"] > 0.5
    assert frame.loc["inner_steps", ["importance", "low", "high"]].tolist() == [0.0, 0.0, 0.0]
    floor = frame.loc[PLANTED, "high"]
    assert frame.loc["inner_lr", "low"] > floor
    assert frame.loc["latent_dim", "low"] < floor  # never used
    assert frame["planted"].sum() == 1
    assert frame["importance"].sum() == pytest.approx(1.0)


@pytest.mark.slow
def test_where_nothing_matters_nothing_is_above_the_planted_number() -> None:
    above, low = 0, []
    for seed in range(5):
        frame = importance(*drawn(40, lambda p, rng: rng.random(), seed), **FEW).set_index("parameter")
        others = frame.drop(PLANTED)
        above += int((others["low"] > frame.loc[PLANTED, "high"]).sum())
        low.append(frame.loc[PLANTED, "importance"] / others.loc["inner_lr", "importance"])
    assert above == 0
    assert 0.6 < float(np.median(low)) < 1.6  # it gets as much as a setting with as many values


def test_nothing_is_said_of_importance_with_few_trials() -> None:
    assert importance(*drawn(7, lambda p, rng: rng.random())).empty
    assert importance(*drawn(20, lambda p, rng: 0.5)).empty


def test_the_tables_are_files(tmp_path: Path) -> None:
    plan, trials = drawn(3, lambda p, rng: rng.random())
    write_analysis(plan, trials, tmp_path)
    found = {path.stem for path in (tmp_path / "analysis").glob("*.csv")}
    assert found == {"trials", "history", "importance", "ranges"}
    read = pd.read_csv(tmp_path / "analysis" / "trials.csv")
    assert len(read) == 3
