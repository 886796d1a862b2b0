"""3x3 convolution by Winograd's minimal filtering F(4x4, 3x3): 36 multiplications where the plain sum has 144.

With d a 6x6 piece of the input and g the kernel, a 4x4 tile of the output is A'[(G g G') * (B' d B)]A (tiles.py); the
products of all tiles and channels are 36 matrix products. The tiles of a few images at a time stay in the caches. The
gradients are the same sums turned round: towards the input, a convolution with the kernel turned by 180 degrees;
towards the kernel, the adjoint.

The matrix products are numpy's: on an AMD processor with AVX-512 its OpenBLAS was faster than torch's MKL
(docs/speed.md).

Letters: M images, sides H and W, C channels in and out, T tiles of a chunk of images.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor
from torch.autograd.function import once_differentiable

from leo_bench.models.kernels import over_images, pixels
from leo_bench.models.tiles import PIECE, SIDE, kernel_transform, output_from_tiles, tiles_from_input, tiles_from_output

TILES = 64
"""Approximate number of tiles in a chunk, such that their 36 numbers per channel stay near a core."""
PRODUCTS = PIECE**2
"""Matrix products of a chunk."""


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
    u = _kernel_transform(x.dtype) @ kernel.permute(2, 3, 1, 0).flatten(0, 1).flatten(1)  # [36, C_in * C]
    with _openblas().limit(limits=1):
        over_images(_convolve_part, n_images, pixels(x), u.unflatten(1, (x.shape[1], -1)).numpy(), pixels(y))
    return y


def _kernel_gradient(x: Tensor, gradient: Tensor) -> Tensor:
    """Return the gradient of the kernel, [C, C_in, 3, 3]."""
    with _openblas().limit(limits=1):
        parts = over_images(_kernel_gradient_part, len(x), pixels(x), pixels(gradient))
    total = torch.from_numpy(sum(parts[1:], start=parts[0]))
    by_place = _kernel_transform(x.dtype).T @ total.flatten(1)
    return by_place.view(3, 3, *total.shape[1:]).permute(3, 2, 0, 1)


@cache
def _kernel_transform(dtype: torch.dtype) -> Tensor:
    return torch.from_numpy(kernel_transform()).to(dtype)


@cache
def _openblas() -> ThreadpoolController:
    """Return the control of numpy's threads: over_images has its own."""
    return ThreadpoolController().select(internal_api="openblas")


def _convolve_part(first: int, last: int, x: np.ndarray, u: np.ndarray, y: np.ndarray) -> None:
    out = _buffer((SIDE, SIDE, _across(y), y.shape[3]), x)
    work = _buffer(PIECE * out[0].size, x)
    products = _buffer(PRODUCTS * _rows_in_chunk(y) * _across(y) * y.shape[3], x)
    for begin, end, v in _input_tiles(x, first, last):
        m = _tiles(products, end - begin, y)
        np.matmul(v, u, out=m)
        output_from_tiles(begin, end, m.reshape(-1), work, out, y)


def _kernel_gradient_part(first: int, last: int, x: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Return the transformed kernel gradient, [36, C_in, C], over images first to last."""
    total = np.zeros((PRODUCTS, x.shape[3], gradient.shape[3]), x.dtype)
    padded = _zeros((SIDE, SIDE, _across(x), gradient.shape[3]), x)
    work = _buffer(PIECE * padded[0].size, x)
    adjoint = _buffer(PRODUCTS * _rows_in_chunk(x) * _across(x) * gradient.shape[3], x)
    for begin, end, v in _input_tiles(x, first, last):
        w = _tiles(adjoint, end - begin, gradient)
        tiles_from_output(begin, end, gradient, padded, work, w.reshape(-1))
        total += np.matmul(v.transpose(0, 2, 1), w)
    return total


def _input_tiles(x: np.ndarray, first: int, last: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield begin, end and the transformed tiles B' d B, [36, T, C], of rows of tiles begin to end, chunk by chunk.

    x: [M, H, W, C]; the chunks cover images first to last. The next chunk overwrites the array.
    """
    rows, chunk = -(-x.shape[1] // SIDE), _rows_in_chunk(x)
    padded = _zeros((PIECE, SIDE, _across(x) + 1, x.shape[3]), x)
    work = _buffer(padded.size, x)
    tiles = _buffer(PRODUCTS * chunk * _across(x) * x.shape[3], x)
    for begin in range(first * rows, last * rows, chunk):
        end = min(begin + chunk, last * rows)
        v = _tiles(tiles, end - begin, x)
        tiles_from_input(begin, end, x, padded, work, v.reshape(-1))
        yield begin, end, v


def _across(x: np.ndarray) -> int:
    """Return the number of tiles next to each other in images x [M, H, W, C]."""
    return -(-x.shape[2] // SIDE)


def _rows_in_chunk(x: np.ndarray) -> int:
    """Return the number of rows of tiles in a chunk of images x [M, H, W, C]."""
    return max(TILES // _across(x), 1)


def _tiles(buffer: np.ndarray, n_rows: int, x: np.ndarray) -> np.ndarray:
    """Return the beginning of a buffer as the tiles, [36, T, C], of n_rows rows of tiles of images x [M, H, W, C]."""
    shape = PRODUCTS, n_rows * _across(x), x.shape[3]
    return buffer[: PRODUCTS * shape[1] * shape[2]].reshape(shape)


def _buffer(shape: int | tuple[int, ...], x: np.ndarray) -> np.ndarray:
    """Return an array of the type of x at a multiple of 64 bytes, as AVX-512 is fastest and numpy's own are not."""
    return torch.empty(shape, dtype=torch.from_numpy(x).dtype).numpy()


def _zeros(shape: tuple[int, ...], x: np.ndarray) -> np.ndarray:
    buffer = _buffer(shape, x)
    buffer[:] = 0
    return buffer
