"""Literal MAML: one episode after another, functional calls of a network of torch's layers, gradients of gradients.

This is the loop that public packages run. Normalisation uses the images of each pass, as there (transductive).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from benchmarks.literal import convolutions


class LiteralMaml(nn.Module):
    """Four convolution blocks and a linear head, adapted to each episode by gradient steps on all weights."""

    def __init__(self, image_size: int, n_way: int, inner_steps: int = 5, inner_lr: float = 0.1) -> None:
        super().__init__()
        self.inner_steps, self.inner_lr = inner_steps, inner_lr
        self.net = nn.Sequential(convolutions(), nn.Linear(64 * (image_size // 16) ** 2, n_way))

    def adapt(self, support_x: Tensor, support_y: Tensor) -> dict[str, Tensor]:
        """Return the weights after the inner steps, differentiable through them."""
        weights: dict[str, Tensor] = dict(self.net.named_parameters())
        for _ in range(self.inner_steps):
            loss = F.cross_entropy(functional_call(self.net, weights, (support_x,)), support_y)
            gradients = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
            weights = {
                name: weight - self.inner_lr * gradient
                for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
            }
        return weights

    def outer_step(self, optimizer: torch.optim.Optimizer, batch: tuple[Tensor, ...]) -> float:
        """Do one update on a meta-batch, episode by episode. Returns the loss."""
        optimizer.zero_grad()
        losses = []
        for support_x, support_y, query_x, query_y in zip(*batch, strict=True):
            logits = functional_call(self.net, self.adapt(support_x, support_y), (query_x,))
            loss = F.cross_entropy(logits, query_y) / len(batch[0])
            loss.backward()
            losses.append(loss.item())
        nn.utils.clip_grad_norm_(self.parameters(), 1.0)
        optimizer.step()
        return sum(losses)
