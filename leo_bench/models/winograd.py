"""3x3 convolution by Winograd's minimal filtering F(2x2, 3x3): 16 multiplications where the plain sum has 36.

A. Lavin and S. Gray (2016), "Fast Algorithms for Convolutional Neural Networks", section 4: with d a 4x4 piece of the
input and g the kernel, a 2x2 tile of the output is A'[(G g G') * (B' d B)]A; the products of all tiles and channels
are 16 matrix products. The tiles of a few images at a time stay in the caches. The gradients are the same sums turned
round: towards the input, a convolution with the kernel turned by 180 degrees; towards the kernel, the adjoint.

Letters: M images, sides H and W, C channels in and out, T tiles of a chunk of images.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from leo_bench.models.kernels import compiled, over_images, pixels

TILES = 256
"""Approximate number of tiles in a chunk, such that their 16 numbers per channel fit the cache of a core."""

KERNEL_TRANSFORM = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]])
"""G of the paper."""

# Row k of B' takes row FIRST[k] of the input and, with the sign, row SECOND[k]; row k of A is (KEEP[k], CARRY[k]).
FIRST, SECOND, SIGN = np.array([0, 1, 2, 1]), np.array([2, 2, 1, 3]), np.array([-1, 1, -1, -1], dtype=np.int8)
KEEP, CARRY = np.array([1, 1, 1, 0], dtype=np.int8), np.array([0, 1, -1, -1], dtype=np.int8)


class MinimalFiltering(torch.autograd.Function):
    """3x3 convolution, padding 1, no bias, on a CPU.

    x [M, C_in, H, W] and kernel [C, C_in, 3, 3], float32 or float64 -> [M, C, H, W], channels last.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        ctx.save_for_backward(x, kernel)
        return _convolve(x, kernel)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, kernel = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        turned = kernel.flip(2, 3).transpose(0, 1)
        to_x, to_kernel = ctx.needs_input_grad
        return (
            _convolve(gradient, turned) if to_x else None,
            _kernel_gradient(x, gradient) if to_kernel else None,
        )


def _convolve(x: Tensor, kernel: Tensor) -> Tensor:
    """Convolve x [M, C_in, H, W] with kernel [C, C_in, 3, 3]."""
    n_images, _, height, width = x.shape
    y = torch.empty((n_images, kernel.shape[0], height, width), dtype=x.dtype, memory_format=torch.channels_last)
    transform = KERNEL_TRANSFORM.to(x.dtype)
    u = torch.einsum("ka,oiab,lb->klio", transform, kernel, transform).flatten(0, 1)  # [16, C_in, C]
    over_images(_convolve_part, n_images, pixels(x), u, pixels(y))
    return y


def _kernel_gradient(x: Tensor, gradient: Tensor) -> Tensor:
    """Return the gradient of the kernel, [C, C_in, 3, 3]."""
    total = torch.stack(over_images(_kernel_gradient_part, len(x), pixels(x), pixels(gradient))).sum(0)
    transform = KERNEL_TRANSFORM.to(x.dtype)
    return torch.einsum("ka,klio,lb->oiab", transform, total.unflatten(0, (4, 4)), transform)


@torch.no_grad()
def _convolve_part(first: int, last: int, x: np.ndarray, u: Tensor, y: np.ndarray) -> None:
    for begin, end, v in _input_tiles(x, first, last):
        _output_from_tiles(torch.bmm(v, u).numpy(), y[begin:end])


@torch.no_grad()
def _kernel_gradient_part(first: int, last: int, x: np.ndarray, gradient: np.ndarray) -> Tensor:
    """Return the transformed kernel gradient, [16, C_in, C], over images first to last."""
    total = torch.zeros((16, x.shape[3], gradient.shape[3]), dtype=torch.from_numpy(x).dtype)
    for begin, end, v in _input_tiles(x, first, last):
        products = v.new_empty((16, v.shape[1], gradient.shape[3]))
        _tiles_from_output(gradient[begin:end], products.numpy())
        total.baddbmm_(v.transpose(1, 2), products)
    return total


def _input_tiles(x: np.ndarray, first: int, last: int) -> Iterator[tuple[int, int, Tensor]]:
    """Yield begin, end and the transformed tiles B' d B, [16, T, C], of images begin to end, chunk by chunk.

    x: [M, H, W, C]; the chunks cover images first to last. The next chunk overwrites the tensor.
    """
    _, height, width, n_channels = x.shape
    rows, columns = (height + 1) // 2, (width + 1) // 2
    chunk = min(max(TILES // (rows * columns), 1), last - first)
    padded = np.zeros((chunk, 2 * rows + 2, 2 * columns + 2, n_channels), x.dtype)
    tiles = torch.empty((16, chunk * rows * columns, n_channels), dtype=torch.from_numpy(x).dtype)
    for begin in range(first, last, chunk):
        n = min(chunk, last - begin)
        part = tiles if n == chunk else tiles.new_empty((16, n * rows * columns, n_channels))
        padded[:n, 1 : height + 1, 1 : width + 1] = x[begin : begin + n]
        _tiles_from_input(padded[:n], part.numpy())
        yield begin, begin + n, part


@compiled
def _tiles_from_input(padded, tiles):  # type: ignore[no-untyped-def]
    """Write B' d B into tiles. padded: [M, 2 * rows + 2, 2 * columns + 2, C]; tiles: [16, M * rows * columns, C]."""
    rows, columns, n_channels = padded.shape[1] // 2 - 1, padded.shape[2] // 2 - 1, padded.shape[3]
    for m in range(len(padded)):
        for i in range(rows):
            for j in range(columns):
                t = (m * rows + i) * columns + j
                for k in range(4):
                    h, h2, sign = 2 * i + FIRST[k], 2 * i + SECOND[k], padded.dtype.type(SIGN[k])
                    for n in range(4):
                        w, w2, other = 2 * j + FIRST[n], 2 * j + SECOND[n], padded.dtype.type(SIGN[n])
                        for c in range(n_channels):
                            tiles[4 * k + n, t, c] = (padded[m, h, w, c] + other * padded[m, h, w2, c]) + sign * (
                                padded[m, h2, w, c] + other * padded[m, h2, w2, c]
                            )


@compiled
def _output_from_tiles(tiles, y):  # type: ignore[no-untyped-def]
    """Write A' m A into y. tiles: [16, M * rows * columns, C]; y: [M, H, W, C]."""
    height, width, n_channels = y.shape[1:]
    rows, columns = (height + 1) // 2, (width + 1) // 2
    for m in range(len(y)):
        for h in range(height):
            for w in range(width):
                t = (m * rows + h // 2) * columns + w // 2
                a, b = h % 2, w % 2
                sign, other = y.dtype.type(1 - 2 * a), y.dtype.type(1 - 2 * b)
                k0, k1, k2 = 4 * a + b, 4 * a + b + 4, 4 * a + b + 8
                for c in range(n_channels):
                    y[m, h, w, c] = (tiles[k0, t, c] + other * (tiles[k0 + 1, t, c] + tiles[k0 + 2, t, c])) + sign * (
                        (tiles[k1, t, c] + other * (tiles[k1 + 1, t, c] + tiles[k1 + 2, t, c]))
                        + (tiles[k2, t, c] + other * (tiles[k2 + 1, t, c] + tiles[k2 + 2, t, c]))
                    )


@compiled
def _tiles_from_output(y, tiles):  # type: ignore[no-untyped-def]
    """Write A y A' into tiles [16, M * rows * columns, C]: the adjoint of _output_from_tiles. y: [M, H, W, C]."""
    height, width, n_channels = y.shape[1:]
    rows, columns = (height + 1) // 2, (width + 1) // 2
    nothing = y.dtype.type(0)
    for m in range(len(y)):
        for i in range(rows):
            h, h2 = 2 * i, min(2 * i + 1, height - 1)
            below = y.dtype.type(1) if 2 * i + 1 < height else nothing  # an odd side ends in half a tile
            for j in range(columns):
                w, w2 = 2 * j, min(2 * j + 1, width - 1)
                beside = y.dtype.type(1) if 2 * j + 1 < width else nothing
                t = (m * rows + i) * columns + j
                for k in range(4):
                    top, bottom = y.dtype.type(KEEP[k]), y.dtype.type(CARRY[k]) * below
                    for n in range(4):
                        left, right = y.dtype.type(KEEP[n]), y.dtype.type(CARRY[n]) * beside
                        for c in range(n_channels):
                            tiles[4 * k + n, t, c] = top * (left * y[m, h, w, c] + right * y[m, h, w2, c]) + bottom * (
                                left * y[m, h2, w, c] + right * y[m, h2, w2, c]
                            )
