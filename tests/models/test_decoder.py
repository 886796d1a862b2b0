"""Decoders: documented shapes and counts, what permuting codes does, where each number goes."""

import pytest
import torch
from torch import Tensor

from leo_bench.errors import LeoBenchError
from leo_bench.learners.leo import head_logits
from leo_bench.models.decoder import DistanceBias, LEODecoder, LinearDecoder, Mixture, PrototypeStart
from leo_bench.models.generator import CnnGenerator
from leo_bench.models.prototypes import class_means, nearest_mean_logits


def decoder(decode: str, latent_dim: int = 6, num_classes: int = 3, feature_dim: int = 8) -> LEODecoder:
    torch.manual_seed(0)
    return LEODecoder(latent_dim, num_classes, feature_dim, decode)


def codes_of(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def test_the_document_generates_11_525_numbers() -> None:
    net = LEODecoder()
    assert net.total_param_count == 11_525
    assert net.param_shapes == [("fc.weight", (5, 2304)), ("fc.bias", (5,))]
    layers = {name: tuple(parameter.shape) for name, parameter in net.named_parameters() if "weight" in name}
    assert layers == {"fc1.weight": (256, 64), "fc2.weight": (512, 256), "fc3.weight": (11_525, 512)}
    head = net(codes_of(5, 64))
    assert {name: tuple(tensor.shape) for name, tensor in head.items()} == {"fc.weight": (5, 2304), "fc.bias": (5,)}


def test_decoding_class_by_class_generates_as_many_with_a_smaller_layer() -> None:
    net = LEODecoder(decode="class")
    assert net.total_param_count == 2305
    assert sum(tensor.numel() for tensor in net(codes_of(5, 64)).values()) == 11_525


@pytest.mark.parametrize("decode", ["task", "class"])
def test_each_number_goes_to_its_place(decode: str) -> None:
    # With no weights in the last layer its bias is what comes out: here 0, 1, 2, ...
    net = decoder(decode)
    with torch.no_grad():
        net.fc3.weight.zero_()
        net.fc3.bias.copy_(torch.arange(net.total_param_count))
    head = net(codes_of(3, 6))
    if decode == "task":
        assert torch.equal(head["fc.weight"], torch.arange(24.0).reshape(3, 8))
        assert head["fc.bias"].tolist() == [24, 25, 26]
    else:
        assert torch.equal(head["fc.weight"], torch.arange(8.0).expand(3, 8))
        assert head["fc.bias"].tolist() == [8, 8, 8]


def test_a_task_code_does_not_know_the_order_of_the_classes() -> None:
    # Why decode=task stays at chance: whichever class is called 0, the head is the same.
    net, codes = decoder("task").double(), codes_of(3, 6).double()
    head = net(codes)
    for order in ([1, 0, 2], [2, 0, 1], [2, 1, 0]):
        for name, tensor in net(codes[order]).items():
            torch.testing.assert_close(tensor, head[name], rtol=1e-12, atol=1e-12)
    assert not torch.allclose(head["fc.weight"][0], head["fc.weight"][1])


def test_class_codes_decode_to_rows_in_their_own_order() -> None:
    net, codes, order = decoder("class"), codes_of(3, 6), [2, 0, 1]
    for name, tensor in net(codes[order]).items():
        torch.testing.assert_close(tensor, net(codes)[name][order])


def test_a_class_row_depends_on_its_own_code_alone() -> None:
    net, codes = decoder("class"), codes_of(3, 6)
    changed = codes.clone()
    changed[1] += 1
    same = [torch.equal(a, b) for a, b in zip(net(codes)["fc.weight"], net(changed)["fc.weight"], strict=True)]
    assert same == [True, False, True]


def test_one_pooled_code_may_be_given_instead_of_class_codes() -> None:
    net, codes = decoder("task"), codes_of(3, 6)
    pooled = codes.mean(0)
    for name, tensor in net(codes).items():
        torch.testing.assert_close(net(pooled)[name], tensor)
        torch.testing.assert_close(net(pooled[None])[name], tensor)


@pytest.mark.parametrize("decode", ["task", "class"])
def test_episodes_are_decoded_as_one_by_one(decode: str) -> None:
    net, codes = decoder(decode), codes_of(4, 3, 6)
    weight, bias = net.head(codes)
    assert weight.shape == (4, 3, 8)
    assert bias.shape == (4, 3)
    for episode in range(4):
        head = net(codes[episode])
        torch.testing.assert_close(weight[episode], head["fc.weight"])
        torch.testing.assert_close(bias[episode], head["fc.bias"])


def test_class_by_class_takes_any_number_of_classes_and_a_task_code_its_own() -> None:
    assert decoder("class")(codes_of(7, 6))["fc.weight"].shape == (7, 8)
    with pytest.raises(LeoBenchError, match=r"3 classes.*7.*class") as caught:
        decoder("task")(codes_of(7, 6))
    assert "\n" not in str(caught.value)


def test_class_means_of_labels_in_any_order() -> None:
    features = torch.tensor([[[1.0, 0.0], [5.0, 5.0], [3.0, 2.0], [7.0, 9.0]]])
    means = class_means(features, torch.tensor([[1, 0, 1, 0]]), 2)
    assert means.tolist() == [[[6.0, 7.0], [2.0, 1.0]]]


@pytest.mark.parametrize("kind", ["mlp", "linear", "mixture"])
def test_a_prototype_start_is_a_prototypical_network_whatever_the_codes(kind: str) -> None:
    # Logits differ from minus the squared distance by a number per query, which no answer and no loss depends on.
    torch.manual_seed(0)
    parts = [LEODecoder(6, 3, 8, "class") if kind != "linear" else LinearDecoder(6, 3, 8, "class") for _ in range(2)]
    decoder = DistanceBias(PrototypeStart(Mixture(parts, 6) if kind == "mixture" else parts[0]))
    support, query, labels = codes_of(2, 6, 8), codes_of(2, 4, 8) + 1, torch.tensor([[0, 2, 1, 1, 0, 2]] * 2)
    head = decoder.head(100 * codes_of(2, 3, 6), class_means(support, labels, 3))
    expected = 0.5 * nearest_mean_logits(support, labels, query, 3)
    torch.testing.assert_close(head_logits(head, query).softmax(-1), expected.softmax(-1))


@pytest.mark.parametrize("kind", [LEODecoder, LinearDecoder])
def test_logits_on_features_are_those_of_the_decoded_head(kind: type[LEODecoder] | type[LinearDecoder]) -> None:
    decoder, codes, features = kind(6, 3, 8, "class").double(), codes_of(2, 3, 6).double(), codes_of(2, 4, 8).double()
    expected = head_logits(decoder.head(codes), features)
    torch.testing.assert_close(decoder.logits_on(features)(codes), expected, rtol=1e-12, atol=1e-12)


def test_a_prototype_start_adds_what_its_decoder_decodes() -> None:
    decoder, codes, prototypes = LEODecoder(6, 3, 8, "class"), codes_of(2, 3, 6), codes_of(2, 3, 8)
    start = PrototypeStart(decoder)
    assert torch.equal(start.head(codes, prototypes)[0], prototypes)
    with torch.no_grad():
        decoder.fc3.weight.normal_()
        decoder.fc3.bias.normal_()
    weight, bias = decoder.head(codes)
    torch.testing.assert_close(start.head(codes, prototypes)[0], prototypes + weight)
    torch.testing.assert_close(start.head(codes, prototypes)[1], bias)
    assert weight.abs().min() > 0


def stirred_generator() -> CnnGenerator:
    torch.manual_seed(0)
    generator = CnnGenerator(latent_dim=6)
    torch.nn.init.normal_(generator.fc3.weight)
    return generator


def test_the_generator_starts_from_no_change() -> None:
    torch.manual_seed(0)
    for changes in CnnGenerator(latent_dim=6)(codes_of(2, 6)):
        for change in changes:
            assert change.abs().max() == 0


def test_the_generator_changes_every_layer_and_each_episode_its_own_way() -> None:
    generator = stirred_generator()
    blocks = generator(codes_of(2, 6))
    for n_in, (kernels, scales, shifts) in zip((1, 64, 64, 64), blocks, strict=True):
        assert kernels.shape == (2, 64, n_in, 3, 3)
        assert scales.shape == shifts.shape == (2, 64)
        for change in (kernels, scales, shifts):
            assert not torch.allclose(change[0], change[1])
            assert (change.flatten(1).abs().amax(1) > 0).all()


def test_kernels_change_by_matrices_of_low_rank() -> None:
    generator = stirred_generator()
    for kernels, _, _ in generator(codes_of(1, 6))[1:]:
        matrix = kernels[0].detach().double().flatten(1)
        assert torch.linalg.matrix_rank(matrix, rtol=1e-5) == generator.rank == 8


def test_the_generator_counts_its_numbers() -> None:
    # 4 blocks of 64 channels, each with 8 coordinates of its kernel, a scale and a shift.
    assert CnnGenerator(latent_dim=64).n_generated == 4 * 64 * 10


def test_every_weight_of_the_generator_learns_after_one_update() -> None:
    # The last layer starts at zero, so that at first it alone has a gradient.
    torch.manual_seed(0)
    generator, code = CnnGenerator(latent_dim=6), codes_of(2, 6)
    optimizer = torch.optim.SGD(generator.parameters(), lr=1.0)
    for update in range(2):
        optimizer.zero_grad(set_to_none=False)
        loss = sum((change - 1).square().sum() for changes in generator(code) for change in changes)
        loss.backward()
        moving = {name for name, p in generator.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
        if update == 0:
            assert moving == {"fc3.weight", "fc3.bias"}
        optimizer.step()
    assert moving == {name for name, _ in generator.named_parameters()}
