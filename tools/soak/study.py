"""The small study of the soak test, and what its runner does."""

import json
from pathlib import Path
from typing import Any

from leo_bench.config import make_settings
from leo_bench.records import Plan
from leo_bench.running.local_processes import LocalProcesses
from leo_bench.running.plan import planned_run
from leo_bench.running.scheduler import StudyRunner

COMMON: dict[str, Any] = {"dataset": "glyphs", "image_size": 28, "n_test_episodes": 10}
LIGHT: dict[str, Any] = {"learner": "pixels", "n_train_episodes": 0}
TRAINED: dict[str, Any] = {"learner": "protonet", "n_train_episodes": 120, "width": 16}
STUDIES: dict[str, dict[str, dict[str, Any]]] = {
    "light": {"base": LIGHT, "q10": {**LIGHT, "n_query": 10}},
    "trained": {"protonet": TRAINED, "q10": {**TRAINED, "n_query": 10}},
}
STUDIES["mixed"] = {**STUDIES["light"], "protonet": TRAINED}
"""Study -> variant -> settings."""


def plan_of(name: str, n_seeds: int) -> Plan:
    """Return the plan of a study with the seeds 0 to n_seeds - 1."""
    variants = STUDIES[name]
    runs = [
        planned_run(make_settings({**COMMON, **values, "seed": seed}), variant)
        for seed in range(n_seeds)
        for variant, values in variants.items()
    ]
    return Plan(
        study="soak",
        profile=name,
        question="Do kills change anything?",
        baseline=next(iter(variants)),
        margin=0.005,
        switches={},
        labels={variant: variant for variant in variants},
        references=[],
        runs=runs,
    )


def main(arguments: list[str]) -> int:
    """Do the runs that are not done. Runs that were killed three times get new attempts.

    arguments: results folder, name of the study, number of seeds, jobs, and the command of a run as JSON.
    """
    results, name, n_seeds, jobs, command = arguments
    plan = plan_of(name, int(n_seeds))
    worker = json.loads(command)
    view = StudyRunner(plan, plan, Path(results), LocalProcesses(int(jobs)), retry=True, say=print, worker=worker).run()
    return 0 if len(view.done) == len(view.runs) else 1
