"""Building the learner that settings name."""

from importlib import import_module

from leo_bench.config import Settings
from leo_bench.learners import LEARNERS
from leo_bench.learners.base import Learner


def build(settings: Settings) -> Learner:
    """Return the learner that settings.learner names, initialised from the random streams of settings.seed."""
    module, name = LEARNERS[settings.learner].builder.split(":")
    learner: Learner = getattr(import_module(f"leo_bench.learners.{module}"), name)(settings)
    return learner
