"""A learner that answers queries once, after its last inner step, as in use. A test also scores it before that."""

import copy

from leo_bench.learners.base import Learner


def answering_once(learner: Learner) -> Learner:
    """Return a learner with the same weights whose only scored step is the last one (eval mode).

    What it costs to adapt to an episode is measured on it. If each episode has a CNN of its own, every scored step is a
    pass of all queries through that CNN, and those of the other steps would be half of the cost and more.
    """
    members: dict[str, object] = {"scored_steps": learner.scored_steps[-1:]}
    points = getattr(learner, "_scored_points", None)  # steps on codes that FullLeo scores, before its fine-tuning
    if points is not None:
        members["_scored_points"] = points[-1:]
    once = copy.copy(learner)
    once.__class__ = type(type(learner).__name__, (type(learner),), members)
    return once
