"""From settings to the learner that they name."""

from importlib import import_module

from leo_bench.config import Settings
from leo_bench.learners import LEARNERS
from leo_bench.learners.base import Learner


def build(settings: Settings) -> Learner:
    """Make the learner that settings.learner names, initialised from the seed's streams."""
    module, name = LEARNERS[settings.learner].builder.split(":")
    learner: Learner = getattr(import_module(f"leo_bench.learners.{module}"), name)(settings)
    return learner
