"""First CNN block with a kernel for each episode on a CPU, differentiable any number of times, and a Conv-4 with it.

The images have one channel and need no gradient. As in FusedFirstBlock (blocks.py) the statistics follow from the mean
and the covariance of the 9 numbers of a patch, and no unpooled image is stored. The rest of the block, the largest
max(patch . kernel + offset, 0) of each pooling window, is piecewise linear in kernel and offset: its derivative sums
the chosen patches, and the derivative of that picks them again.

Letters: E episodes, B images of an episode, C channels, H x W pixels, h x w after pooling, M = E * B.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from leo_bench.models import kernels
from leo_bench.models.backbone import adapted_conv4
from leo_bench.models.blocks import EPS
from leo_bench.models.kernels import CUT, compiled

AdaptedConv4 = Callable[[Sequence[Tensor], Sequence[Tensor], Sequence[Tensor]], Tensor]
"""Kernels, scales and shifts of each block, as in adapted_conv4 -> features [E, B, F]."""


def conv4_on(images: Tensor, twice: bool) -> AdaptedConv4:
    """Return the function from weights to the features of the same images, [E, B, 1, H, W], for many calls.

    The statistics of all images of an episode normalise them. twice: the result can be differentiated twice by the
    weights.
    """
    n_images = images.shape[1]
    if not twice or images.device.type != "cpu":
        return lambda kernels, scales, shifts: adapted_conv4(images, kernels, scales, shifts, n_images, twice)
    first = PatchBlock(images)
    return lambda kernels, scales, shifts: adapted_conv4(
        first(kernels[0], scales[0], shifts[0]), kernels[1:], scales[1:], shifts[1:], n_images, twice
    )


class PatchBlock:
    """The first block on the same images again and again, normalised by the statistics of each episode's images.

    images: [E, B, 1, H, W], on the CPU.
    """

    def __init__(self, images: Tensor) -> None:
        images = images.detach()
        patches = F.unfold(images.flatten(0, 1), 3, padding=1).unflatten(0, images.shape[:2])
        patches = patches.transpose(1, 2).flatten(2)  # [E, 9, B * H * W]
        self.mean = patches.mean(2)
        centred = patches - self.mean[..., None]
        self.covariance = centred @ centred.transpose(1, 2) / centred.shape[2]
        self.images = F.pad(images.flatten(0, 2), (1, 1, 1, 1)).numpy()  # [M, H + 2, W + 2]

    def __call__(self, kernel: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """Return [E, B, C, h, w]. kernel: [E, C, 1, 3, 3]; scale, shift: [E, C]."""
        weights = kernel.flatten(2)  # [E, C, 9]
        mean = (weights * self.mean[:, None]).sum(2)
        variance = ((weights @ self.covariance) * weights).sum(2)
        gain = scale * (variance + EPS).rsqrt()
        pooled: Tensor = _LargestPatches.apply(weights * gain[..., None], shift - gain * mean, self.images)
        return pooled.unflatten(0, (len(kernel), -1))


class _LargestPatches(torch.autograd.Function):
    """weights [E, C, 9], offset [E, C] -> the largest max(patch . weights + offset, 0) of each window, [M, C, h, w]."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, offset: Tensor, images: np.ndarray) -> Tensor:
        y = _empty(weights, images)
        ctx.images, ctx.n_episodes, ctx.chosen = images, len(weights), torch.empty_like(y, dtype=torch.uint8)
        kernels.over_images(
            kernels.convolve_and_pool,
            len(images),
            *(images, _columns(weights), offset.detach().contiguous().numpy()),
            *(kernels.pixels(y), kernels.pixels(ctx.chosen)),
        )
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        d_weights, d_offset = _SumOfChosen.apply(gradient, ctx.chosen, ctx.images, ctx.n_episodes)
        return d_weights, d_offset, None


class _SumOfChosen(torch.autograd.Function):
    """gradient [M, C, h, w] -> its sum times the chosen patches, [E, C, 9], and its sum, [E, C], ReLU's cuts left out.

    It is the transpose of _PickChosen.
    """

    @staticmethod
    def forward(
        ctx: Any, gradient: Tensor, chosen: Tensor, images: np.ndarray, n_episodes: int
    ) -> tuple[Tensor, Tensor]:
        ctx.images, ctx.chosen = images, chosen
        sums = np.empty((len(images), 10, gradient.shape[1]))
        pooled = kernels.pixels(gradient.contiguous(memory_format=torch.channels_last))
        kernels.over_images(kernels.sum_patches, len(images), images, pooled, kernels.pixels(chosen), sums)
        by_episode = torch.from_numpy(sums.reshape(n_episodes, -1, *sums.shape[1:]).sum(1)).to(gradient.dtype)
        return by_episode[:, :9].transpose(1, 2).contiguous(), by_episode[:, 9].contiguous()

    @staticmethod
    def backward(ctx: Any, d_weights: Tensor, d_offset: Tensor) -> tuple[Tensor, None, None, None]:
        return _PickChosen.apply(d_weights, d_offset, ctx.chosen, ctx.images), None, None, None


class _PickChosen(torch.autograd.Function):
    """weights [E, C, 9], offset [E, C] -> patch . weights + offset at the chosen patches, 0 at ReLU's cuts."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, offset: Tensor, chosen: Tensor, images: np.ndarray) -> Tensor:
        ctx.images, ctx.n_episodes, ctx.chosen = images, len(weights), chosen
        y = _empty(weights, images)
        kernels.over_images(
            _pick_chosen,
            len(images),
            *(images, _columns(weights), offset.detach().contiguous().numpy()),
            *(kernels.pixels(chosen), kernels.pixels(y)),
        )
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        d_weights, d_offset = _SumOfChosen.apply(gradient, ctx.chosen, ctx.images, ctx.n_episodes)
        return d_weights, d_offset, None, None


@compiled
def _pick_chosen(first, last, images, kernel, offset, chosen, y):  # type: ignore[no-untyped-def]
    """Set y to patch . kernel + offset at the chosen position of each window, to 0 where it is CUT.

    images: [M, H + 2, W + 2], with a border of zeros; kernel: [G, 9, C]; offset: [G, C]; chosen, y: [M, h, w, C].
    """
    n_images, n_channels = images.shape[0], kernel.shape[2]
    for m in range(first, last):
        group = m * kernel.shape[0] // n_images
        weights, shift = kernel[group], offset[group]
        for i in range(y.shape[1]):
            r0, r1, r2, r3 = images[m, 2 * i], images[m, 2 * i + 1], images[m, 2 * i + 2], images[m, 2 * i + 3]
            for j in range(y.shape[2]):
                q = 2 * j
                a0, a1, a2, a3 = r0[q], r0[q + 1], r0[q + 2], r0[q + 3]
                b0, b1, b2, b3 = r1[q], r1[q + 1], r1[q + 2], r1[q + 3]
                c0, c1, c2, c3 = r2[q], r2[q + 1], r2[q + 2], r2[q + 3]
                d0, d1, d2, d3 = r3[q], r3[q + 1], r3[q + 2], r3[q + 3]
                for c in range(n_channels):
                    k0, k1, k2 = weights[0, c], weights[1, c], weights[2, c]
                    k3, k4, k5 = weights[3, c], weights[4, c], weights[5, c]
                    k6, k7, k8 = weights[6, c], weights[7, c], weights[8, c]
                    o, where = shift[c], chosen[m, i, j, c]
                    v0 = o + a0 * k0 + a1 * k1 + a2 * k2 + b0 * k3 + b1 * k4 + b2 * k5 + c0 * k6 + c1 * k7 + c2 * k8
                    v1 = o + a1 * k0 + a2 * k1 + a3 * k2 + b1 * k3 + b2 * k4 + b3 * k5 + c1 * k6 + c2 * k7 + c3 * k8
                    v2 = o + b0 * k0 + b1 * k1 + b2 * k2 + c0 * k3 + c1 * k4 + c2 * k5 + d0 * k6 + d1 * k7 + d2 * k8
                    v3 = o + b1 * k0 + b2 * k1 + b3 * k2 + c1 * k3 + c2 * k4 + c3 * k5 + d1 * k6 + d2 * k7 + d3 * k8
                    value = v0 if where == 0 else v1
                    value = v2 if where == 2 else value
                    value = v3 if where == 3 else value
                    y[m, i, j, c] = images.dtype.type(0) if where == CUT else value


def _columns(weights: Tensor) -> np.ndarray:
    """Return weights [E, C, 9] as an array [E, 9, C]."""
    return weights.detach().transpose(1, 2).contiguous().numpy()


def _empty(weights: Tensor, images: np.ndarray) -> Tensor:
    """Return an empty channels-last tensor for the pooled images, [M, C, h, w]."""
    height, width = (side // 2 - 1 for side in images.shape[1:])
    shape = (len(images), weights.shape[1], height, width)
    return torch.empty(shape, dtype=weights.dtype, memory_format=torch.channels_last)
