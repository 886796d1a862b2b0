"""A small search, as a plan and as a file."""

from typing import Any

from leo_bench.config import make_settings
from leo_bench.records.search import Parameter, Pruner, Sampler, SearchPlan
from leo_bench.running.numerics import numerics_digest

TINY: dict[str, Any] = {
    "dataset": "glyphs",
    "image_size": 16,
    "n_way": 3,
    "n_query": 4,
    "n_train_episodes": 12,
    "val_every": 4,
    "n_val_episodes": 3,
    "n_test_episodes": 5,
    "test_n_ways": [],
    "test_modes": ["mixed"],
}


def small_plan(**changes: Any) -> SearchPlan:
    base = make_settings({**TINY, "test_split": "val"}, "leo").canonical()
    fields: dict[str, Any] = {
        "search": "small",
        "profile": "smoke",
        "question": "Which is best?",
        "preset": "leo",
        "margin": 0.005,
        "objectives": ["accuracy"],
        "space": [
            Parameter(name="latent_dim", low=4, high=16, whole=True),
            Parameter(name="inner_lr", low=0.005, high=0.05, log=True),
            Parameter(name="inner_steps", low=0, high=3, whole=True),
        ],
        "base": base,
        "test": {**base, "test_split": "test"},
        "n_trials": 6,
        "sampler": Sampler(seed=0, startup_trials=2),
        "pruner": Pruner(startup_trials=2, warmup_episodes=0),
        "test_seeds": [100, 101],
        "numerics": numerics_digest("leo", "glyphs"),
    }
    return SearchPlan(**{**fields, **changes})


FILE = """
question = "Which is best?"
[settings]
image_size = 28
[trial]
val_every = 250
[space]
latent_dim = { low = 32, high = 128 }
inner_lr = { low = 0.005, high = 0.05, log = true }
relation = { choices = ["pairwise", "none"] }
[sampler]
startup_trials = 10
[pruner]
warmup_episodes = 500
[profiles.smoke]
n_trials = 4
test_seeds = [100]
settings = { n_train_episodes = 40 }
sampler = { startup_trials = 2 }
[profiles.cpu]
n_trials = 40
test_seeds = [100, 101]
"""
