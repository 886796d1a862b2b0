"""Cost of a plan before it starts: runs, time, disk, and the smallest effect that its seeds can show."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from leo_bench.config import default_of, faster_precision, make_settings, planned_tests
from leo_bench.config.settings import Settings
from leo_bench.learners import LEARNERS
from leo_bench.records import RUNS, Plan, run_state
from leo_bench.statistics import minimum_detectable_effect

OMNIGLOT_TEST_IMAGES = 13_180


def cost(settings: Mapping[str, Any]) -> float:
    """Estimated seconds of a run on one CPU core, from the images trained on and scored; a guess that finished runs
    then correct. settings: of a plan, maybe of one written before some settings were there."""
    settings = {name: default_of(name) for name in Settings.model_fields} | dict(settings)
    pixels = ((settings["image_size"] // settings["first_pool"] + 2 * settings["padding"]) / 28) ** 2
    copies = 4 if settings["inner_examples"] == "shifted" else 0
    each = (settings["train_k_shot"] or settings["k_shot"]) * (1 + copies) + (
        settings["train_n_query"] or settings["n_query"]
    )
    trained = settings["n_train_episodes"] * (settings["train_n_way"] or settings["n_way"]) * each
    full = settings["learner"] == "leo" and settings["generated"] == "full"
    if not LEARNERS[settings["learner"]].trains:
        trained = 0
    tests = planned_tests(make_settings(settings))
    if full:  # a pass for every scored point of every episode
        tested = 3.0 * sum(test.n_test_episodes * test.n_way * (test.k_shot + test.n_query) for test in tests)
    else:  # each test image once for each data set
        n_datasets = len({test.dataset for test in tests})
        tested = n_datasets * min(OMNIGLOT_TEST_IMAGES, settings["n_test_episodes"] * 100.0) * (1 + copies)
    return 8 + pixels * settings["width"] / 64 * (0.87e-3 * trained * (5.7 if full else 1) + 0.7e-3 * tested)


def plan_words(plan: Plan, results: Path, jobs: int) -> str:
    """What a plan asks for before it starts: runs, time, disk, and the smallest effect that its seeds can show."""
    states = [run_state(run, results / RUNS / run.run_key, plan.accept_stale) for run in plan.runs]
    left = [state.planned for state in states if state.status != "done"]
    seeds = sorted({run.seed for run in plan.runs})
    variants = list(dict.fromkeys(run.variant for run in plan.runs))
    seconds = sum(cost(run.settings) for run in left) / jobs
    longest = max((cost(run.settings) for run in left), default=0)
    spread = [state.headline.accuracy for state in states if state.tests and state.planned.variant == plan.baseline]
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
        f"  time      about {duration(max(seconds, longest))} with {jobs} at a time (estimated, one server core each)",
        f"  disk      about {len(left) * DISK_MB:.0f} MB",
        f"  effect    {_effect_words(effect, seed_sd, known, len(seeds))}",
    ]
    note = faster_precision(run.settings for run in left)
    if note:
        lines.insert(2, f"  precision {note}")
    return "\n".join(lines)


ASSUMED_SEED_SD = 0.04
"""Standard deviation of accuracy between seeds, as a fraction, where the study has not measured one yet: about that of
the published baseline after 2,000 episodes (4.4 points over 3 seeds)."""
DISK_MB = 4
"""Of one run: checkpoint, counts, logs."""


def _effect_words(effect: float | None, seed_sd: float, known: bool, n_seeds: int) -> str:
    if effect is None:
        return "one seed cannot tell a part's effect from the luck of a seed; it only screens"
    source = "measured in" if known else "assumed for"
    spread = f"spread of {100 * seed_sd:.1f} points {source} this study"
    return (
        f"smallest detectable: {100 * effect:.1f} points with {n_seeds} seeds by one test alone (80% power; {spread})"
    )


def duration(seconds: float) -> str:
    """A length of time in words: 40 s, 12 min, 1 h 30 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
