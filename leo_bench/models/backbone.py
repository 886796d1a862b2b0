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
"""Images per pass in eval mode. Bounds the memory; the result does not depend on it."""


def feature_dim(image_size: int, width: int = WIDTH) -> int:
    """Return the length of the flattened features: width channels, the side halved four times and rounded down.

    With 64 channels these are 2,304 numbers at 105x105 pixels and 64 at 28x28.
    """
    return width * (image_size // 2**BLOCKS) ** 2


class Block(nn.Module):
    """3x3 convolution to width channels, batch norm, ReLU, 2x2 max pooling (the document's layer)."""

    def __init__(self, n_in: int, width: int, conv_bias: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, width, 3, padding=1, bias=conv_bias)
        self.norm = nn.BatchNorm2d(width, eps=EPS)

    def forward(self, x: Tensor, n_groups: int, precision: str, n_statistics: int) -> Tensor:
        """Apply the block to x, [M, n_in, H, W]. Returns [M, width, H // 2, W // 2].

        In training mode each of n_groups is normalised by the statistics of its first n_statistics images, and the
        running statistics are updated group after group. In eval mode the running statistics are used.
        """
        norm, bias = self.norm, self.conv.bias
        assert norm.running_mean is not None and norm.running_var is not None
        if self.training:
            # Normalisation cancels the bias, which only changes the running mean. Its gradient is zero, not None.
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
        """Update the running statistics with each group's mean and unbiased variance."""
        norm = self.norm
        means = statistics.mean if self.conv.bias is None else statistics.mean + self.conv.bias
        variances = statistics.variance * (n_pixels / max(n_pixels - 1, 1))
        for mean, variance in zip(means, variances, strict=True):
            norm.running_mean.lerp_(mean, norm.momentum)  # type: ignore[union-attr, arg-type]
            norm.running_var.lerp_(variance, norm.momentum)  # type: ignore[union-attr, arg-type]
        norm.num_batches_tracked.add_(len(means))  # type: ignore[union-attr]


class Conv4(nn.Module):
    """Four blocks and a flattening. Batch statistics when training, running statistics in eval mode.

    image_size: side in pixels; precision: of the convolutions (blocks.py), features are always float32; conv_bias: add
    a bias to the convolutions (the document does, although normalisation cancels it); width: channels of each block;
    stem: pooling and padding in front of the first block.
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
        """Return features, float32 [M, feature_dim], of images, float32 [M, 1, H, W].

        In training mode the images are n_groups equal groups; each is normalised by the statistics of its first
        n_statistics images (by default of all).
        """
        n_statistics = len(images) // n_groups if n_statistics is None else n_statistics
        images = self.stem(images)
        for block in self.blocks:
            images = block(images, n_groups, self.precision, n_statistics)
        return images.flatten(1)

    def by_episode(self, images: Tensor, n_statistics: int | None = None) -> Tensor:
        """Return features [E, B, feature_dim] of images [E, B, 1, H, W].

        In training mode batch statistics are those of one episode, over its first n_statistics images (by default
        all). In eval mode statistics are fixed, so the result does not depend on the size of a pass.
        """
        together = images.flatten(0, 1)
        features = self(together, len(images), n_statistics) if self.training else in_chunks(self, together)
        return features.unflatten(0, images.shape[:2])


def in_chunks(module: nn.Module, images: Tensor) -> Tensor:
    """Apply module to images in passes of CHUNK. Only for eval mode, in which images do not influence each other."""
    return torch.cat([module(chunk) for chunk in images.split(CHUNK)])


def adapted_conv4(
    images: Tensor,
    kernels: Sequence[Tensor],
    scales: Sequence[Tensor],
    shifts: Sequence[Tensor],
    n_support: int,
    twice: bool = True,
) -> Tensor:
    """Apply a Conv-4 with separate weights for each episode. Returns features [E, B, feature_dim].

    images: [E, B, 1, H, W], of which the first n_support are the support set. kernels: [E, C, n_in, 3, 3] for each
    block; scales, shifts: [E, C] for each block (of the normalisation). The statistics of the support set normalise
    support and query images: inductive, and defined for a single query. twice: the result can be differentiated twice.
    """
    if images.device.type == "cpu" and not twice:
        return _one_by_one(images, kernels, scales, shifts, n_support)
    return _as_groups(images, kernels, scales, shifts, n_support)


def _one_by_one(
    images: Tensor, kernels: Sequence[Tensor], scales: Sequence[Tensor], shifts: Sequence[Tensor], n_support: int
) -> Tensor:
    """Apply the fused blocks of a CPU, one episode after another: faster, and differentiable once."""
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
    """Apply torch's operations to all episodes at once, as the groups of one convolution."""
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
