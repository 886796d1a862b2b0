"""Quantities of a run that do not depend on the test: costs, measures of the trained model, and settings."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from leo_bench.config import Settings, takes_inner_steps
from leo_bench.errors import LeoBenchError
from leo_bench.records.claims import MEASURE, SETTING
from leo_bench.records.measures import Measures, read_measures
from leo_bench.records.schema import Result
from leo_bench.records.state import RunState


def training_effort(values: dict[str, Any]) -> dict[str, int]:
    """Return training images, updates and query losses of a training with these settings."""
    settings = Settings.model_construct(**values)
    shots, queries = settings.shots_in_training, settings.queries_in_training
    rotations = (shots + queries) // shots if settings.train_support == "each" else 1
    return {
        "n_train_images": settings.n_train_images,
        "n_updates": settings.n_train_episodes // settings.meta_batch_size,
        "n_query_losses": settings.n_train_episodes * settings.ways_in_training * queries * rotations,
    }


def quantity_of(run: RunState, name: str) -> float | None:
    """Return a quantity of a trained run, named as in a claim; None if it is not recorded, or its record is damaged."""
    result, settings = run.result, run.planned.settings
    assert result is not None
    if name.startswith(MEASURE):
        found = measures_of(run)
        one = found.measures.get(name.removeprefix(MEASURE)) if found else None
        return one.value if one else None
    if name.startswith(SETTING):
        return float(settings[name.removeprefix(SETTING)])
    derived: dict[str, Callable[[], float | None]] = {
        "adapt_ms": lambda: run.headline.adapt_ms,
        "adapt_core_ms": lambda: run.headline.adapt_core_ms,
        "core_seconds": lambda: _core_seconds(result, settings),
        "n_adapted": lambda: n_adapted(settings, result.n_generated),
        "own_share": lambda: result.n_generated / result.n_parameters if result.n_parameters else None,
    }
    if name in derived:
        return derived[name]()
    recorded = getattr(result, name)
    return None if recorded is None else float(recorded)


def measures_of(run: RunState) -> Measures | None:
    """Return the measures of a trained run; None if there are none, or if their record is damaged."""
    assert run.result is not None
    with suppress(LeoBenchError):
        return read_measures(run.folder, run.result)
    return None


def _core_seconds(result: Result, settings: dict[str, Any]) -> float | None:
    """Return the processor time of all updates; None in old records, and without an update."""
    updates = training_effort(settings)["n_updates"]
    return updates * result.update_seconds if result.update_seconds and updates else None


def n_adapted(settings: dict[str, Any], n_generated: int) -> int:
    """Return how many numbers the inner loop changes for one episode.

    settings: of the run. n_generated: weights that an episode has of its own. With decode="task" the numbers are those
    of one code: all classes have the same gradient, and only their mean is decoded.
    """
    steps = settings["inner_steps"]
    if settings["learner"] != "leo":
        return n_generated if steps and takes_inner_steps(settings["learner"]) else 0
    n_codes = 1 if settings["decode"] == "task" else settings["n_way"]
    codes = n_codes * settings["latent_dim"] if steps else 0
    return int(codes + (n_generated if settings["finetune_steps"] else 0))
