"""Nearest class mean of raw pixels: the reference for what needs no learning."""

from torch import Tensor

from leo_bench.config import Settings
from leo_bench.learners.base import Learner
from leo_bench.models.prototypes import nearest_mean_logits


class Pixels(Learner):
    """Class means of raw pixels, without parameters. At one shot this is the nearest neighbour."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()

    def episode_logits(self, support_x: Tensor, support_y: Tensor, query_x: Tensor, n_way: int) -> list[Tensor]:
        return [nearest_mean_logits(support_x.flatten(2), support_y, query_x.flatten(2), n_way)]
