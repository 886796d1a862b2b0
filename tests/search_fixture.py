"""Builds a search by hand: search.json and trials.json that no Optuna made."""

from pathlib import Path
from typing import Any

from results_fixture import NUMERICS

from leo_bench.records import write_record
from leo_bench.trials import Parameter, Pruner, Sampler, SearchPlan, Sitting, Trial, Trials

SPACE = [
    Parameter(name="outer_lr", low=0.0001, high=0.01, log=True),
    Parameter(name="inner_steps", low=3, high=10, whole=True),
    Parameter(name="relation", choices=["pairwise", "none"]),
]
DRAWN = {"outer_lr": 0.001, "inner_steps": 5, "relation": "none"}
"""Parameters of a trial."""


def make_search(**changes: Any) -> SearchPlan:
    fields: dict[str, Any] = {
        "search": "ranges",
        "profile": "cpu",
        "question": "Which settings are best?",
        "preset": "leo",
        "margin": 0.005,
        "objectives": ["accuracy"],
        "space": SPACE,
        "base": {},
        "test": {},
        "n_trials": 6,
        "sampler": Sampler(),
        "pruner": Pruner(),
        "test_seeds": [100],
        "numerics": NUMERICS,
    }
    return SearchPlan(**{**fields, **changes})


def write_search(results: Path, plan: SearchPlan, trials: list[Trial]) -> Path:
    folder = results / f"{plan.search}-{plan.profile}"
    write_record(folder / "search.json", plan)
    sitting = Sitting(started="2026-01-02T03:04:05+00:00", jobs=1, first_trial=0)
    write_record(folder / "trials.json", Trials(sittings=[sitting], trials=trials))
    return folder
