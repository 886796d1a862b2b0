"""Convolution block: normalisation, ReLU and pooling, for groups of images that are normalised separately.

On a CPU these are fused passes (the loops are in `kernels.py`) with a gradient derived by hand, which cannot be
differentiated again. On other devices they are torch's operations. Both give the same numbers up to rounding.

Letters: M images, C channels, G groups of M / G consecutive images (an episode is a group).
"""

from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from leo_bench.models import kernels
from leo_bench.models.convolution import convolution

EPS = 1e-5
"""Added to variances."""


class Statistics(NamedTuple):
    """Mean and biased variance of each channel, [G, C] or [C]."""

    mean: Tensor
    variance: Tensor


def normalised_block(
    x: Tensor,
    kernel: Tensor,
    scale: Tensor,
    shift: Tensor,
    fixed: Statistics | None = None,
    n_statistics: int | None = None,
    precision: str = "float32",
) -> tuple[Tensor, Statistics]:
    """Apply 3x3 convolution without bias, batch norm, ReLU and 2x2 max pooling.

    x: [M, n_in, H, W]; kernel: [C, n_in, 3, 3]; scale, shift: [G, C]. fixed: statistics to normalise by; None: those of
    the first n_statistics images of each group (by default all). precision: of the convolution; on a CPU, a convolution
    of one channel is always float32. Returns [M, C, H // 2, W // 2] and the statistics, [G, C], without gradient.
    """
    n_statistics = x.shape[0] // scale.shape[0] if n_statistics is None else n_statistics
    one_channel = x.device.type == "cpu" and x.shape[1] == 1
    if one_channel and not x.requires_grad:
        y, *statistics = FusedFirstBlock.apply(x, kernel, scale, shift, fixed, n_statistics)
        return y, Statistics(*statistics)
    x = convolution(x, kernel, "float32" if one_channel else precision)
    if x.device.type == "cpu":
        y, *statistics = FusedNormReluPool.apply(x, scale, shift, fixed, n_statistics)
        return y, Statistics(*statistics)
    return norm_relu_pool(x, scale, shift, fixed, n_statistics)


def norm_relu_pool(
    x: Tensor, scale: Tensor, shift: Tensor, fixed: Statistics | None, n_statistics: int
) -> tuple[Tensor, Statistics]:
    """Apply the block after its convolution by torch's operations, which are differentiable any number of times."""
    groups = x.unflatten(0, (scale.shape[0], -1))
    if fixed is None:
        variance, mean = torch.var_mean(groups[:, :n_statistics], dim=(1, 3, 4), correction=0)
    else:
        mean, variance = (value.expand(scale.shape) for value in fixed)
    gain = scale * (variance + EPS).rsqrt()
    offset = shift - gain * mean
    normalised = torch.addcmul(offset[:, None, :, None, None], groups, gain[:, None, :, None, None])
    y = F.max_pool2d(F.relu(normalised.flatten(0, 1)), 2)
    return y, Statistics(mean.detach(), variance.detach())


class FusedNormReluPool(torch.autograd.Function):
    """norm_relu_pool in few passes: two reads of x forward, one of x and one of the pooled images backward."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, scale: Tensor, shift: Tensor, fixed: Statistics | None, n_statistics: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        x = x.contiguous(memory_format=torch.channels_last)
        images, n_groups = kernels.pixels(x), scale.shape[0]
        if fixed is None:
            mean, variance = _moments(images, n_groups, n_statistics)
        else:
            mean, variance = (_wide(value.expand(scale.shape)) for value in fixed)
        inverse = 1 / np.sqrt(variance + EPS)
        gain = _wide(scale) * inverse
        offset = _wide(shift) - gain * mean
        y = _pooled_like(x)
        best, chosen = torch.empty_like(y), torch.empty_like(y, dtype=torch.uint8)
        narrow = images.dtype.type
        kernels.over_images(
            kernels.normalise_and_pool,
            len(images),
            *(
                images,
                gain.astype(narrow),
                offset.astype(narrow),
                kernels.pixels(y),
                kernels.pixels(best),
                kernels.pixels(chosen),
            ),
        )
        ctx.save_for_backward(x, best, chosen)
        ctx.statistics = mean, inverse, gain, 0 if fixed is not None else n_statistics
        return _with_statistics(ctx, y, mean, variance)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        x, best, chosen = ctx.saved_tensors
        mean, inverse, gain, n_statistics = ctx.statistics
        pooled = kernels.pixels(gradient.contiguous(memory_format=torch.channels_last))
        n_images, n_groups, narrow = len(pooled), len(mean), pooled.dtype.type
        totals, weighted = np.empty((2, n_images, mean.shape[1]))
        kernels.over_images(
            kernels.sum_gradients,
            n_images,
            *(pooled, kernels.pixels(best), kernels.pixels(chosen), mean.astype(narrow), totals, weighted),
        )
        d_shift = _by_group(totals, n_groups)
        d_scale = _by_group(weighted, n_groups) * inverse
        # x enters its group's mean and variance too: dx = gain * (g - mean(g) - xhat * mean(g * xhat)), the means over
        # the pixels that gave the statistics. As a function of x: level + slope * x.
        n_pixels = max(n_statistics * x.shape[2] * x.shape[3], 1)
        slope = -gain * inverse * d_scale / n_pixels
        level = -gain * d_shift / n_pixels - slope * mean
        dx = torch.empty_like(x)
        kernels.over_images(
            kernels.spread_gradient,
            n_images,
            *(
                kernels.pixels(x),
                pooled,
                kernels.pixels(chosen),
                gain.astype(narrow),
                level.astype(narrow),
                slope.astype(narrow),
            ),
            *(n_statistics, kernels.pixels(dx)),
        )
        return dx, torch.from_numpy(d_scale).to(x.dtype), torch.from_numpy(d_shift).to(x.dtype), None, None


class FusedFirstBlock(torch.autograd.Function):
    """The whole first block, on one-channel images that need no gradient, without ever storing an unpooled image.

    A pixel's convolution is kernel . patch, so its mean and variance follow from the mean and the covariance of the 9
    numbers of a patch. The same sums give the part of the gradient that passes through the statistics.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, kernel: Tensor, scale: Tensor, shift: Tensor, fixed: Statistics | None, n_statistics: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        images = F.pad(x[:, 0], (1, 1, 1, 1)).numpy()
        n_images, n_groups = len(images), scale.shape[0]
        weights = np.ascontiguousarray(_wide(kernel).reshape(-1, 9).T)  # [9, C]
        if fixed is None:
            patch, covariance = _patch_moments(images, n_groups, n_statistics)
            mean = patch @ weights
            variance = np.einsum("kc,gkl,lc->gc", weights, covariance, weights)
            ctx.patches = patch, covariance
        else:
            mean, variance = (_wide(value.expand(scale.shape)) for value in fixed)
            ctx.patches = None
        inverse = 1 / np.sqrt(variance + EPS)
        gain = _wide(scale) * inverse
        narrow = images.dtype.type
        y = _pooled_like(x, n_channels=kernel.shape[0])
        chosen = torch.empty_like(y, dtype=torch.uint8)
        kernels.over_images(
            kernels.convolve_and_pool,
            n_images,
            *(images, (weights * gain[:, None]).astype(narrow), (_wide(shift) - gain * mean).astype(narrow)),
            *(kernels.pixels(y), kernels.pixels(chosen)),
        )
        ctx.save_for_backward(chosen)
        ctx.images, ctx.weights, ctx.statistics = images, weights, (mean, inverse, gain)
        return _with_statistics(ctx, y, mean, variance)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        (chosen,) = ctx.saved_tensors
        mean, inverse, gain = ctx.statistics
        pooled = kernels.pixels(gradient.contiguous(memory_format=torch.channels_last))
        sums = np.empty((len(pooled), 10, mean.shape[1]))
        kernels.over_images(kernels.sum_patches, len(pooled), ctx.images, pooled, kernels.pixels(chosen), sums)
        by_group = _by_group(sums, len(mean))
        direct, d_shift = by_group[:, :9], by_group[:, 9]
        d_scale = inverse * ((ctx.weights * direct).sum(1) - mean * d_shift)
        d_weights = direct
        if ctx.patches is not None:  # the kernel moves its own mean and variance
            patch, covariance = ctx.patches
            through_mean = d_shift[:, None] * patch[:, :, None]
            d_weights = direct - through_mean - (d_scale * inverse)[:, None] * (covariance @ ctx.weights)
        d_kernel = (gain[:, None] * d_weights).sum(0).T.reshape(-1, 1, 3, 3)
        gradients = (torch.from_numpy(np.ascontiguousarray(d)).to(gradient.dtype) for d in (d_kernel, d_scale, d_shift))
        return None, *gradients, None, None


def _moments(images: np.ndarray, n_groups: int, n_statistics: int) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and biased variance, float64 [G, C], over the first n_statistics images of each group."""
    groups = images.reshape(n_groups, -1, *images.shape[1:])
    if n_statistics < groups.shape[1]:
        images = np.ascontiguousarray(groups[:, :n_statistics]).reshape(-1, *images.shape[1:])
    pivot = groups[:, 0].mean((1, 2))
    totals, squares = np.empty((2, len(images), images.shape[-1]))
    kernels.over_images(kernels.sum_moments, len(images), images, pivot, totals, squares)
    n_pixels = n_statistics * images.shape[1] * images.shape[2]
    from_pivot = _by_group(totals, n_groups) / n_pixels
    return pivot + from_pivot, _by_group(squares, n_groups) / n_pixels - from_pivot**2


def _patch_moments(images: np.ndarray, n_groups: int, n_statistics: int) -> tuple[np.ndarray, np.ndarray]:
    """Return mean [G, 9] and covariance [G, 9, 9], float64, of the 3x3 patches of each group's first images.

    Patches at the border are padded with zeros.
    """
    groups = images.reshape(n_groups, -1, *images.shape[1:])[:, :n_statistics]
    images = np.ascontiguousarray(groups).reshape(-1, *images.shape[1:])
    totals, products = np.empty((len(images), 9)), np.empty((len(images), 9, 9))
    kernels.over_images(kernels.sum_patch_moments, len(images), images, totals, products)
    n_pixels = n_statistics * (images.shape[1] - 2) * (images.shape[2] - 2)
    mean = _by_group(totals, n_groups) / n_pixels
    return mean, _by_group(products, n_groups) / n_pixels - mean[:, :, None] * mean[:, None, :]


def _by_group(per_image: np.ndarray, n_groups: int) -> np.ndarray:
    return per_image.reshape(n_groups, -1, *per_image.shape[1:]).sum(1)


def _wide(x: Tensor) -> np.ndarray:
    return x.detach().double().numpy()


def _pooled_like(x: Tensor, n_channels: int | None = None) -> Tensor:
    """Return an empty channels-last tensor with the shape of x after pooling."""
    n_images, own_channels, height, width = x.shape
    shape = (n_images, n_channels or own_channels, height // 2, width // 2)
    return torch.empty(shape, dtype=x.dtype, memory_format=torch.channels_last)


def _with_statistics(ctx: Any, y: Tensor, mean: np.ndarray, variance: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    """Return the outputs of a block, with its statistics marked as not differentiable."""
    statistics = torch.from_numpy(mean).to(y.dtype), torch.from_numpy(variance).to(y.dtype)
    ctx.mark_non_differentiable(*statistics)
    return y, *statistics
