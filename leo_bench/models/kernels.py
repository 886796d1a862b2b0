"""The loops of a fused convolution block on a CPU, over images laid out with the channels last.

Normalisation, ReLU and pooling move far more memory than they compute; one layer after another writes and reads the
unpooled images many times, these loops once or twice. Plain loops over numpy arrays; numba compiles them on first use
and keeps the machine code in a cache. Inner loops run over channels, which lie next to each other in memory, one
statement an iteration where the compiler would not vectorise it otherwise.

Letters: M images in G groups of M / G (an episode is a group), C channels, sides H and W. Image m belongs to group
m * G // M. All floating-point arrays of a call have one type, float32 or float64; sums over images are float64, one
row an image, so that a result does not depend on the number of threads. NaN stays NaN, as in torch's own layers.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import torch
from numba import njit
from torch import Tensor

CUT = np.uint8(4)
"""In `chosen`, beside the positions 0 to 3 of a pooling window in reading order: ReLU cut all four."""

compiled = njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
compiled_sums = njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "reassoc"})


Result = TypeVar("Result")


def over_images(part: Callable[..., Result], n_images: int, *arguments: Any) -> list[Result]:
    """Call part(first, last, *arguments) for ranges that cover n_images, on as many threads as torch is set to use.

    Returns the results in the order of the ranges.
    """
    n_threads = min(torch.get_num_threads(), n_images)
    if n_threads == 1:
        return [part(0, n_images, *arguments)]
    cuts = [n_images * index // n_threads for index in range(n_threads + 1)]
    waiting = [_pool(n_threads).submit(part, *ends, *arguments) for ends in pairwise(cuts)]
    return [one.result() for one in waiting]


@cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    """Return a pool of threads in which torch starts no further threads.

    Threads that are started in them inherit this setting; the main thread keeps its own.
    """
    return ThreadPoolExecutor(n_threads, initializer=torch.set_num_threads, initargs=(1,))


os.register_at_fork(after_in_child=_pool.cache_clear)  # a forked process has none of its parent's threads


def pixels(x: Tensor) -> np.ndarray:
    """Return a channels-last tensor [M, C, H, W] as an array [M, H, W, C] that shares its memory."""
    return x.detach().permute(0, 2, 3, 1).numpy()


@compiled
def sum_moments(first, last, x, pivot, totals, squares):  # type: ignore[no-untyped-def]
    """Sum x - pivot and its square over the pixels of each image and channel.

    x: [M, H, W, C]; pivot: [G, C], near the mean, so that the squares do not cancel; totals, squares: float64 [M, C].
    """
    n_images, height, width, n_channels = x.shape
    total, square = np.empty(n_channels, x.dtype), np.empty(n_channels, x.dtype)
    for m in range(first, last):
        center = pivot[m * pivot.shape[0] // n_images]
        totals[m] = 0
        squares[m] = 0
        for h in range(height):
            total[:] = 0
            square[:] = 0
            for w in range(width):
                for c in range(n_channels):
                    value = x[m, h, w, c] - center[c]
                    total[c] += value
                    square[c] += value * value
            for c in range(n_channels):
                totals[m, c] += total[c]
                squares[m, c] += square[c]


@compiled
def normalise_and_pool(first, last, x, gain, offset, y, best, chosen):  # type: ignore[no-untyped-def]
    """Set y to the largest max(gain * x + offset, 0) of each 2x2 window, best to x there, chosen to the place or CUT.

    x: [M, H, W, C]; gain, offset: [G, C]; y, best: [M, H // 2, W // 2, C]; chosen: the same, uint8.
    """
    n_images, height, width, n_channels = x.shape
    for m in range(first, last):
        group = m * gain.shape[0] // n_images
        for i in range(height // 2):
            for j in range(width // 2):
                for c in range(n_channels):
                    scale, shift = gain[group, c], offset[group, c]
                    x0, x1 = x[m, 2 * i, 2 * j, c], x[m, 2 * i, 2 * j + 1, c]
                    x2, x3 = x[m, 2 * i + 1, 2 * j, c], x[m, 2 * i + 1, 2 * j + 1, c]
                    top, where, kept = x0 * scale + shift, np.uint8(0), x0
                    value = x1 * scale + shift
                    larger = (value > top) | (value != value)
                    top = value if larger else top
                    where = np.uint8(1) if larger else where
                    kept = x1 if larger else kept
                    value = x2 * scale + shift
                    larger = (value > top) | (value != value)
                    top = value if larger else top
                    where = np.uint8(2) if larger else where
                    kept = x2 if larger else kept
                    value = x3 * scale + shift
                    larger = (value > top) | (value != value)
                    top = value if larger else top
                    where = np.uint8(3) if larger else where
                    kept = x3 if larger else kept
                    cut = top <= 0
                    y[m, i, j, c] = x.dtype.type(0) if cut else top
                    chosen[m, i, j, c] = CUT if cut else where
                    best[m, i, j, c] = kept


@compiled
def sum_gradients(first, last, gradient, best, chosen, mean, totals, weighted):  # type: ignore[no-untyped-def]
    """Sum, for each image and channel, the gradients that pass ReLU, and these times best - mean.

    gradient, best, chosen: [M, h, w, C], of pooled images; mean: [G, C]; totals, weighted: float64 [M, C].
    """
    n_images, height, width, n_channels = gradient.shape
    total, weight = np.empty(n_channels, gradient.dtype), np.empty(n_channels, gradient.dtype)
    nothing = gradient.dtype.type(0)
    for m in range(first, last):
        center = mean[m * mean.shape[0] // n_images]
        totals[m] = 0
        weighted[m] = 0
        for h in range(height):
            total[:] = 0
            weight[:] = 0
            for w in range(width):
                for c in range(n_channels):
                    value = gradient[m, h, w, c] if chosen[m, h, w, c] != CUT else nothing
                    total[c] += value
                    weight[c] += value * (best[m, h, w, c] - center[c])
            for c in range(n_channels):
                totals[m, c] += total[c]
                weighted[m, c] += weight[c]


@compiled
def spread_gradient(first, last, x, gradient, chosen, gain, level, slope, n_statistics, dx):  # type: ignore[no-untyped-def]
    """Set dx = gain * gradient at chosen pixels, plus level + slope * x in the images that gave statistics.

    x, dx: [M, H, W, C]; gradient, chosen: [M, H // 2, W // 2, C]; gain, level, slope: [G, C]; n_statistics: how many of
    each group's images, the first ones, gave its mean and variance.
    """
    n_images, height, width, n_channels = x.shape
    per_group = n_images // gain.shape[0]
    nothing = x.dtype.type(0)
    zeros = np.zeros(n_channels, x.dtype)
    for m in range(first, last):
        group = m // per_group
        gave = m % per_group < n_statistics
        base, tilt = (level[group], slope[group]) if gave else (zeros, zeros)
        scale = gain[group]
        for h in range(height):
            for w in range(width):
                if h // 2 < height // 2 and w // 2 < width // 2:
                    position = np.uint8(2 * (h % 2) + w % 2)
                    for c in range(n_channels):
                        pooled = gradient[m, h // 2, w // 2, c] * scale[c]
                        hit = chosen[m, h // 2, w // 2, c] == position
                        dx[m, h, w, c] = base[c] + tilt[c] * x[m, h, w, c] + (pooled if hit else nothing)
                else:  # the last row or column of an odd side is in no window
                    for c in range(n_channels):
                        dx[m, h, w, c] = base[c] + tilt[c] * x[m, h, w, c]


@compiled_sums
def sum_patch_moments(first, last, images, totals, products):  # type: ignore[no-untyped-def]
    """Sum, over all pixels of each image, the 3x3 patch around a pixel and the products of its numbers.

    images: [M, H + 2, W + 2], with a border of zeros; totals: float64 [M, 9]; products: float64 [M, 9, 9].
    """
    height, width = images.shape[1] - 2, images.shape[2] - 2
    for m in range(first, last):
        for k in range(9):
            total = 0.0
            for h in range(height):
                line = images.dtype.type(0)
                for w in range(width):
                    line += images[m, h + k // 3, w + k % 3]
                total += line
            totals[m, k] = total
            for other in range(k + 1):
                total = 0.0
                for h in range(height):
                    line = images.dtype.type(0)
                    for w in range(width):
                        line += images[m, h + k // 3, w + k % 3] * images[m, h + other // 3, w + other % 3]
                    total += line
                products[m, k, other] = total
                products[m, other, k] = total


@compiled
def convolve_and_pool(first, last, images, kernel, offset, y, chosen):  # type: ignore[no-untyped-def]
    """Set y to the largest max(patch . kernel + offset, 0) of each 2x2 window, chosen to its position or CUT.

    The unpooled image is never stored. images: [M, H + 2, W + 2], with a border of zeros; kernel: [G, 9, C]; offset:
    [G, C]; y, chosen: [M, H // 2, W // 2, C].
    """
    n_images, n_channels = images.shape[0], kernel.shape[2]
    height, width = images.shape[1] - 2, images.shape[2] - 2
    for m in range(first, last):
        group = m * kernel.shape[0] // n_images
        weights, shift = kernel[group], offset[group]
        for i in range(height // 2):
            r0, r1, r2, r3 = images[m, 2 * i], images[m, 2 * i + 1], images[m, 2 * i + 2], images[m, 2 * i + 3]
            for j in range(width // 2):
                q = 2 * j
                a0, a1, a2, a3 = r0[q], r0[q + 1], r0[q + 2], r0[q + 3]
                b0, b1, b2, b3 = r1[q], r1[q + 1], r1[q + 2], r1[q + 3]
                c0, c1, c2, c3 = r2[q], r2[q + 1], r2[q + 2], r2[q + 3]
                d0, d1, d2, d3 = r3[q], r3[q + 1], r3[q + 2], r3[q + 3]
                for c in range(n_channels):
                    k0, k1, k2 = weights[0, c], weights[1, c], weights[2, c]
                    k3, k4, k5 = weights[3, c], weights[4, c], weights[5, c]
                    k6, k7, k8 = weights[6, c], weights[7, c], weights[8, c]
                    o = shift[c]
                    top = o + a0 * k0 + a1 * k1 + a2 * k2 + b0 * k3 + b1 * k4 + b2 * k5 + c0 * k6 + c1 * k7 + c2 * k8
                    where = np.uint8(0)
                    value = o + a1 * k0 + a2 * k1 + a3 * k2 + b1 * k3 + b2 * k4 + b3 * k5 + c1 * k6 + c2 * k7 + c3 * k8
                    larger = (value > top) | (value != value)
                    top, where = value if larger else top, np.uint8(1) if larger else where
                    value = o + b0 * k0 + b1 * k1 + b2 * k2 + c0 * k3 + c1 * k4 + c2 * k5 + d0 * k6 + d1 * k7 + d2 * k8
                    larger = (value > top) | (value != value)
                    top, where = value if larger else top, np.uint8(2) if larger else where
                    value = o + b1 * k0 + b2 * k1 + b3 * k2 + c1 * k3 + c2 * k4 + c3 * k5 + d1 * k6 + d2 * k7 + d3 * k8
                    larger = (value > top) | (value != value)
                    top, where = value if larger else top, np.uint8(3) if larger else where
                    cut = top <= 0
                    y[m, i, j, c] = images.dtype.type(0) if cut else top
                    chosen[m, i, j, c] = CUT if cut else where


@compiled
def sum_patches(first, last, images, gradient, chosen, sums):  # type: ignore[no-untyped-def]
    """Sum, for each image and channel, the gradient times the patch around the chosen pixel, and the gradient.

    images: [M, H + 2, W + 2], with a border of zeros; gradient, chosen: [M, H // 2, W // 2, C]; sums: float64
    [M, 10, C], the patch's nine pixels and then the gradient.
    """
    n_channels = gradient.shape[3]
    height, width = images.shape[1] - 2, images.shape[2] - 2
    nothing = gradient.dtype.type(0)
    own = np.empty((10, n_channels), gradient.dtype)
    for m in range(first, last):
        own[:] = 0
        for i in range(height // 2):
            r0, r1, r2, r3 = images[m, 2 * i], images[m, 2 * i + 1], images[m, 2 * i + 2], images[m, 2 * i + 3]
            for j in range(width // 2):
                q = 2 * j
                a0, a1, a2, a3 = r0[q], r0[q + 1], r0[q + 2], r0[q + 3]
                b0, b1, b2, b3 = r1[q], r1[q + 1], r1[q + 2], r1[q + 3]
                c0, c1, c2, c3 = r2[q], r2[q + 1], r2[q + 2], r2[q + 3]
                d0, d1, d2, d3 = r3[q], r3[q + 1], r3[q + 2], r3[q + 3]
                for c in range(n_channels):
                    value, where = gradient[m, i, j, c], chosen[m, i, j, c]
                    g0 = value if where == 0 else nothing
                    g1 = value if where == 1 else nothing
                    g2 = value if where == 2 else nothing
                    g3 = value if where == 3 else nothing
                    own[0, c] += a0 * g0 + a1 * g1 + b0 * g2 + b1 * g3
                    own[1, c] += a1 * g0 + a2 * g1 + b1 * g2 + b2 * g3
                    own[2, c] += a2 * g0 + a3 * g1 + b2 * g2 + b3 * g3
                    own[3, c] += b0 * g0 + b1 * g1 + c0 * g2 + c1 * g3
                    own[4, c] += b1 * g0 + b2 * g1 + c1 * g2 + c2 * g3
                    own[5, c] += b2 * g0 + b3 * g1 + c2 * g2 + c3 * g3
                    own[6, c] += c0 * g0 + c1 * g1 + d0 * g2 + d1 * g3
                    own[7, c] += c1 * g0 + c2 * g1 + d1 * g2 + d2 * g3
                    own[8, c] += c2 * g0 + c3 * g1 + d2 * g2 + d3 * g3
                    own[9, c] += g0 + g1 + g2 + g3
        sums[m] = own
