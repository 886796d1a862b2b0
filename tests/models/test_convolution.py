"""Minimal filtering against torch's convolution, and what bfloat16 rounds."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from leo_bench.models import convolution as module
from leo_bench.models import winograd
from leo_bench.models.convolution import convolution
from leo_bench.models.winograd import MinimalFiltering


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def value_and_gradients(convolve: object, x: Tensor, kernel: Tensor) -> list[Tensor]:
    leaves = [x.clone().requires_grad_(), kernel.clone().requires_grad_()]
    y = convolve(*leaves)  # type: ignore[operator]
    return [y, *torch.autograd.grad((y * random(*y.shape, seed=3).to(y.dtype)).sum(), leaves)]


def plain(x: Tensor, kernel: Tensor) -> Tensor:
    return F.conv2d(x, kernel, padding=1)


@pytest.mark.parametrize("sides", [(6, 6), (7, 9), (1, 1), (2, 5), (3, 3), (13, 8)])
@pytest.mark.parametrize("tiles", [1, 7, 256])  # chunks of one row of tiles, of a few with some left over, of all
def test_minimal_filtering_is_the_plain_convolution(
    sides: tuple[int, int], tiles: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(winograd, "TILES", tiles)
    x, kernel = random(5, 4, *sides, seed=0), random(6, 4, 3, 3, seed=1)
    found, expected = value_and_gradients(MinimalFiltering.apply, x, kernel), value_and_gradients(plain, x, kernel)
    for name, one, other in zip(("y", "x", "kernel"), found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-11, msg=lambda m, name=name: f"{name}: {m}")


def test_one_pixel_picks_one_number_of_the_kernel() -> None:
    # A single 1 in the middle of a 3x3 image: each output pixel is the kernel's number at the mirrored place.
    x, kernel = torch.zeros(1, 1, 3, 3, dtype=torch.float64), torch.arange(9.0, dtype=torch.float64).view(1, 1, 3, 3)
    x[0, 0, 1, 1] = 1
    expected = kernel.flip(2, 3)
    torch.testing.assert_close(MinimalFiltering.apply(x, kernel), expected, rtol=1e-13, atol=1e-13)


def test_in_float32_it_errs_by_rounding_alone() -> None:
    x, kernel = random(4, 64, 14, 14, seed=0), random(64, 64, 3, 3, seed=1) / 24
    exact = plain(x, kernel)
    errors = [(f(x.float(), kernel.float()) - exact).abs().max() for f in (MinimalFiltering.apply, plain)]
    assert errors[0] < 2e-5  # outputs are about 1, in 576 products; float32 keeps 7 digits
    assert errors[0] < 20 * errors[1]


def test_threads_share_the_images(monkeypatch: pytest.MonkeyPatch) -> None:
    x, kernel, before = random(5, 4, 6, 6, seed=0), random(6, 4, 3, 3, seed=1), torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        found = value_and_gradients(MinimalFiltering.apply, x, kernel)
        assert torch.get_num_threads() == 3  # the workers' own setting stays theirs
    finally:
        torch.set_num_threads(before)
    for one, other in zip(found, value_and_gradients(plain, x, kernel), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("native", [True, False])
def test_bfloat16_rounds_operands_and_result_and_sums_in_float32(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_has_bfloat16", lambda: native)
    x, kernel = random(2, 8, 4, 4, seed=0).float(), random(3, 8, 3, 3, seed=1).float()
    y, to_x, to_kernel = value_and_gradients(lambda a, b: convolution(a, b, "bfloat16"), x, kernel)
    assert {tensor.dtype for tensor in (y, to_x, to_kernel)} == {torch.float32}
    for tensor in (y, to_x, to_kernel):
        assert torch.equal(tensor, tensor.bfloat16().float())
    exact = plain(x.bfloat16().double(), kernel.bfloat16().double())
    # One rounding of the result: half a unit in the last of 8 bits.
    assert ((y - exact).abs() <= 2.0**-8 * exact.abs() + 1e-5).all()
    assert not torch.equal(y, convolution(x, kernel))
