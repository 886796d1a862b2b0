"""The small study of the soak test, and the process that does it.

python -m tools.soak.study RESULTS NAME N_SEEDS JOBS
"""

import sys
from pathlib import Path
from typing import Any

from leo_bench.config import make_settings
from leo_bench.records import Plan
from leo_bench.running.child_processes import PYTHON
from leo_bench.running.plan import planned_run
from leo_bench.running.scheduler import StudyRunner

WORKER = (*PYTHON, "tools.soak.worker")
COMMON: dict[str, Any] = {"dataset": "glyphs", "image_size": 28, "n_test_episodes": 10}
LIGHT: dict[str, Any] = {"learner": "pixels", "n_train_episodes": 0}
TRAINED: dict[str, Any] = {"learner": "protonet", "n_train_episodes": 400, "width": 16}
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
    """Do the runs that are not done. Runs that were killed three times get new attempts."""
    results, name, n_seeds, jobs = arguments
    plan = plan_of(name, int(n_seeds))
    view = StudyRunner(plan, plan, Path(results), int(jobs), retry=True, say=print, worker=WORKER).run()
    return 0 if len(view.done) == len(view.runs) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
