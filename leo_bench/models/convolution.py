"""3x3 convolution with padding 1 and without bias, in a given precision."""

from functools import cache

import torch.nn.functional as F
from torch import Tensor

from leo_bench.config import bfloat16_is_fast
from leo_bench.models.winograd import MinimalFiltering


def convolution(x: Tensor, kernel: Tensor, precision: str = "float32") -> Tensor:
    """Convolve x [M, C_in, H, W] with kernel [C, C_in, 3, 3]. Returns [M, C, H, W] in the type of x.

    precision="bfloat16" rounds operands, result and their gradients to bfloat16; sums are float32. A processor without
    bfloat16 instructions rounds at the same places and multiplies in float32, so that the effect of bfloat16 on
    accuracy can be measured on any machine.
    """
    if precision == "bfloat16" and (x.device.type != "cpu" or _has_bfloat16()):
        return F.conv2d(x.bfloat16(), kernel.bfloat16(), padding=1).to(x.dtype)
    if precision == "bfloat16":
        return _rounded(_plain(_rounded(x), _rounded(kernel)))
    return _plain(x, kernel)


def _plain(x: Tensor, kernel: Tensor) -> Tensor:
    if x.device.type == "cpu":
        return MinimalFiltering.apply(x, kernel)
    return F.conv2d(x, kernel, padding=1)


def _rounded(x: Tensor) -> Tensor:
    """Round x, and in the backward pass its gradient, to bfloat16."""
    return x.bfloat16().to(x.dtype)


@cache
def _has_bfloat16() -> bool:
    return bfloat16_is_fast("cpu")
