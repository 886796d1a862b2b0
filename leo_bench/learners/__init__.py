"""Few-shot methods, one file each. This module lists them and imports none, so that it costs nothing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LearnerEntry:
    """A method that a run can name."""

    builder: str
    """`module:function or class` below leo_bench.learners that makes the learner from Settings."""
    description: str
    trains: bool = True
    """False if the method has no parameters to train."""
    any_way: bool = True
    """False if a trained model can only be scored at the ways it was built for."""
    inner_loop: bool = False
    """True if the method takes inner_steps of size inner_lr, which test_inner_steps and test_inner_lr can change."""


LEARNERS = {
    "leo": LearnerEntry("full_leo:head_or_full", "latent embedding optimization", inner_loop=True),
    "protonet": LearnerEntry("protonet:ProtoNet", "class means of Conv-4 features; untrained with n_train_episodes 0"),
    "nearest_neighbour": LearnerEntry(
        "nearest_neighbour:NearestNeighbour", "nearest support image in the features of a Conv-4 trained as protonet"
    ),
    "pixels": LearnerEntry("pixels:Pixels", "class means of raw pixels", trains=False),
}
"""Name -> method. A new method is one file in this folder and one line here."""
