"""Updates of weights by the inner loop, compared between episodes.

Pure functions. E episodes, P weights; an update is the weight after the inner loop minus before. A result [E] has one
number for each episode, and its mean is the measure.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from leo_bench.data.seeding import stream

MEASURE_ROOT = 20183
"""Root of the random streams of the measures. The seed of a run does not enter."""
MOST_WEIGHTS = 20_000
"""Weights of which the updates are kept; of more, a fixed random choice is taken."""


def chosen_weights(n_weights: int) -> Tensor:
    """Return the indices of the weights whose updates are kept, int64, at most MOST_WEIGHTS, in ascending order."""
    order = stream(MEASURE_ROOT, "weights", n_weights).random(n_weights).argsort(kind="stable")[:MOST_WEIGHTS]
    return torch.from_numpy(order).sort().values


def variance_between(updates: Tensor) -> Tensor:
    """Return the share of the updates' second moment that is variance between episodes, [E]. updates: [E, P].

    The mean is the sum over the weights of the unbiased variance over episodes, divided by that of the mean squares. It
    is 0 if all episodes move each weight alike, and 1 in expectation if updates are independent with mean 0. An
    episode's number is the part of its squared update that the mean update of all others does not account for.
    """
    others = (updates.sum(0) - updates) / (len(updates) - 1)
    own = updates.square().sum(1)
    return (own - (updates * others).sum(1)) / own.mean()


def direction_similarity(updates: Tensor) -> Tensor:
    """Return the cosine between an episode's update and that of another, mean over all others, [E]. updates: [E, P]."""
    directions = F.normalize(updates, dim=1)
    return ((directions.sum(0) - directions) * directions).sum(1) / (len(updates) - 1)


def paired_similarity(first: Tensor, second: Tensor) -> Tensor:
    """Return the cosine between two updates of each episode, [E]. first, second: [E, P]."""
    return F.cosine_similarity(first, second, dim=1)
