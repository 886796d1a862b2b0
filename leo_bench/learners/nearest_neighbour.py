"""Nearest neighbour in the features of a Conv-4 that was trained as a prototypical network."""

from torch import Tensor

from leo_bench.learners.protonet import ProtoNet
from leo_bench.models.prototypes import nearest_neighbour_logits


class NearestNeighbour(ProtoNet):
    """Answers with the class of the nearest support image. At one shot this is the prototypical network.

    Trained with the loss of the prototypical network (Snell et al. 2017): the distance to the nearest image would give
    a gradient to only one support image of each class.
    """

    def feature_logits(self, support: Tensor, support_y: Tensor, query: Tensor, n_way: int) -> Tensor:
        return nearest_neighbour_logits(support, support_y, query, n_way)
