"""Relation networks: they refine each class code in the context of all classes of the episode.

Letters: E episodes, N classes, D latent_dim. refine takes codes [E, N, D] and returns codes [E, N, D].
"""

from collections.abc import Iterable
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from leo_bench.data.seeding import stream

SHUFFLE_ROOT = 20182
"""Root of the streams that permute the neighbours' codes in ShuffledRelation. The seed of a run does not enter."""


class LEORelationNetwork(nn.Module):
    """Two linear layers with a ReLU between them, on pairs of codes (the document, LEORelationNetwork)."""

    def __init__(self, latent_dim: int = 64) -> None:
        super().__init__()
        self.fc1 = nn.Linear(2 * latent_dim, latent_dim)
        self.fc2 = nn.Linear(latent_dim, latent_dim)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the relation of each pair, [B, latent_dim]; first, second: [B, latent_dim]."""
        return self.fc2(F.relu(self.fc1(torch.cat([first, second], dim=-1))))

    def refine(self, codes: Tensor) -> Tensor:
        """Return each class's mean relation to all classes of its episode, itself included.

        This is the mean of forward(codes[i], codes[j]) over all j. Each half of fc1 is applied once per class instead
        of once per pair; fc2 is linear and applied once, to the mean.
        """
        return self.fc2(self.pairs(codes).mean(2))

    def pairs(self, codes: Tensor) -> Tensor:
        """Return the input of fc2 for each ordered pair of classes, [E, N, N, D]."""
        left, right = self.fc1.weight.chunk(2, dim=1)
        as_first = codes @ left.T + self.fc1.bias
        return F.relu(as_first[:, :, None] + self.as_second(codes, right))

    def as_second(self, codes: Tensor, right: Tensor) -> Tensor:
        """Return what fc1 makes of the second code of each pair, [E, N, N, D] or, alike for all first, [E, 1, N, D].

        right: the half of fc1's weights for the second code, [D, D].
        """
        return (codes @ right.T)[:, None, :]


class AttentionRelation(LEORelationNetwork):
    """Relation network with a weighted mean (an improvement that the document names).

    Class i gives class j the attention weight softmax over j of query(z_i) . key(z_j) / sqrt(D).
    """

    def __init__(self, latent_dim: int = 64) -> None:
        super().__init__(latent_dim)
        self.query = nn.Linear(latent_dim, latent_dim)
        self.key = nn.Linear(latent_dim, latent_dim, bias=False)  # a bias would shift all scores of a class alike

    def refine(self, codes: Tensor) -> Tensor:
        """Return the mean of each class's relations to all classes of its episode, weighted by attention."""
        scores = self.query(codes) @ self.key(codes).transpose(1, 2) / codes.shape[-1] ** 0.5
        return self.fc2((scores.softmax(-1)[:, :, None] @ self.pairs(codes)).squeeze(2))


class OwnRelation(LEORelationNetwork):
    """Relation network that sees the class itself alone: the relation of z_i to z_i (a control).

    It has the parameters of the pairwise network and no context. Its gain over no relation network is that of two more
    layers; the gain of the pairwise network over it is that of seeing the other classes.
    """

    def refine(self, codes: Tensor) -> Tensor:
        """Return each class's relation to itself."""
        return self(codes, codes)


class ShuffledRelation(LEORelationNetwork):
    """Pairwise network with meaningless neighbours (a control): the numbers of each neighbour are in another order.

    The neighbours keep their number, length and mean, but no longer say what the other classes look like. They are made
    from the episode's own codes because training has no others to borrow: a meta-batch can hold one episode, and an
    answer must not depend on other episodes. The order depends on the neighbour's place among the classes, since fc1
    could learn to undo one order for all neighbours. So renaming the classes changes the refined codes, in this network
    alone.
    """

    def as_second(self, codes: Tensor, right: Tensor) -> Tensor:
        n_way, latent_dim = codes.shape[-2:]
        order = shuffled_orders(n_way, latent_dim, codes.device).expand_as(codes)
        itself = torch.eye(n_way, dtype=torch.bool, device=codes.device)[..., None]
        return torch.where(itself, (codes @ right.T)[:, None, :], (codes.gather(-1, order) @ right.T)[:, None, :])


@cache
def shuffled_orders(n_way: int, latent_dim: int, device: torch.device) -> Tensor:
    """Return an order of a code's numbers for each place among the classes, int64 [n_way, latent_dim].

    Number k of the reordered code is number orders[j, k] of the code at place j. Each order is a random cycle through
    all numbers, so that with latent_dim of 2 or more none stays in its place. The order of a place is the same for any
    n_way, in every run. Cached because a CUDA graph cannot record the copy to the device.
    """
    orders = np.empty((n_way, latent_dim), dtype=np.int64)
    for place, order in enumerate(orders):
        cycle = stream(SHUFFLE_ROOT, "relation", place).permutation(latent_dim)
        order[cycle] = np.roll(cycle, 1)
    return torch.from_numpy(orders).to(device)


RELATIONS = {
    "pairwise": LEORelationNetwork,
    "attention": AttentionRelation,
    "own": OwnRelation,
    "shuffled": ShuffledRelation,
}
"""Setting relation -> network; `none` has no network."""


class NoRelation(nn.Module):
    """Leaves the class codes as they are."""

    def refine(self, codes: Tensor) -> Tensor:
        """Return the codes."""
        return codes


class Residual(nn.Module):
    """Adds the output of a relation network to the codes. Its last layer starts at zero, and so does the output."""

    def __init__(self, network: LEORelationNetwork) -> None:
        super().__init__()
        self.network = network
        nn.init.zeros_(network.fc2.weight)
        nn.init.zeros_(network.fc2.bias)

    def refine(self, codes: Tensor) -> Tensor:
        """Return the sum of the codes and their relations."""
        return codes + self.network.refine(codes)


class Rounds(nn.ModuleList):
    """Several relation networks in sequence, each with weights of its own (the document's multi-step version)."""

    def __init__(self, networks: Iterable[nn.Module]) -> None:
        super().__init__(networks)

    def refine(self, codes: Tensor) -> Tensor:
        """Return the codes after all rounds."""
        for network in self:
            codes = network.refine(codes)  # type: ignore[operator]
        return codes
