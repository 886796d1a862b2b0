"""Reptile: a start moved towards the weights that training on an episode ends at (Nichol et al. 2018, "On First-Order
Meta-Learning Algorithms").

Letters as in base.py.
"""

import torch
from torch import Tensor

from leo_bench.learners.base import mean_accuracy
from leo_bench.learners.inner_loop import mean_losses
from leo_bench.learners.maml import Maml
from leo_bench.learners.weight_loop import own_weights


class Reptile(Maml):
    """The network of MAML, trained by Reptile. At test it adapts as MAML does.

    In training the images of an episode, support and query set together, are divided among the inner steps, with about
    the same number of each class in each step. The outer gradient is the start minus the end of these steps, averaged
    over the episodes.
    """

    def loss(
        self, support_x: Tensor, support_y: Tensor, query_x: Tensor, query_y: Tensor, n_way: int
    ) -> tuple[Tensor, Tensor]:
        """Return the mean loss and accuracy of the inner steps' images, each before its step.

        The gradient of the returned loss is the outer gradient of Reptile, not that of its value.
        """
        images, labels = torch.cat([support_x, query_x], dim=1), torch.cat([support_y, query_y], dim=1)
        weights = {name: tensor.detach() for name, tensor in own_weights(self.start(), len(images)).items()}
        step_sizes = self.step_sizes()
        losses, accuracies = [], []
        for part in minibatches(labels, n_way, self.settings.inner_steps):
            x, y = images[episodes_of(part), part], labels.gather(1, part)
            for tensor in weights.values():
                tensor.requires_grad_()
            logits = self.logits(weights, x, x.shape[1])
            loss = mean_losses(logits, y).sum()
            gradients = torch.autograd.grad(loss, list(weights.values()))
            weights = {
                name: tensor.detach() - step_sizes[name] * gradient
                for (name, tensor), gradient in zip(weights.items(), gradients, strict=True)
            }
            losses.append(loss.detach() / len(images))
            accuracies.append(mean_accuracy(logits, y))
        moved = torch.stack(
            [(start * (start.detach() - weights[name].mean(0))).sum() for name, start in self.start().items()]
        ).sum()
        return torch.stack(losses).mean() + (moved - moved.detach()), torch.stack(accuracies).mean()


def minibatches(labels: Tensor, n_way: int, n_parts: int) -> list[Tensor]:
    """Divide the images of each episode into n_parts minibatches, each with the same number of images of each class.

    labels: int64 [E, M], as many of each class. Returns indices of images, int64 [E, m] each.
    """
    by_class = labels.argsort(dim=1, stable=True).unflatten(1, (n_way, -1))
    return [part.flatten(1) for part in by_class.tensor_split(n_parts, dim=2)]


def episodes_of(indices: Tensor) -> Tensor:
    """Return the number of each row as a column, int64 [E, 1]."""
    return torch.arange(len(indices), device=indices.device)[:, None]
