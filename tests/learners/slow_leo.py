"""LEO once more, literal and slow: one episode, one class, one pair of classes at a time, without the package's models.

Weights come as a plain dict of named tensors, so that gradients can be taken with respect to the package's own
parameters. Settings are read for their switches alone. Support features are computed again at each inner step.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from leo_bench.config import Settings

Weights = dict[str, Tensor]
Statistics = Callable[[Tensor], tuple[Tensor, Tensor]]
"""From a block's convolved images to the mean and variance of each channel."""

RANK = 8


def mean(tensors: list[Tensor]) -> Tensor:
    return sum(tensors[1:], tensors[0]) / len(tensors)


def of_first(n: int) -> Statistics:
    """Mean and biased variance over the first n images."""

    def statistics(x: Tensor) -> tuple[Tensor, Tensor]:
        means = x[:n].mean((0, 2, 3))
        return means, ((x[:n] - means[:, None, None]) ** 2).mean((0, 2, 3))

    return statistics


def conv4(weights: Weights, prefix: str, images: Tensor, statistics: dict[str, Tensor] | Statistics) -> Tensor:
    """Features of images [B, 1, H, W] by the CNN of that prefix; each block convolves, normalises, cuts and pools."""
    x = images
    for index in range(4):
        name = f"{prefix}blocks.{index}."
        x = F.conv2d(x, weights[name + "conv.weight"], weights.get(name + "conv.bias"), padding=1)
        if callable(statistics):
            center, variance = statistics(x)
        else:
            center, variance = statistics[name + "norm.running_mean"], statistics[name + "norm.running_var"]
        x = (x - center[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt()
        x = x * weights[name + "norm.weight"][:, None, None] + weights[name + "norm.bias"][:, None, None]
        x = F.max_pool2d(torch.relu(x), 2)
    return torch.stack([image.reshape(-1) for image in x])


def changed_weights(weights: Weights, code: Tensor) -> Weights:
    """The weights with the CNN that the pooled code [D] generates in place of the classifier's."""
    changed = dict(weights)
    numbers = mlp(weights, "generator.", code)
    n = 64 * (RANK + 2)
    for index in range(4):
        name = f"classifier.backbone.blocks.{index}."
        by_channel = numbers[index * n : (index + 1) * n].reshape(64, RANK + 2)  # coordinates, then a scale and a shift
        directions = weights[f"generator.directions.{index}"]
        kernels = torch.stack([(row[:RANK, None] * directions).sum(0) for row in by_channel])
        old = weights[name + "conv.weight"]
        changed[name + "conv.weight"] = old + kernels.reshape(old.shape)
        changed[name + "norm.weight"] = weights[name + "norm.weight"] + by_channel[:, RANK]
        changed[name + "norm.bias"] = weights[name + "norm.bias"] + by_channel[:, RANK + 1]
    return changed


def mlp(weights: Weights, prefix: str, x: Tensor) -> Tensor:
    """Three linear layers with ReLU between them, on one vector."""
    x = torch.relu(weights[prefix + "fc1.weight"] @ x + weights[prefix + "fc1.bias"])
    x = torch.relu(weights[prefix + "fc2.weight"] @ x + weights[prefix + "fc2.bias"])
    return weights[prefix + "fc3.weight"] @ x + weights[prefix + "fc3.bias"]


def relation(weights: Weights, first: Tensor, second: Tensor) -> Tensor:
    """Of one ordered pair of codes [D]."""
    pair = torch.cat([first, second])
    hidden = torch.relu(weights["relation_net.fc1.weight"] @ pair + weights["relation_net.fc1.bias"])
    return weights["relation_net.fc2.weight"] @ hidden + weights["relation_net.fc2.bias"]


def head_logits(weights: Weights, decode: str, codes: list[Tensor], features: Tensor) -> Tensor:
    """Logits [B, N] of features [B, F] by the head that the class codes decode to."""
    size = features.shape[1]
    if decode == "task":
        numbers = mlp(weights, "decoder.", mean(codes))
        rows = [numbers[label * size : (label + 1) * size] for label in range(len(codes))]
        biases = list(numbers[len(codes) * size :])
    else:
        decoded = [mlp(weights, "decoder.", code) for code in codes]
        rows, biases = [numbers[:size] for numbers in decoded], [numbers[size] for numbers in decoded]
    return torch.stack([features @ row + bias for row, bias in zip(rows, biases, strict=True)], dim=1)


def episode(
    weights: Weights,
    running: dict[str, Tensor] | None,
    settings: Settings,
    support_x: Tensor,
    support_y: Tensor,
    query_x: Tensor,
    n_way: int,
) -> list[Tensor]:
    """Query logits [M, N] of one episode after 0, 1, ... inner_steps steps.

    running: the running statistics by name; None when training, with the episode's own statistics.
    """
    n_support, both = len(support_x), torch.cat([support_x, query_x])

    def shared_features() -> Tensor:
        return conv4(weights, "classifier.backbone.", both, running or of_first(len(both)))

    def features(images: Tensor, codes: list[Tensor]) -> Tensor:
        """Of support images, and maybe query images after them, by the CNN that belongs to the codes."""
        if settings.generated == "full":
            changed = changed_weights(weights, mean(codes))
            return conv4(changed, "classifier.backbone.", images, of_first(n_support))
        return shared_features()[: len(images)]

    def support_loss(codes: list[Tensor]) -> Tensor:
        logits = head_logits(weights, settings.decode, codes, features(support_x, codes))
        return mean([row.exp().sum().log() - row[label] for row, label in zip(logits, support_y, strict=True)])

    if settings.encoder == "separate":
        encoded = conv4(weights, "encoder.backbone.", support_x, running or of_first(n_support))
        image_codes = encoded @ weights["encoder.fc.weight"].T + weights["encoder.fc.bias"]
    elif settings.generated == "full":
        encoded = conv4(weights, "classifier.backbone.", support_x, of_first(n_support))
        image_codes = encoded @ weights["encoder.fc.weight"].T
    else:
        image_codes = shared_features()[:n_support] @ weights["encoder.fc.weight"].T
    codes = [
        mean([code for code, y in zip(image_codes, support_y, strict=True) if y == label]) for label in range(n_way)
    ]
    if settings.relation == "pairwise":
        codes = [mean([relation(weights, first, second) for second in codes]) for first in codes]

    points = [codes]
    for _ in range(settings.inner_steps):
        gradients = torch.autograd.grad(support_loss(codes), codes, create_graph=True)
        if not settings.second_order:
            gradients = tuple(gradient.detach() for gradient in gradients)
        codes = [code - settings.inner_lr * gradient for code, gradient in zip(codes, gradients, strict=True)]
        points.append(codes)
    return [head_logits(weights, settings.decode, point, features(both, point)[n_support:]) for point in points]
