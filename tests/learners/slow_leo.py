"""LEO once more, literal and slow: one episode, one class, one pair of classes at a time, without the package's models.

Weights come as a plain dict of named tensors, so that gradients can be taken with respect to the package's own
parameters. Settings are read for their switches alone; the orders of relation=shuffled are the package's. Support
features are computed again at each inner step.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from leo_bench.config import Settings
from leo_bench.models.relation import shuffled_orders

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


def conv4(
    weights: Weights, prefix: str, images: Tensor, statistics: dict[str, Tensor] | Statistics, padding: int
) -> Tensor:
    """Features of images [B, 1, H, W] by the CNN of that prefix; each block convolves, normalises, cuts and pools."""
    height, width = images.shape[2:]
    x = images.new_zeros(len(images), 1, height + 2 * padding, width + 2 * padding)
    x[:, :, padding : padding + height, padding : padding + width] = images
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
    width = weights["classifier.backbone.blocks.0.norm.weight"].shape[0]
    n = width * (RANK + 2)
    for index in range(4):
        name = f"classifier.backbone.blocks.{index}."
        by_channel = numbers[index * n : (index + 1) * n].reshape(
            width, RANK + 2
        )  # coordinates, then a scale and a shift
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


def relation(weights: Weights, prefix: str, first: Tensor, second: Tensor) -> Tensor:
    """Return the relation of one ordered pair of codes [D]."""
    pair = torch.cat([first, second])
    hidden = torch.relu(weights[prefix + "fc1.weight"] @ pair + weights[prefix + "fc1.bias"])
    return weights[prefix + "fc2.weight"] @ hidden + weights[prefix + "fc2.bias"]


def refined(weights: Weights, settings: Settings, codes: list[Tensor]) -> list[Tensor]:
    """Class codes after all rounds of the relation network."""
    if settings.relation == "none":
        return codes
    for index in range(settings.relation_rounds):
        prefix = "relation_net." if settings.relation_rounds == 1 else f"relation_net.{index}."
        prefix += "network." if settings.relation_residual else ""
        before = codes
        codes = [
            sum(
                share * relation(weights, prefix, first, second)
                for share, second in zip(
                    shares(weights, prefix, settings, first, codes), seen(settings, place, codes), strict=True
                )
            )
            for place, first in enumerate(codes)
        ]
        if settings.relation_residual:
            codes = [old + new for old, new in zip(before, codes, strict=True)]
    return codes


def seen(settings: Settings, place: int, codes: list[Tensor]) -> list[Tensor]:
    """Return the second code of each pair whose first is the class at this place."""
    if settings.relation == "own":
        return [codes[place]] * len(codes)
    if settings.relation == "shuffled":
        orders = shuffled_orders(len(codes), settings.latent_dim, codes[0].device).tolist()
        reordered = [torch.stack([code[k] for k in order]) for code, order in zip(codes, orders, strict=True)]
        return [*reordered[:place], codes[place], *reordered[place + 1 :]]
    return codes


def shares(weights: Weights, prefix: str, settings: Settings, first: Tensor, codes: list[Tensor]) -> list[Any]:
    """Return the weight of each relation in the code of a class."""
    if settings.relation != "attention":
        return [1 / len(codes)] * len(codes)
    query = weights[prefix + "query.weight"] @ first + weights[prefix + "query.bias"]
    keys = [weights[prefix + "key.weight"] @ code for code in codes]
    scores = [(query @ key / settings.latent_dim**0.5).exp() for key in keys]
    return [score / sum(scores) for score in scores]


def linear(weights: Weights, prefix: str, x: Tensor) -> Tensor:
    return weights[prefix + "fc.weight"] @ x


def rows_of_one(weights: Weights, prefix: str, settings: Settings, codes: list[Tensor]) -> Tensor:
    """Rows [N, F + 1] of a head by one decoder, each its weights and then its bias."""
    if settings.task_conditioned:
        prefix = prefix + "decoder."
        codes = [torch.cat([code, mean(codes)]) for code in codes]
    decode = mlp if settings.decoder == "mlp" else linear
    if settings.decode == "class":
        return torch.stack([decode(weights, prefix, code) for code in codes])
    numbers = decode(weights, prefix, mean(codes))
    size = len(numbers) // len(codes) - 1
    rows = [numbers[label * size : (label + 1) * size] for label in range(len(codes))]
    return torch.stack(
        [torch.cat([row, bias[None]]) for row, bias in zip(rows, numbers[len(codes) * size :], strict=True)]
    )


def rows_of_all(weights: Weights, prefix: str, settings: Settings, codes: list[Tensor]) -> Tensor:
    """The same, by a mixture of decoders where there are several."""
    if settings.n_decoders == 1:
        return rows_of_one(weights, prefix, settings, codes)
    scores = (weights[prefix + "gate.weight"] @ mean(codes) + weights[prefix + "gate.bias"]).exp()
    parts = [rows_of_one(weights, f"{prefix}decoders.{i}.", settings, codes) for i in range(settings.n_decoders)]
    return sum(score / scores.sum() * part for score, part in zip(scores, parts, strict=True))


def decoded(
    weights: Weights, settings: Settings, codes: list[Tensor], prototypes: list[Tensor], noise: float
) -> Tensor:
    """Rows [N, F + 1] of the head; noise stands for every normal number that is drawn."""
    prefix = "decoder."
    prefix += "decoder." if settings.logit_scale == "learned" else ""
    prefix += "decoder." if settings.head_bias == "distance" else ""
    prefix += "decoder." if settings.head_start == "prototype" else ""
    if settings.decoded_weights == "deterministic":
        rows = rows_of_all(weights, prefix, settings, codes)
    else:
        center = rows_of_all(weights, prefix + "mean.", settings, codes)
        spread = rows_of_all(weights, prefix + "spread.", settings, codes)
        start = (2 / (len(codes) + center.shape[1] - 1)) ** 0.5
        rows = center + start * spread.exp() * noise
    if settings.head_start == "prototype":
        added = zip(rows, prototypes, strict=True)
        rows = torch.stack([torch.cat([row[:-1] + prototype, row[-1:]]) for row, prototype in added])
    if settings.head_bias == "distance":
        rows = torch.stack([torch.cat([row[:-1], -(row[:-1] ** 2).sum()[None] / 2]) for row in rows])
    return rows * weights["decoder.log_scale"].exp() if settings.logit_scale == "learned" else rows


def logits_of(rows: Tensor, features: Tensor) -> Tensor:
    """Logits [B, N] of features [B, F] by a head's rows [N, F + 1]."""
    return torch.stack([features @ row[:-1] + row[-1] for row in rows], dim=1)


def cross_entropy(settings: Settings, logits: Tensor, labels: Tensor) -> Tensor:
    rows = logits / settings.inner_temperature
    losses = [row.exp().sum().log() - row[label] for row, label in zip(rows, labels, strict=True)]
    if settings.inner_loss == "class_mean":
        classes = range(logits.shape[1])
        return sum(mean([loss for loss, label in zip(losses, labels, strict=True) if label == own]) for own in classes)
    return mean(losses) if settings.inner_loss == "mean" else sum(losses)


def rate(weights: Weights, settings: Settings, step: int) -> Tensor | float:
    if settings.inner_lr_mode == "fixed":
        return settings.inner_lr
    learned = weights["inner_rate.lr"]
    return learned if settings.inner_lr_mode == "learned" else learned[step]


def shifted(image: Tensor, down: int, right: int) -> Tensor:
    """An image [1, H, W] moved by so many pixels, empty where nothing comes from."""
    moved = torch.zeros_like(image)
    height, width = image.shape[1:]
    for y in range(height):
        for x in range(width):
            if 0 <= y - down < height and 0 <= x - right < width:
                moved[0, y, x] = image[0, y - down, x - right]
    return moved


class Adapted(NamedTuple):
    logits: list[Tensor]
    """Logits [M, N] of the queries after 0, 1, ... inner and then fine-tuning steps."""
    points: list[list[Tensor]]
    """Class codes before the first inner step and after each."""
    losses: list[Tensor]
    """Losses of the inner loop by the first codes, by the last codes and, with fine-tuning, by the last rows."""


def episode(*arguments: Any) -> list[Tensor]:
    """Query logits of one episode after each step. Arguments as those of adapted."""
    return adapted(*arguments).logits


def adapted(
    weights: Weights,
    running: dict[str, Tensor] | None,
    settings: Settings,
    support_x: Tensor,
    support_y: Tensor,
    query_x: Tensor,
    n_way: int,
    noise: float = 0.0,
) -> Adapted:
    """Adapt to one episode.

    running: the running statistics by name; None when training, with the episode's own statistics. noise: stands for
    every normal number that is drawn.
    """
    n_support, both = len(support_x), torch.cat([support_x, query_x])
    order = "second" if settings.second_order else "first"

    def scaled(features: Tensor) -> Tensor:
        if settings.feature_norm == "none":
            return features
        return torch.stack([row / (row**2).sum().sqrt() for row in features])

    def shared_features(images: Tensor) -> Tensor:
        """Return features of images; the first are the episode's own, which give the statistics."""
        return scaled(conv4(weights, "classifier.backbone.", images, running or of_first(len(both)), settings.padding))

    def features(images: Tensor, codes: list[Tensor]) -> Tensor:
        """Return features of support images, and of query images if given, by the CNN generated from the codes."""
        if settings.generated == "full":
            changed = changed_weights(weights, mean(codes))
            return scaled(conv4(changed, "classifier.backbone.", images, of_first(n_support), settings.padding))
        return shared_features(both)[: len(images)]

    def head(codes: list[Tensor]) -> Tensor:
        """Return the rows [N, F + 1] that the codes decode to."""
        known = list(zip(shared_features(both), support_y, strict=False))
        prototypes = [mean([row for row, label in known if label == k]) for k in range(n_way)]
        return decoded(weights, settings, codes, prototypes, noise)

    def class_codes(images: list[int]) -> list[Tensor]:
        """Return the class codes of these support images."""
        means = [mean([image_codes[i] for i in images if support_y[i] == label]) for label in range(n_way)]
        return refined(weights, settings, means)

    def support_loss(codes: list[Tensor]) -> Tensor:
        if settings.inner_examples == "leave_one_out":
            return left_out_loss(codes)
        logits = logits_of(head(codes), features(support_x, codes))
        labels = list(support_y)
        if settings.inner_examples == "shifted":
            moves = ((0, 1), (0, -1), (1, 0), (-1, 0))
            copies = torch.stack([shifted(image, *move) for image in support_x for move in moves])
            others = shared_features(torch.cat([both, copies]))[len(both) :]
            logits = torch.cat([logits, logits_of(head(codes), others)])
            labels += [label for label in support_y for _ in moves]
        return cross_entropy(settings, logits, torch.stack(labels))

    def left_out_loss(codes: list[Tensor]) -> Tensor:
        logits = []
        for i in range(n_support):
            rest = class_codes([j for j in range(n_support) if j != i])
            moved = [a + (b - c) for a, b, c in zip(rest, codes, fixed_start, strict=True)]
            rows = head(moved)
            logits.append(logits_of(rows, features(support_x, codes)[i : i + 1])[0])
        return cross_entropy(settings, torch.stack(logits), support_y)

    def step(loss: Callable[[list[Tensor]], Tensor], point: list[Tensor], by: Tensor | float) -> list[Tensor]:
        gradients = torch.autograd.grad(loss(point), point, create_graph=True)
        if order == "first":
            gradients = tuple(gradient.detach() for gradient in gradients)
        return [value - by * gradient for value, gradient in zip(point, gradients, strict=True)]

    if settings.encoder == "none":
        image_codes = torch.zeros(n_support, settings.latent_dim, dtype=support_x.dtype)
    elif settings.encoder == "separate":
        encoded = conv4(weights, "encoder.backbone.", support_x, running or of_first(n_support), settings.padding)
        image_codes = encoded @ weights["encoder.fc.weight"].T + weights["encoder.fc.bias"]
    elif settings.generated == "full":
        encoded = scaled(conv4(weights, "classifier.backbone.", support_x, of_first(n_support), settings.padding))
        image_codes = encoded @ weights["encoder.fc.weight"].T
    else:
        image_codes = shared_features(both)[:n_support] @ weights["encoder.fc.weight"].T
    codes = class_codes(list(range(n_support)))
    if settings.latent == "gaussian" and settings.encoder == "none":
        codes = [torch.full_like(code, noise) for code in codes]
    elif settings.latent == "gaussian":
        spread, bias = weights["latent.spread.weight"], weights["latent.spread.bias"]
        codes = [code + (spread @ code + bias).exp() * noise for code in codes]
    fixed_start = codes
    codes = [code.clone() for code in codes]
    if settings.encoder == "none":
        codes = [code.requires_grad_() for code in codes]

    points = [codes]
    for index in range(settings.inner_steps):
        codes = step(support_loss, codes, rate(weights, settings, index))
        points.append(codes)
    heads = [(point, head(point)) for point in points]
    for _ in range(settings.finetune_steps):
        of_support = features(support_x, codes)
        (rows,) = step(
            lambda rows, of_support=of_support: cross_entropy(settings, logits_of(rows[0], of_support), support_y),
            [heads[-1][1]],
            weights["finetune_rate.lr"],
        )
        heads.append((codes, rows))
    logits = [logits_of(rows, features(both, point)[n_support:]) for point, rows in heads]
    losses = [support_loss(points[0]), support_loss(points[-1])]
    if settings.finetune_steps:
        losses.append(cross_entropy(settings, logits_of(rows, features(support_x, codes)), support_y))
    return Adapted(logits, points, losses)
