"""3x3 convolution, padding 1, no bias, in the precision asked for."""

from functools import cache

import torch.nn.functional as F
from torch import Tensor

from leo_bench.config import bfloat16_is_fast
from leo_bench.models.winograd import MinimalFiltering


def convolution(x: Tensor, kernel: Tensor, precision: str = "float32") -> Tensor:
    """x [M, C_in, H, W], kernel [C, C_in, 3, 3] -> [M, C, H, W], in the type of x.

    bfloat16: operands and result, and their gradients, are rounded to bfloat16, sums are float32. A processor without
    instructions for it rounds in the same places and multiplies in float32, so that what bfloat16 costs in accuracy can
    be measured anywhere.
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
    """x with its value, and in the backward pass its gradient, rounded to bfloat16."""
    return x.bfloat16().to(x.dtype)


@cache
def _has_bfloat16() -> bool:
    return bfloat16_is_fast("cpu")
