"""Few-shot methods, one file each. This module lists them and imports none, so that it costs nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


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
    adapted: Literal["codes", "head", "cnn", ""] = ""
    """Target of the inner loop: class codes, the weights of the head, or those of the CNN too; empty without a loop.
    With `cnn` each episode has its own CNN."""
    trainer: str = "outer_loop"
    """Module below leo_bench.training whose function `train` trains the method."""


LEARNERS = {
    "leo": LearnerEntry("full_leo:head_or_full", "latent embedding optimization", inner_loop=True, adapted="codes"),
    "protonet": LearnerEntry("protonet:ProtoNet", "class means of Conv-4 features"),
    "nearest_neighbour": LearnerEntry(
        "nearest_neighbour:NearestNeighbour", "nearest support image in the features of a Conv-4 trained as protonet"
    ),
    "maml": LearnerEntry(
        "maml:Maml", "gradient steps on all weights of a CNN", any_way=False, inner_loop=True, adapted="cnn"
    ),
    "meta_sgd": LearnerEntry(
        "meta_sgd:MetaSgd",
        "MAML with a learned step size for each weight",
        any_way=False,
        inner_loop=True,
        adapted="cnn",
    ),
    "anil": LearnerEntry(
        "anil:Anil", "MAML that adapts the head alone", any_way=False, inner_loop=True, adapted="head"
    ),
    "reptile": LearnerEntry(
        "reptile:Reptile",
        "a start moved towards the weights that training on an episode ends at",
        any_way=False,
        inner_loop=True,
        adapted="cnn",
    ),
    "pretrained": LearnerEntry(
        "pretrained:Pretrained",
        "Conv-4 trained to classify all training characters; class means, or another test_head",
        trainer="pretraining",
    ),
    "pixels": LearnerEntry("pixels:Pixels", "class means of raw pixels", trains=False),
}
"""Name -> method. A new method is one file in this folder and one line here."""


def has_own_cnn(settings: Mapping[str, Any]) -> bool:
    """Return True if each episode has a CNN of its own, generated or adapted."""
    full = settings["learner"] == "leo" and settings["generated"] == "full"
    return full or LEARNERS[settings["learner"]].adapted == "cnn"
