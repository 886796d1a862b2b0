"""Relation networks: a class's code in the context of the episode's other classes."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LEORelationNetwork(nn.Module):
    """Two linear layers with a ReLU between, on pairs of codes (the document, LEORelationNetwork). No ReLU at the
    end."""

    def __init__(self, latent_dim: int = 64) -> None:
        super().__init__()
        self.fc1 = nn.Linear(2 * latent_dim, latent_dim)
        self.fc2 = nn.Linear(latent_dim, latent_dim)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """first, second: [B, latent_dim]. Returns the relation of each pair, [B, latent_dim]."""
        return self.fc2(F.relu(self.fc1(torch.cat([first, second], dim=-1))))

    def refine(self, codes: Tensor) -> Tensor:
        """Each class's mean relation to all classes of its episode, itself included. codes: [E, N, D]. Returns [E, N,
        D].

        Equals the mean over forward(codes[i], codes[j]) for all j, but applies each half of fc1 once per class
        instead of once per pair, and fc2, being linear, once to the mean.
        """
        left, right = self.fc1.weight.chunk(2, dim=1)
        as_first = codes @ left.T + self.fc1.bias
        as_second = codes @ right.T
        return self.fc2(F.relu(as_first[:, :, None] + as_second[:, None, :]).mean(2))


class NoRelation(nn.Module):
    """Leaves each class its own code."""

    def refine(self, codes: Tensor) -> Tensor:
        """codes: [E, N, D]. Returns them."""
        return codes
