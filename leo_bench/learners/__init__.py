"""One file a method; `build` picks the method and its parts from the settings."""

from leo_bench.config import Settings
from leo_bench.learners.base import Learner
from leo_bench.learners.full_leo import FullLeo
from leo_bench.learners.leo import Leo
from leo_bench.learners.prototypes import Pixels, ProtoNet

__all__ = ["FullLeo", "Leo", "Learner", "Pixels", "ProtoNet", "build"]  # noqa: RUF022


def build(settings: Settings) -> Learner:
    """The learner of the settings, initialised from the seed's streams."""
    if settings.learner == "pixels":
        return Pixels(settings)
    if settings.learner == "protonet":
        return ProtoNet(settings)
    return FullLeo(settings) if settings.generated == "full" else Leo(settings)
