"""The relation network, by hand and pair by pair."""

import pytest
import torch
from torch import Tensor

from leo_bench.models.relation import LEORelationNetwork, NoRelation


def network(latent_dim: int = 6) -> LEORelationNetwork:
    torch.manual_seed(0)
    return LEORelationNetwork(latent_dim)


def codes_of(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def test_two_codes_by_hand() -> None:
    # The relation of a to b is 2 relu(a - b) + 1. Of codes 0 and 3 the mean relations are
    # (2 relu(0) + 1 + 2 relu(-3) + 1) / 2 = 1 and (2 relu(3) + 1 + 2 relu(0) + 1) / 2 = 4.
    net = LEORelationNetwork(1)
    with torch.no_grad():
        net.fc1.weight.copy_(torch.tensor([[1.0, -1.0]]))
        net.fc1.bias.zero_()
        net.fc2.weight.fill_(2)
        net.fc2.bias.fill_(1)
    assert net(torch.tensor([[3.0]]), torch.tensor([[1.0]])).item() == 5.0
    assert net.refine(torch.tensor([[[0.0], [3.0]]])).flatten().tolist() == [1.0, 4.0]


def test_refining_is_the_mean_over_all_pairs_itself_included() -> None:
    net, codes = network(), codes_of(3, 4, 6)
    for episode, refined in zip(codes, net.refine(codes), strict=True):
        for first in range(4):
            pairs = [net(episode[first][None], episode[second][None])[0] for second in range(4)]
            torch.testing.assert_close(refined[first], sum(pairs[1:], pairs[0]) / 4)


def test_shapes_and_parameters_are_the_documents() -> None:
    net = LEORelationNetwork(64)
    assert net(codes_of(7, 64), codes_of(7, 64)).shape == (7, 64)
    shapes = {name: tuple(parameter.shape) for name, parameter in net.named_parameters()}
    assert shapes == {"fc1.weight": (64, 128), "fc1.bias": (64,), "fc2.weight": (64, 64), "fc2.bias": (64,)}


def test_no_relu_at_the_end() -> None:
    # With one, codes could not be negative, and some would be 0 for ever.
    refined = network().refine(codes_of(20, 5, 6))
    assert refined.min() < -0.1
    assert (refined != 0).all()


def test_the_order_of_a_pair_matters() -> None:
    net, first, second = network(), codes_of(1, 6), codes_of(2, 6)[1:]
    assert not torch.allclose(net(first, second), net(second, first))


def test_swapping_classes_swaps_their_codes() -> None:
    net, codes, order = network(), codes_of(2, 4, 6), torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(net.refine(codes[:, order]), net.refine(codes)[:, order])


@pytest.mark.parametrize(("net", "depends"), [(network(), True), (NoRelation(), False)])
def test_a_code_depends_on_its_company_with_relations_alone(net: torch.nn.Module, depends: bool) -> None:
    codes = codes_of(2, 4, 6)
    codes[1, 0] = codes[0, 0]  # the same class in two episodes
    refined = net.refine(codes)
    assert torch.equal(refined[0, 0], refined[1, 0]) is not depends


def test_an_episode_does_not_notice_the_others() -> None:
    net, codes = network(), codes_of(3, 4, 6)
    torch.testing.assert_close(net.refine(codes)[1:2], net.refine(codes[1:2]))
