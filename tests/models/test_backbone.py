"""Conv-4 against plain loops over torch's own functions, and its statistics by hand."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from leo_bench.models.backbone import CHUNK, Conv4, adapted_conv4, feature_dim, in_chunks


def images_of(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def stirred(image_size: int, **options: bool | str) -> Conv4:
    """A Conv-4 away from its start, some scales negative."""
    torch.manual_seed(0)
    net = Conv4(image_size, **options)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if "norm" in name:
                parameter.add_(0.3 * torch.randn(parameter.shape))
        for name, buffer in net.named_buffers():
            if "running" in name:
                buffer.add_(0.3 * torch.rand(buffer.shape))
    return net


def plain(net: Conv4, images: Tensor, training: bool) -> Tensor:
    """The document's layers, one after another."""
    x = images
    for block in net.blocks:
        conv, norm = block.conv, block.norm
        x = F.conv2d(x, conv.weight, conv.bias, padding=1)
        means = (None, None) if training else (norm.running_mean, norm.running_var)
        x = F.batch_norm(x, *means, norm.weight, norm.bias, training=training)
        x = F.max_pool2d(F.relu(x), 2)
    return x.flatten(1)


@pytest.mark.parametrize(("image_size", "length"), [(105, 2304), (28, 64), (16, 64), (31, 64), (32, 256), (64, 1024)])
def test_features_have_the_announced_length(image_size: int, length: int) -> None:
    net = Conv4(image_size).eval()
    assert feature_dim(image_size) == net.feature_dim == length
    with torch.no_grad():
        assert net(images_of(1, 1, image_size, image_size)).shape == (1, length)


def test_parameters_are_the_documents_in_number() -> None:
    # 576 + 64 in the first block, 36,864 + 64 in the other three; a scale and a shift per channel.
    sizes = {name: parameter.numel() for name, parameter in Conv4(105).named_parameters()}
    assert sum(size for name, size in sizes.items() if "conv" in name) == 111_424
    assert sum(size for name, size in sizes.items() if "norm" in name) == 512
    assert sum(sizes.values()) == 111_424 + 512


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("image_size", [16, 33])
def test_conv4_is_four_times_convolution_norm_relu_pooling(image_size: int, training: bool) -> None:
    net = stirred(image_size).train(training)
    images = images_of(6, 1, image_size, image_size)
    torch.testing.assert_close(net(images), plain(net, images, training), rtol=1e-4, atol=1e-5)


def test_features_are_never_negative_and_some_are_zero() -> None:
    features = stirred(32).train()(images_of(6, 1, 32, 32))
    assert features.min() == 0
    assert features.max() > 0


def test_running_statistics_move_a_tenth_of_the_way_to_the_batch() -> None:
    torch.manual_seed(0)
    net = Conv4(16).train()
    images = images_of(6, 1, 16, 16)
    with torch.no_grad():
        x = net.blocks[0].conv(images)
        net(images)
    norm = net.blocks[0].norm
    # From 0 and 1; the variance that is kept is the unbiased one.
    torch.testing.assert_close(norm.running_mean, 0.1 * x.mean((0, 2, 3)), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(norm.running_var, 0.9 + 0.1 * x.var((0, 2, 3), correction=1), rtol=1e-4, atol=1e-6)


def test_training_normalises_each_episode_by_its_own_images() -> None:
    net = stirred(16).train().double()
    episodes = images_of(3, 4, 1, 16, 16).double() * torch.tensor([1.0, 0.5, 0.1])[:, None, None, None, None]
    features = net.by_episode(episodes)
    for episode, own in zip(episodes, features, strict=True):
        torch.testing.assert_close(own, plain(net, episode, training=True), rtol=1e-9, atol=1e-9)
    together = plain(net, episodes.flatten(0, 1), training=True).unflatten(0, (3, 4))
    assert (features - together).abs().max() > 0.1


def test_running_statistics_are_updated_once_per_episode_in_order() -> None:
    batched, looped, backwards = stirred(16).train(), stirred(16).train(), stirred(16).train()
    episodes = images_of(3, 4, 1, 16, 16) * torch.tensor([1.0, 0.5, 0.1])[:, None, None, None, None]
    batched.by_episode(episodes)
    for episode in episodes:
        looped(episode)
    for episode in episodes.flip(0):
        backwards(episode)
    states = zip(batched.named_buffers(), looped.buffers(), backwards.buffers(), strict=True)
    for (name, buffer), expected, other in states:
        # A batch of another size may be summed in another order, on some processors.
        torch.testing.assert_close(buffer, expected, rtol=1e-5, atol=1e-6, msg=name)
        if "tracked" in name:
            assert buffer == 3
        elif "blocks.0" in name:  # the order matters, so the test sees it
            assert not torch.allclose(buffer, other, rtol=1e-3)


def test_at_test_an_image_does_not_notice_its_company() -> None:
    net = stirred(16).eval()
    images = images_of(2, CHUNK + 5, 1, 16, 16)  # chunks that cut across episodes
    before = {name: buffer.clone() for name, buffer in net.named_buffers()}
    with torch.no_grad():
        features = net.by_episode(images)
        torch.testing.assert_close(features[1, 7], net(images[1, 7:8])[0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(in_chunks(net, images[1]), features[1], rtol=1e-4, atol=1e-5)
    assert features.shape == (2, CHUNK + 5, 64)
    for name, buffer in net.named_buffers():
        assert torch.equal(buffer, before[name]), name


def test_normalisation_cancels_the_convolutions_bias_when_training() -> None:
    # Why generated=full does without it.
    net, images = stirred(16).train(), images_of(6, 1, 16, 16)
    expected = net(images)
    with torch.no_grad():
        for block in net.blocks:
            block.conv.bias += torch.randn(64)
    torch.testing.assert_close(net(images), expected, rtol=1e-3, atol=1e-4)
    without = Conv4(16, conv_bias=False)
    assert not [name for name, _ in without.named_parameters() if name.endswith("conv.bias")]


def test_bfloat16_rounds_the_convolutions_and_hands_out_float32() -> None:
    exact, rounded = stirred(16).train(), stirred(16, precision="bfloat16").train()
    images = images_of(6, 1, 16, 16)
    features = rounded(images)
    assert features.dtype == torch.float32
    assert {tensor.dtype for tensor in rounded.state_dict().values()} == {torch.float32, torch.int64}
    error = (features - exact(images)).abs().max()
    assert 0 < error < 0.3  # bfloat16 keeps 8 bits, of features up to about 3


def episode_weights(n_episodes: int) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Kernels, scales (some of them negative) and shifts of each episode."""
    generator = torch.Generator().manual_seed(1)
    kernels, scales, shifts = [], [], []
    for n_in in (1, 64, 64, 64):
        kernels.append(torch.randn(n_episodes, 64, n_in, 3, 3, generator=generator) * (9 * n_in) ** -0.5)
        scales.append(torch.randn(n_episodes, 64, generator=generator) + 0.5)
        shifts.append(torch.randn(n_episodes, 64, generator=generator) * 0.5)
    return kernels, scales, shifts


def plain_adapted(images: Tensor, kernels: Tensor, scales: Tensor, shifts: Tensor, n_support: int) -> Tensor:
    """One episode: the document's layers with the support set's statistics."""
    x = images
    for kernel, scale, shift in zip(kernels, scales, shifts, strict=True):
        x = F.conv2d(x, kernel, padding=1)
        support = x[:n_support].transpose(0, 1).flatten(1)
        mean, variance = support.mean(1)[:, None, None], support.var(1, correction=0)[:, None, None]
        x = (x - mean) / (variance + 1e-5).sqrt() * scale[:, None, None] + shift[:, None, None]
        x = F.max_pool2d(F.relu(x), 2)
    return x.flatten(1)


@pytest.mark.parametrize("twice", [True, False])
@pytest.mark.parametrize("image_size", [16, 35])
def test_adapted_conv4_is_a_loop_over_episodes(image_size: int, twice: bool) -> None:
    images, n_support = images_of(3, 5, 1, image_size, image_size).double(), 2
    weights = [[t.double().requires_grad_() for t in tensors] for tensors in episode_weights(3)]
    assert (weights[1][0] < 0).any()
    features = adapted_conv4(images, *weights, n_support, twice)
    loop = torch.stack(
        [plain_adapted(images[e], *([t[e] for t in tensors] for tensors in weights), n_support) for e in range(3)]
    )
    torch.testing.assert_close(features, loop, rtol=1e-9, atol=1e-9)
    leaves = [tensor for tensors in weights for tensor in tensors]
    direction = torch.randn(features.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    gradients = torch.autograd.grad((features * direction).sum(), leaves)
    expected = torch.autograd.grad((loop * direction).sum(), leaves)
    for gradient, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient, other, rtol=1e-8, atol=1e-8)


def test_adapted_conv4_lets_no_query_influence_another_image() -> None:
    images, weights = images_of(2, 6, 1, 16, 16), episode_weights(2)
    features = adapted_conv4(images, *weights, n_support=3)
    single = adapted_conv4(images[:, :4], *weights, n_support=3)  # one query is enough
    torch.testing.assert_close(single, features[:, :4], rtol=1e-4, atol=1e-4)
    other_support = images.clone()
    other_support[:, 0] = 0
    assert (adapted_conv4(other_support, *weights, n_support=3)[:, 3:] - features[:, 3:]).abs().max() > 0.1


def test_adapted_conv4_with_shared_weights_and_all_support_is_conv4_in_training() -> None:
    net, images = stirred(16, conv_bias=False).train(), images_of(2, 5, 1, 16, 16)
    shared = [(b.conv.weight, b.norm.weight, b.norm.bias) for b in net.blocks]
    kernels, scales, shifts = zip(*[[t.expand(2, *t.shape) for t in part] for part in shared], strict=True)
    torch.testing.assert_close(
        adapted_conv4(images, kernels, scales, shifts, n_support=5), net.by_episode(images), rtol=1e-3, atol=1e-4
    )
