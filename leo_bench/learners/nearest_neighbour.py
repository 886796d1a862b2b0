"""Nearest neighbour in the features of a Conv-4 that was trained as a prototypical network."""

from torch import Tensor

from leo_bench.learners.protonet import ProtoNet
from leo_bench.models.prototypes import nearest_neighbour_logits


class NearestNeighbour(ProtoNet):
    """The class of the nearest support image answers. At one shot this is the prototypical network.

    Trained with the loss of the prototypical network (Snell et al. 2017), since the nearest image gives a gradient to
    one support image of a class alone.
    """

    def logits_from_features(
        self, support: tuple[Tensor, ...], support_y: Tensor, query: tuple[Tensor, ...], n_way: int
    ) -> list[Tensor]:
        return [nearest_neighbour_logits(support[0], support_y, query[0], n_way)]
