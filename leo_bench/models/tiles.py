"""Transforms of minimal filtering F(4x4, 3x3), between images with the channels last and their tiles.

An output tile of 4x4 pixels depends on a piece d of 6x6 pixels of the padded input. The transforms come from
polynomials in the points 0, NEAR, -NEAR, FAR, -FAR and infinity (A. Lavin and S. Gray, 2016, "Fast Algorithms for
Convolutional Neural Networks"). Theirs, 1 and 2, lose twice as much of float32 as these (B. Barabasz et al., 2020,
"Error Analysis and Improving the Accuracy of Winograd Convolution for Deep Neural Networks").

All arrays are one-dimensional or contiguous. Columns are taken apart by their remainder modulo 4, so that the same
pixel of all tiles of a row of tiles lies together: the loops are then long, which AVX-512 needs to pay.

Letters: M images, sides H and W, C channels, T tiles. A tile's 36 numbers of a channel are rows k and columns n of 6.
"""

import numpy as np

from leo_bench.models.kernels import compiled

SIDE, PIECE = 4, 6
"""Sides in pixels of an output tile, and of the piece of the input on which it depends."""
NEAR, FAR = 0.625, 1.5
"""Points of the polynomials. Exact in binary, and so are the transforms of images."""


def kernel_transform() -> np.ndarray:
    """Return G kron G, float64 [36, 9], which turns the 9 numbers of a kernel g into the 36 of its transform G g G'."""
    points = np.array([0, NEAR, -NEAR, FAR, -FAR])
    others = np.array([np.prod([p - q for q in points if q != p]) for p in points])
    one_side = np.vstack([points[:, None] ** np.arange(3) / others[:, None], [0, 0, 1]])
    return np.kron(one_side, one_side)


@compiled
def tiles_from_input(first, last, x, padded, work, tiles):  # type: ignore[no-untyped-def]
    """Write B' d B of the rows of tiles first to last into tiles [36 * T * C].

    x: [M, H, W, C]; the rows of tiles of all images are counted through. padded: zeros [6, 4, columns + 1, C]; work: as
    long.
    """
    _, height, width, n_channels = x.shape
    rows, columns = (height + 3) // 4, (width + 3) // 4
    part, run = (columns + 1) * n_channels, columns * n_channels
    line, stride = 4 * part, (last - first) * run
    flat = padded.reshape(-1)
    for row in range(first, last):
        m, top = row // rows, 4 * (row % rows) - 1
        for k in range(6):
            if 0 <= top + k < height:
                for w in range(width):
                    for c in range(n_channels):
                        padded[k, (w + 1) % 4, (w + 1) // 4, c] = x[m, top + k, w, c]
            else:
                padded[k] = 0
        _input(flat, 0, line, 4 * line, work, 0, line, line)
        for k in range(6):
            _input(work, k * line, part, n_channels, tiles, 6 * k * stride + (row - first) * run, stride, run)


@compiled
def output_from_tiles(first, last, tiles, work, out, y):  # type: ignore[no-untyped-def]
    """Write A' m A into the rows of tiles first to last of y [M, H, W, C]. The reverse of tiles_from_input.

    out: [4, 4, columns, C]; work: as long as 6 of its rows.
    """
    _, height, width, n_channels = y.shape
    rows, columns = (height + 3) // 4, (width + 3) // 4
    run = columns * n_channels
    line, stride = 4 * run, (last - first) * run
    flat = out.reshape(-1)
    for row in range(first, last):
        m, top = row // rows, 4 * (row % rows)
        for k in range(6):
            _output(tiles, 6 * k * stride + (row - first) * run, stride, work, k * line, run, run)
        _output(work, 0, line, flat, 0, line, line)
        for k in range(min(4, height - top)):
            for w in range(width):
                for c in range(n_channels):
                    y[m, top + k, w, c] = out[k, w % 4, w // 4, c]


@compiled
def tiles_from_output(first, last, y, padded, work, tiles):  # type: ignore[no-untyped-def]
    """Write A y A' of the rows of tiles first to last into tiles [36 * T * C]. The adjoint of output_from_tiles.

    y: [M, H, W, C]; padded: zeros [4, 4, columns, C]; work: as long as 6 of its rows.
    """
    _, height, width, n_channels = y.shape
    rows, columns = (height + 3) // 4, (width + 3) // 4
    run = columns * n_channels
    line, stride = 4 * run, (last - first) * run
    flat = padded.reshape(-1)
    for row in range(first, last):
        m, top = row // rows, 4 * (row % rows)
        for k in range(4):
            if top + k < height:
                for w in range(width):
                    for c in range(n_channels):
                        padded[k, w % 4, w // 4, c] = y[m, top + k, w, c]
            else:
                padded[k] = 0
        _output_adjoint(flat, 0, line, work, 0, line, line)
        for k in range(6):
            _output_adjoint(work, k * line, run, tiles, 6 * k * stride + (row - first) * run, stride, run)


@compiled
def _input(source, at, step, far, target, to, stride, length):  # type: ignore[no-untyped-def]
    """Write B' d into target. Numbers 0 to 3 of d start at `at`, step apart; 4 and 5 lie `far` behind 0 and 1."""
    number = source.dtype.type
    a, b, a2, b2 = number(NEAR), number(FAR), number(NEAR**2), number(FAR**2)
    both, product = number(NEAR**2 + FAR**2), number(NEAR**2 * FAR**2)
    d0, d1 = source[at : at + length], source[at + step : at + step + length]
    d2, d3 = source[at + 2 * step : at + 2 * step + length], source[at + 3 * step : at + 3 * step + length]
    d4, d5 = source[at + far : at + far + length], source[at + far + step : at + far + step + length]
    t0, t1 = target[to : to + length], target[to + stride : to + stride + length]
    t2, t3 = target[to + 2 * stride : to + 2 * stride + length], target[to + 3 * stride : to + 3 * stride + length]
    t4, t5 = target[to + 4 * stride : to + 4 * stride + length], target[to + 5 * stride : to + 5 * stride + length]
    for n in range(length):
        near_even, near_odd = d4[n] - b2 * d2[n], a * (d3[n] - b2 * d1[n])
        far_even, far_odd = d4[n] - a2 * d2[n], b * (d3[n] - a2 * d1[n])
        t0[n] = product * d0[n] - both * d2[n] + d4[n]
        t1[n] = near_even + near_odd
        t2[n] = near_even - near_odd
        t3[n] = far_even + far_odd
        t4[n] = far_even - far_odd
        t5[n] = product * d1[n] - both * d3[n] + d5[n]


@compiled
def _output(source, at, step, target, to, stride, length):  # type: ignore[no-untyped-def]
    """Write A' m into target. The numbers of m start at `at`, step apart; those of the result at `to`."""
    number = source.dtype.type
    a, b, a2, b2, a3, b3 = (
        number(NEAR), number(FAR), number(NEAR**2), number(FAR**2), number(NEAR**3), number(FAR**3),
    )  # fmt: skip
    m0, m1 = source[at : at + length], source[at + step : at + step + length]
    m2, m3 = source[at + 2 * step : at + 2 * step + length], source[at + 3 * step : at + 3 * step + length]
    m4, m5 = source[at + 4 * step : at + 4 * step + length], source[at + 5 * step : at + 5 * step + length]
    y0, y1 = target[to : to + length], target[to + stride : to + stride + length]
    y2, y3 = target[to + 2 * stride : to + 2 * stride + length], target[to + 3 * stride : to + 3 * stride + length]
    for n in range(length):
        near_even, near_odd = m1[n] + m2[n], m1[n] - m2[n]
        far_even, far_odd = m3[n] + m4[n], m3[n] - m4[n]
        y0[n] = m0[n] + (near_even + far_even)
        y1[n] = a * near_odd + b * far_odd
        y2[n] = a2 * near_even + b2 * far_even
        y3[n] = (a3 * near_odd + b3 * far_odd) + m5[n]


@compiled
def _output_adjoint(source, at, step, target, to, stride, length):  # type: ignore[no-untyped-def]
    """Write A y into target. The numbers of y start at `at`, step apart; those of the result at `to`."""
    number = source.dtype.type
    a, b, a2, b2, a3, b3 = (
        number(NEAR), number(FAR), number(NEAR**2), number(FAR**2), number(NEAR**3), number(FAR**3),
    )  # fmt: skip
    y0, y1 = source[at : at + length], source[at + step : at + step + length]
    y2, y3 = source[at + 2 * step : at + 2 * step + length], source[at + 3 * step : at + 3 * step + length]
    t0, t1 = target[to : to + length], target[to + stride : to + stride + length]
    t2, t3 = target[to + 2 * stride : to + 2 * stride + length], target[to + 3 * stride : to + 3 * stride + length]
    t4, t5 = target[to + 4 * stride : to + 4 * stride + length], target[to + 5 * stride : to + 5 * stride + length]
    for n in range(length):
        near_even, near_odd = y0[n] + a2 * y2[n], a * y1[n] + a3 * y3[n]
        far_even, far_odd = y0[n] + b2 * y2[n], b * y1[n] + b3 * y3[n]
        t0[n] = y0[n]
        t1[n] = near_even + near_odd
        t2[n] = near_even - near_odd
        t3[n] = far_even + far_odd
        t4[n] = far_even - far_odd
        t5[n] = y3[n]
