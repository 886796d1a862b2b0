"""The first block for inner steps, against torch's operations in float64: values, gradients and gradients of these."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from leo_bench.models import patch_block
from leo_bench.models.backbone import adapted_conv4
from leo_bench.models.patch_block import PatchBlock, conv4_on

E, B, C = 2, 3, 5


def weights(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Kernels, scales of both signs, and shifts."""
    generator = torch.Generator().manual_seed(seed)
    shapes = ((E, C, 1, 3, 3), (E, C), (E, C))
    kernel, scale, shift = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return kernel.requires_grad_(), scale.requires_grad_(), shift.requires_grad_()


def images(height: int = 8, width: int = 10) -> Tensor:
    return torch.rand(E, B, 1, height, width, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def plain(x: Tensor, kernel: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    found = []
    for episode in range(E):
        y = F.conv2d(x[episode], kernel[episode], padding=1)
        y = F.batch_norm(y, None, None, scale[episode], shift[episode], training=True)
        found.append(F.max_pool2d(F.relu(y), 2))
    return torch.stack(found)


@pytest.mark.parametrize("size", [(8, 10), (7, 9), (2, 2)], ids=str)
def test_values_are_those_of_torchs_layers(size: tuple[int, int]) -> None:
    x, own = images(*size), weights()
    torch.testing.assert_close(PatchBlock(x)(*own), plain(x, *own), rtol=1e-9, atol=1e-9)


def test_gradients_and_gradients_of_gradients_are_those_of_torchs_layers() -> None:
    x = images()
    weight = torch.randn(E, B, C, 4, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    found = []
    for function in (PatchBlock(x), lambda *own: plain(x, *own)):
        own = weights()
        y = function(*own)
        first = torch.autograd.grad((weight * y**2).sum(), own, create_graph=True)
        second = torch.autograd.grad(sum((part**2).sum() for part in first), own)
        found.append((*first, *second))
    for ours, theirs in zip(*found, strict=True):
        assert theirs.abs().max() > 0
        torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-8)


def test_autograd_checks_both_derivatives() -> None:
    block = PatchBlock(images(4, 4))
    assert torch.autograd.gradcheck(block, weights(3))
    assert torch.autograd.gradgradcheck(block, weights(3))


def test_many_threads_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    def everything() -> list[Tensor]:
        own = weights()
        first = torch.autograd.grad((PatchBlock(images())(*own) ** 2).sum(), own, create_graph=True)
        return [*first, *torch.autograd.grad(sum((part**2).sum() for part in first), own)]

    one = everything()
    monkeypatch.setattr(patch_block.kernels.torch, "get_num_threads", lambda: 3)
    assert all(torch.equal(a, b) for a, b in zip(one, everything(), strict=True))


@pytest.mark.parametrize("twice", [True, False])
def test_a_conv4_on_the_same_images_is_the_adapted_one(twice: bool) -> None:
    generator = torch.Generator().manual_seed(4)
    x = torch.rand(E, B, 1, 16, 16, generator=generator)
    kernels = [torch.randn(E, C, 1 if i == 0 else C, 3, 3, generator=generator) for i in range(4)]
    scales, shifts = ([torch.randn(E, C, generator=generator) for _ in range(4)] for _ in range(2))
    features = conv4_on(x, twice)
    for _ in range(2):
        torch.testing.assert_close(
            features(kernels, scales, shifts),
            adapted_conv4(x, kernels, scales, shifts, B, twice=True),
            rtol=1e-4,
            atol=1e-4,
        )
