"""MAML and its relatives in the plainest form: one episode, one step and one torch operation at a time."""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

Named = dict[str, Tensor]
"""Weights by the names that Maml.start gives them, without a dimension for episodes."""


def normalised(x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    return (x - mean[None, :, None, None]) / (variance[None, :, None, None] + 1e-5).sqrt()


def cnn(weights: Named, images: Tensor, n_statistics: int) -> Tensor:
    """Logits of images [B, 1, H, W], each block normalised by the moments of the first n_statistics images."""
    x = images
    for block in range(4):
        x = F.conv2d(x, weights[f"kernel{block}"], padding=1)
        known = x[:n_statistics].transpose(0, 1).flatten(1)  # [C, pixels]
        mean = known.mean(1)
        x = normalised(x, mean, ((known - mean[:, None]) ** 2).mean(1))
        x = x * weights[f"scale{block}"][None, :, None, None] + weights[f"shift{block}"][None, :, None, None]
        x = F.max_pool2d(F.relu(x), 2)
    return x.flatten(1) @ weights["weight"].T + weights["bias"]


@dataclass
class SlowMaml:
    """Adaptation to one episode. rates: step size of each weight, a number or a tensor."""

    rates: dict[str, float | Tensor]
    inner_steps: int
    second_order: bool = True
    transductive: bool = False
    points: list[Named] = field(default_factory=list)
    """Weights before the first step and after each."""

    def query_logits(self, start: Named, support_x: Tensor, support_y: Tensor, query_x: Tensor) -> list[Tensor]:
        """Logits of the queries before the first step and after each."""
        weights, logits = dict(start), []
        for step in range(self.inner_steps + 1):
            if self.transductive:
                logits.append(cnn(weights, query_x, len(query_x)))
            else:
                logits.append(cnn(weights, torch.cat([support_x, query_x]), len(support_x))[len(support_x) :])
            self.points.append(weights)
            if step < self.inner_steps:
                loss = F.cross_entropy(cnn(weights, support_x, len(support_x)), support_y)
                gradients = torch.autograd.grad(loss, list(weights.values()), create_graph=self.second_order)
                weights = {
                    name: tensor - self.rates[name] * gradient
                    for (name, tensor), gradient in zip(weights.items(), gradients, strict=True)
                }
        return logits


def reptile_gradient(start: Named, rate: float, batches: list[tuple[Tensor, Tensor]]) -> Named:
    """Start minus end of a training on batches of images and labels, one step for each."""
    weights = {name: tensor.detach().clone().requires_grad_() for name, tensor in start.items()}
    optimizer = torch.optim.SGD(list(weights.values()), lr=rate)
    for images, labels in batches:
        optimizer.zero_grad()
        F.cross_entropy(cnn(weights, images, len(images)), labels).backward()
        optimizer.step()
    return {name: (start[name] - weights[name]).detach() for name in start}
