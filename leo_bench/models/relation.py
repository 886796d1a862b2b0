"""Relation networks: they refine each class code in the context of all classes of the episode.

Letters: E episodes, N classes, D latent_dim. refine takes codes [E, N, D] and returns codes [E, N, D].
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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
        as_second = codes @ right.T
        return F.relu(as_first[:, :, None] + as_second[:, None, :])


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
