"""Cost of a search's database for each trial while it holds thousands.

Run: python -m benchmarks.search_database URL [TRIALS ...]. The database must be empty. It prints, for each number of
trials in it: seconds of a connection (each trial is a process of its own), of the first look of a process at all
trials (later ones read only those that have not ended), and of beginning a trial with its proposal by TPE. A worker
looks and begins under one lock, so workers do both one after another.
"""

import sys
import time
from typing import Any

import optuna
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.samplers import TPESampler

from leo_bench.search.storage import open_storage

SPACE: dict[str, Any] = {
    "latent_dim": IntDistribution(32, 128),
    "inner_lr": FloatDistribution(0.005, 0.05, log=True),
    "outer_lr": FloatDistribution(0.0001, 0.01, log=True),
    "inner_steps": IntDistribution(0, 10),
}
NAME = "bench"


def main(url: str, numbers: list[int]) -> None:
    """Fill the database step by step, and measure at each number of trials."""
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    study = optuna.create_study(storage=open_storage(url), study_name=NAME, direction="maximize")
    random, n = optuna.samplers.RandomSampler(seed=0), 0
    print("trials,connect_s,look_s,begin_s", flush=True)
    for number in numbers:
        while n < number:
            drawn = {name: random.sample_independent(study, None, name, kind) for name, kind in SPACE.items()}  # type: ignore[arg-type]
            study.add_trial(optuna.create_trial(params=drawn, distributions=SPACE, value=n % 97 / 97))
            n += 1
        begin = time.perf_counter()
        sampler = TPESampler(seed=0, multivariate=True, constant_liar=True)
        fresh = optuna.load_study(storage=open_storage(url), study_name=NAME, sampler=sampler)
        connected = time.perf_counter()
        fresh.get_trials(deepcopy=False)
        looked = time.perf_counter()
        trial = fresh.ask(SPACE)
        asked = time.perf_counter()
        fresh.tell(trial, 0.5)
        n += 1
        print(f"{number},{connected - begin:.2f},{looked - connected:.2f},{asked - looked:.2f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], [int(text) for text in sys.argv[2:]] or [100, 1000, 10000])
