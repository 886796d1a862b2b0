"""The fused blocks of a CPU against torch's own layers in float64: values, statistics and gradients."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from leo_bench.models.blocks import (
    EPS,
    FusedFirstBlock,
    FusedNormReluPool,
    Statistics,
    norm_relu_pool,
    normalised_block,
)

N_GROUPS, PER_GROUP, N_CHANNELS = 3, 4, 5


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def parameters() -> tuple[Tensor, Tensor]:
    """Scale (some negative, one zero) and shift of each group and channel."""
    scale, shift = random(N_GROUPS, N_CHANNELS, seed=1), random(N_GROUPS, N_CHANNELS, seed=2)
    scale[0, 0] = 0
    assert (scale < 0).any()
    return scale, shift


def layers(x: Tensor, scale: Tensor, shift: Tensor, fixed: Statistics | None, n_statistics: int) -> Tensor:
    """Apply a block as a loop over groups, each normalised by its first images or by fixed statistics."""
    out = []
    for index, group in enumerate(x.unflatten(0, (N_GROUPS, PER_GROUP))):
        first = group[:n_statistics].transpose(0, 1).flatten(1)
        mean = first.mean(1) if fixed is None else fixed.mean
        variance = first.var(1, correction=0) if fixed is None else fixed.variance
        normalised = (group - mean[:, None, None]) / (variance[:, None, None] + EPS).sqrt()
        out.append(F.max_pool2d(F.relu(normalised * scale[index, :, None, None] + shift[index, :, None, None]), 2))
    return torch.cat(out)


def gradients(y: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    """Return gradients of a sum of y with random weights, so that no term cancels."""
    return list(torch.autograd.grad((y * random(*y.shape, seed=3)).sum(), inputs))


FIXED = Statistics(random(N_CHANNELS, seed=4), random(N_CHANNELS, seed=5).square() + 0.1)
every_use = pytest.mark.parametrize(
    ("fixed", "n_statistics"), [(None, PER_GROUP), (None, 2), (FIXED, PER_GROUP)], ids=["all", "support", "running"]
)


@every_use
@pytest.mark.parametrize("sides", [(6, 6), (7, 5), (2, 3)])
@pytest.mark.parametrize("block", [FusedNormReluPool.apply, norm_relu_pool], ids=["fused", "torch"])
def test_norm_relu_pool_is_torchs_layers_group_by_group(
    block: object, sides: tuple[int, int], fixed: Statistics | None, n_statistics: int
) -> None:
    x = random(N_GROUPS * PER_GROUP, N_CHANNELS, *sides, seed=0) + 3  # a mean that is not zero
    inputs = [tensor.requires_grad_() for tensor in (x, *parameters())]
    y = block(*inputs, fixed, n_statistics)[0]  # type: ignore[operator]
    expected = layers(*inputs, fixed, n_statistics)
    torch.testing.assert_close(y, expected, rtol=1e-10, atol=1e-10)
    for name, found, wanted in zip(
        ("x", "scale", "shift"), gradients(y, inputs), gradients(expected, inputs), strict=True
    ):
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9, msg=lambda m, name=name: f"{name}: {m}")


@every_use
@pytest.mark.parametrize("sides", [(6, 6), (7, 5)])
def test_the_first_block_is_a_convolution_and_torchs_layers(
    sides: tuple[int, int], fixed: Statistics | None, n_statistics: int
) -> None:
    images = random(N_GROUPS * PER_GROUP, 1, *sides, seed=0)
    inputs = [tensor.requires_grad_() for tensor in (random(N_CHANNELS, 1, 3, 3, seed=6), *parameters())]
    kernel, scale, shift = inputs
    y = FusedFirstBlock.apply(images, kernel, scale, shift, fixed, n_statistics)[0]
    expected = layers(F.conv2d(images, kernel, padding=1), scale, shift, fixed, n_statistics)
    torch.testing.assert_close(y, expected, rtol=1e-10, atol=1e-10)
    for name, found, wanted in zip(
        ("kernel", "scale", "shift"), gradients(y, inputs), gradients(expected, inputs), strict=True
    ):
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9, msg=lambda m, name=name: f"{name}: {m}")


@pytest.mark.parametrize("n_in", [1, 3])
def test_a_block_gives_the_statistics_of_each_groups_first_images(n_in: int) -> None:
    x, kernel = random(N_GROUPS * PER_GROUP, n_in, 7, 6, seed=0), random(N_CHANNELS, n_in, 3, 3, seed=6)
    _, statistics = normalised_block(x, kernel, *parameters(), n_statistics=2)
    for index, group in enumerate(F.conv2d(x, kernel, padding=1).unflatten(0, (N_GROUPS, PER_GROUP))):
        first = group[:2].transpose(0, 1).flatten(1)
        torch.testing.assert_close(statistics.mean[index], first.mean(1), rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(statistics.variance[index], first.var(1, correction=0), rtol=1e-10, atol=1e-10)


def test_a_block_by_hand() -> None:
    # One image of 2x2 with values 1, 2, 3, 6: mean 3, variance (4 + 1 + 0 + 9) / 4 = 3.5. Pooling keeps the last, 6,
    # so y = 3 / sqrt(3.5 + EPS). With scale -1 it keeps the first: 2 / sqrt(3.5 + EPS).
    x = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]], [[1.0, 2.0], [3.0, 6.0]]]], dtype=torch.float64)
    scale, shift = torch.tensor([[1.0, -1.0]], dtype=torch.float64), torch.zeros(1, 2, dtype=torch.float64)
    y, mean, variance = FusedNormReluPool.apply(x, scale, shift, None, 1)
    torch.testing.assert_close(y.flatten(), torch.tensor([3.0, 2.0], dtype=torch.float64) / (3.5 + EPS) ** 0.5)
    assert mean.tolist() == [[3.0, 3.0]]
    assert variance.tolist() == [[3.5, 3.5]]


def test_a_pixel_far_from_zero_keeps_its_variance() -> None:
    # float32, mean 1,000 and spread 1: sums of squares about zero would leave no digit of the variance.
    x = (random(4, 2, 8, 8, seed=0) + 1000).float()
    _, _, variance = FusedNormReluPool.apply(x, torch.ones(1, 2), torch.zeros(1, 2), None, 4)
    torch.testing.assert_close(
        variance[0], x.double().transpose(0, 1).flatten(1).var(1, correction=0).float(), rtol=1e-3, atol=0
    )


def with_nan(tensor: Tensor) -> Tensor:
    """A copy with one NaN, in the last image's last pixel."""
    changed = tensor.clone()
    changed.view(-1)[-1] = torch.nan
    return changed


@pytest.mark.parametrize("where", [0, 1, 2, 3])
def test_nan_goes_on_as_nan(where: int) -> None:
    # One NaN in a window of 2x2, at each position, under fixed statistics: that window is NaN, the others not.
    x, ones = random(1, 1, 4, 4, seed=0), torch.ones(1, 1, dtype=torch.float64)
    x[0, 0, where // 2, where % 2] = torch.nan
    fixed = Statistics(torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64))
    y = FusedNormReluPool.apply(x, ones, ones, fixed, 1)[0]
    assert y.isnan().flatten().tolist() == [True, False, False, False]
    images, kernel = random(2, 1, 6, 6, seed=0), random(3, 1, 3, 3, seed=1)
    for parts in (
        (with_nan(images), kernel, ones),
        (images, with_nan(kernel), ones),
        (images, kernel, ones * torch.nan),
    ):
        broken, weights, scale = parts
        y = normalised_block(broken, weights, scale.expand(1, 3), torch.zeros(1, 3, dtype=torch.float64))[0]
        assert y.isnan().any()
    # A NaN among the images reaches everyone through the statistics.
    assert normalised_block(with_nan(images), kernel, ones.expand(1, 3), ones.expand(1, 3))[0].isnan().all()


def test_what_relu_cut_gets_no_gradient() -> None:
    x = random(4, N_CHANNELS, 6, 6, seed=0).requires_grad_()
    shift = torch.full((1, N_CHANNELS), -100.0, dtype=torch.float64, requires_grad=True)
    y = FusedNormReluPool.apply(x, torch.ones_like(shift), shift, None, 4)[0]
    assert not y.any()
    assert not any(gradient.any() for gradient in gradients(y, [x, shift]))


def test_threads_change_no_bit_of_the_fused_loops() -> None:
    x = random(N_GROUPS * PER_GROUP, N_CHANNELS, 7, 6, seed=0).float()
    scale, shift = (parameter.float() for parameter in parameters())
    before, found = torch.get_num_threads(), []
    try:
        for n_threads in (1, 3):
            torch.set_num_threads(n_threads)
            inputs = [tensor.clone().requires_grad_() for tensor in (x, scale, shift)]
            y = FusedNormReluPool.apply(*inputs, None, PER_GROUP)[0]
            found.append([y, *torch.autograd.grad(y.square().sum(), inputs)])
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, three) for one, three in zip(*found, strict=True))


def test_a_gradient_of_a_gradient_that_depends_on_the_block_is_refused() -> None:
    x = random(4, N_CHANNELS, 6, 6, seed=0).requires_grad_()
    ones = torch.ones(1, N_CHANNELS, dtype=torch.float64, requires_grad=True)
    y = FusedNormReluPool.apply(x, ones, torch.zeros_like(ones), None, 4)[0]
    (slope,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()
