"""Conv-4: the convolutional feature extractor, and its form with other weights for each episode."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from leo_bench.models.blocks import EPS, Statistics, normalised_block
from leo_bench.models.stem import Stem

WIDTH = 64
"""Channels of the document's blocks."""
BLOCKS = 4
CHUNK = 80
"""Images per pass in eval mode, where any number gives the same result: bounds the memory."""


def feature_dim(image_size: int, width: int = WIDTH) -> int:
    """Length of the flattened features: four halvings (rounded down) of the side, width channels; 2,304 at 105, 64 at
    28."""
    return width * (image_size // 2**BLOCKS) ** 2


class Block(nn.Module):
    """3x3 convolution to width channels, batch norm, ReLU, 2x2 max pooling (the document's layer)."""

    def __init__(self, n_in: int, width: int, conv_bias: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, width, 3, padding=1, bias=conv_bias)
        self.norm = nn.BatchNorm2d(width, eps=EPS)

    def forward(self, x: Tensor, n_groups: int, precision: str, n_statistics: int) -> Tensor:
        """x: [M, n_in, H, W]. Training: each of n_groups is normalised by the statistics of its first n_statistics
        images, and the running ones follow, group after group. Eval: running statistics."""
        norm, bias = self.norm, self.conv.bias
        assert norm.running_mean is not None and norm.running_var is not None
        if self.training:
            # Normalisation cancels the bias: it moves the running mean alone, and its gradient is zero, not missing.
            shift = norm.bias if bias is None else norm.bias + 0 * bias
            fixed = None
        else:
            fixed = Statistics(norm.running_mean, norm.running_var)
            gain = norm.weight * (norm.running_var + EPS).rsqrt()
            shift = norm.bias if bias is None else norm.bias + gain * bias
        by_group = (n_groups, len(norm.weight))
        scale, shift = norm.weight.expand(by_group), shift.expand(by_group)
        y, statistics = normalised_block(x, self.conv.weight, scale, shift, fixed, n_statistics, precision)
        if self.training:
            self._follow(statistics, n_pixels=n_statistics * x.shape[2] * x.shape[3])
        return y

    @torch.no_grad()
    def _follow(self, statistics: Statistics, n_pixels: int) -> None:
        """Move the running statistics towards each group's; the variance that is kept is the unbiased one."""
        norm = self.norm
        means = statistics.mean if self.conv.bias is None else statistics.mean + self.conv.bias
        variances = statistics.variance * (n_pixels / max(n_pixels - 1, 1))
        for mean, variance in zip(means, variances, strict=True):
            norm.running_mean.lerp_(mean, norm.momentum)  # type: ignore[union-attr, arg-type]
            norm.running_var.lerp_(variance, norm.momentum)  # type: ignore[union-attr, arg-type]
        norm.num_batches_tracked.add_(len(means))  # type: ignore[union-attr]


class Conv4(nn.Module):
    """Four blocks and a flattening. Batch statistics when training, running statistics in eval mode.

    image_size: side in pixels; precision: of the convolutions (blocks.py); features are float32 always; conv_bias: as
    documented, although normalisation cancels it; width: channels of each block; stem: what images go through first.
    """

    def __init__(
        self,
        image_size: int,
        precision: str = "float32",
        conv_bias: bool = True,
        width: int = WIDTH,
        stem: Stem | None = None,
    ) -> None:
        super().__init__()
        self.stem = stem or Stem()
        self.feature_dim = feature_dim(self.stem.side(image_size), width)
        self.precision = precision
        self.blocks = nn.ModuleList(Block(1 if i == 0 else width, width, conv_bias) for i in range(BLOCKS))
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor, n_groups: int = 1, n_statistics: int | None = None) -> Tensor:
        """images: float32 [M, 1, H, W], in n_groups equal parts that training normalises apart, each by its first
        n_statistics images (all of them when left out). Returns float32 [M, feature_dim]."""
        n_statistics = len(images) // n_groups if n_statistics is None else n_statistics
        images = self.stem(images)
        for block in self.blocks:
            images = block(images, n_groups, self.precision, n_statistics)
        return images.flatten(1)

    def by_episode(self, images: Tensor, n_statistics: int | None = None) -> Tensor:
        """Features [E, B, feature_dim] of images [E, B, 1, H, W].

        Training: batch statistics are one episode's own, of its first n_statistics images (all of them when left out).
        Eval: statistics are fixed, so the same numbers come from passes of any size.
        """
        together = images.flatten(0, 1)
        features = self(together, len(images), n_statistics) if self.training else in_chunks(self, together)
        return features.unflatten(0, images.shape[:2])


def in_chunks(module: nn.Module, images: Tensor) -> Tensor:
    """module over images in passes of CHUNK; for eval mode, where passes do not influence each other."""
    return torch.cat([module(chunk) for chunk in images.split(CHUNK)])


def adapted_conv4(
    images: Tensor,
    kernels: Sequence[Tensor],
    scales: Sequence[Tensor],
    shifts: Sequence[Tensor],
    n_support: int,
    twice: bool = True,
) -> Tensor:
    """Conv-4 with each episode's own weights.

    images: [E, B, 1, H, W], the first n_support of each episode its support set. kernels: one [E, C, n_in, 3, 3] a
    block; scales, shifts: one [E, C] a block (of the normalisation). Normalises by the support set's statistics,
    support and query alike: inductive, and defined for a single query. twice: the result can be differentiated twice.
    Returns [E, B, feature_dim].
    """
    if images.device.type == "cpu" and not twice:
        return _one_by_one(images, kernels, scales, shifts, n_support)
    return _as_groups(images, kernels, scales, shifts, n_support)


def _one_by_one(
    images: Tensor, kernels: Sequence[Tensor], scales: Sequence[Tensor], shifts: Sequence[Tensor], n_support: int
) -> Tensor:
    """Episode after episode through the fused blocks of a CPU: faster there, and once differentiable."""
    features = []
    for episode, x in enumerate(images):
        for kernel, scale, shift in zip(kernels, scales, shifts, strict=True):
            part = slice(episode, episode + 1)
            x, _ = normalised_block(x, kernel[episode], scale[part], shift[part], n_statistics=n_support)
        features.append(x.flatten(1))
    return torch.stack(features)


def _as_groups(
    images: Tensor, kernels: Sequence[Tensor], scales: Sequence[Tensor], shifts: Sequence[Tensor], n_support: int
) -> Tensor:
    """All episodes at once as groups of one convolution, by torch's operations."""
    n_episodes, n_images = images.shape[:2]
    x = images.transpose(0, 1).flatten(1, 2)  # [B, E, H, W]: an episode is a group of channels
    for kernel, scale, shift in zip(kernels, scales, shifts, strict=True):
        # Pooling before normalisation and ReLU gives the same numbers on a quarter of the data, where the scale is not
        # negative: a sign moved from the scale into the kernel makes it so.
        sign = torch.where(scale >= 0, 1.0, -1.0)
        x = F.conv2d(
            x, (kernel * sign[:, :, None, None, None]).flatten(0, 1), padding=1, groups=n_episodes
        )  # [B, E * C, h, w]
        variance, mean = torch.var_mean(x[:n_support], dim=(0, 2, 3), correction=0)
        gain = scale.abs().flatten() * (variance + EPS).rsqrt()
        offset = shift.flatten() - gain * mean
        x = F.relu(torch.addcmul(offset[:, None, None], F.max_pool2d(x, 2), gain[:, None, None]))
    return x.reshape(n_images, n_episodes, -1).transpose(0, 1)
