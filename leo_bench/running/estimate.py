"""Estimates before a plan starts: runs, time and disk space."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from leo_bench.config import faster_precision, make_settings, planned_tests, with_defaults
from leo_bench.learners import LEARNERS, has_own_cnn
from leo_bench.records import RUNS, Plan, PlannedRun, run_state

OMNIGLOT_TEST_IMAGES = 13_180
TRAINED_IMAGE, SCORED_IMAGE = 0.4e-3, 0.25e-3
"""Seconds of a training image, forward and backward, and of a test image, at 28x28 and 64 channels on one CPU core."""
N_SHIFTS = 12
"""Copies of each support image with test_support_copies = shifted."""


def cost(settings: Mapping[str, Any]) -> float:
    """Estimate the seconds of a run on one CPU core, from the numbers of images trained on and scored.

    settings: plain JSON values; those that an old plan lacks are at their default.
    """
    return training_cost(settings) + scoring_cost(settings)


def cost_of_all(runs: Iterable[PlannedRun]) -> float:
    """Estimate the seconds of runs on one CPU core. Runs that differ in their tests alone are trained once."""
    runs = list(runs)
    trained_once = {run.run_key: run.settings for run in runs}.values()
    return sum(map(training_cost, trained_once)) + sum(scoring_cost(run.settings) for run in runs)


def training_cost(settings: Mapping[str, Any]) -> float:
    """Estimate the seconds of a training and of its start on one CPU core."""
    settings = with_defaults(settings)
    each = (settings["train_k_shot"] or settings["k_shot"]) * (1 + _copies(settings)) + (
        settings["train_n_query"] or settings["n_query"]
    )
    images = settings["n_train_episodes"] * (settings["train_n_way"] or settings["n_way"]) * each
    if not LEARNERS[settings["learner"]].trains:
        images = 0
    return 8 + TRAINED_IMAGE * images * _inner_loop_cost(settings) * _image_cost(settings)


def scoring_cost(settings: Mapping[str, Any]) -> float:
    """Estimate the seconds of all tests of a run on one CPU core."""
    settings = with_defaults(settings)
    tests = planned_tests(make_settings(settings))
    if has_own_cnn(settings):  # forward for each scored step of each episode, forward and backward in each inner step
        steps = settings["inner_steps"] if settings["test_inner_steps"] is None else settings["test_inner_steps"]
        images = 3.0 * sum(
            test.n_test_episodes * test.n_way * (test.k_shot + test.n_query + steps * test.k_shot) for test in tests
        )
    else:  # each test image passes the CNN once for each data set
        n_datasets = len({test.dataset for test in tests})
        shown = min(OMNIGLOT_TEST_IMAGES, settings["n_test_episodes"] * 100.0)
        images = n_datasets * shown * (1 + _test_copies(settings))
    fits = 0.0
    if settings["test_head"] == "logistic_regression":
        fits = 0.2e-3 * sum(test.n_test_episodes * test.n_way * test.k_shot for test in tests)
    return SCORED_IMAGE * images * _image_cost(settings) + fits


def _copies(settings: Mapping[str, Any]) -> int:
    """Return how many shifted copies of each support image pass the CNN."""
    return 4 if settings["inner_examples"] == "shifted" else 0


def _test_copies(settings: Mapping[str, Any]) -> int:
    """Return how many shifted copies of each test image pass the CNN; any test image is a support image somewhere."""
    at_test = N_SHIFTS if settings["test_support_copies"] == "shifted" else 0
    return max(_copies(settings), at_test)


def _inner_loop_cost(settings: Mapping[str, Any]) -> float:
    """Return the time of a training step with an inner loop through the CNN, 1 for a step without one."""
    if not has_own_cnn(settings):
        return 1.0
    if settings["learner"] == "leo":
        return 5.7
    if settings["learner"] == "reptile":
        return 1.8
    support = settings["n_way"] * (settings["train_k_shot"] or settings["k_shot"])
    query = settings["n_way"] * (settings["train_n_query"] or settings["n_query"])
    each = 8.0 if settings["second_order"] else 2.0  # an image in an inner step against one in a plain step
    return 1.6 + each * settings["inner_steps"] * support / (support + query)


def _image_cost(settings: Mapping[str, Any]) -> float:
    """Return the cost of one image, 1 for 28x28 and 64 channels."""
    pixels = settings["image_size"] // settings["first_pool"] + 2 * settings["padding"]
    return float((pixels / 28) ** 2 * settings["width"] / 64)


def plan_words(plan: Plan, results: Path, jobs: int, use_published: bool = False) -> str:
    """Return the summary of a plan: data, runs, time and disk space. With use_published, runs are done that are
    published, too."""
    stores = [results / RUNS, *([results / "official" / RUNS] if use_published else [])]
    left = [
        run
        for run in plan.runs
        if all(run_state(run, store / run.run_key, plan.accept_stale).status != "done" for store in stores)
    ]
    seeds = sorted({run.seed for run in plan.runs})
    variants = list(dict.fromkeys(run.variant for run in plan.runs))
    seconds = cost_of_all(left) / jobs
    longest = max((cost(run.settings) for run in left), default=0)
    settings = plan.runs[0].settings
    lines = [
        f"study {plan.study}, profile {plan.profile}: {plan.question}",
        f"  data      {settings['dataset']}, {settings['image_size']}x{settings['image_size']}, "
        f"{settings['n_train_episodes']:,} training episodes",
        f"  runs      {len(plan.runs)}: {len(variants)} variants, seeds {', '.join(map(str, seeds))}; "
        f"{len(plan.runs) - len(left)} done, {len(left)} to do{shared_words(left)}",
        f"  time      about {duration(max(seconds, longest))} with {jobs} at a time (estimated, one server core each)",
        f"  disk      about {len(left) * DISK_MB:.0f} MB",
    ]
    note = faster_precision(run.settings for run in left)
    if note:
        lines.insert(2, f"  precision {note}")
    return "\n".join(lines)


DISK_MB = 4
"""Disk space of one run (checkpoint, counts, logs), MB."""


def shared_words(left: Sequence[PlannedRun]) -> str:
    """Return words on runs that share a training; none if each has its own."""
    trainings = len({run.run_key for run in left})
    word = "training" if trainings == 1 else "trainings"
    return "" if trainings == len(left) else f" with {trainings} {word}, as some differ in their tests alone"


def duration(seconds: float) -> str:
    """Return a duration as text: 40 s, 12 min, 1 h 30 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
