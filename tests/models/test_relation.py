"""The relation network, by hand and pair by pair."""

import pytest
import torch
from torch import Tensor

from leo_bench.models.relation import (
    RELATIONS,
    LEORelationNetwork,
    NoRelation,
    OwnRelation,
    Residual,
    Rounds,
    ShuffledRelation,
    shuffled_orders,
)

CPU = torch.device("cpu")


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


@pytest.mark.parametrize(
    ("net", "depends"),
    [(network(), True), (NoRelation(), False), (OwnRelation(6), False), (ShuffledRelation(6), True)],
)
def test_a_code_depends_on_its_company_with_relations_alone(net: torch.nn.Module, depends: bool) -> None:
    codes = codes_of(2, 4, 6)
    codes[1, 0] = codes[0, 0]  # the same class in two episodes
    refined = net.refine(codes)
    assert torch.equal(refined[0, 0], refined[1, 0]) is not depends


def test_an_episode_does_not_notice_the_others() -> None:
    net, codes = network(), codes_of(3, 4, 6)
    torch.testing.assert_close(net.refine(codes)[1:2], net.refine(codes[1:2]))


def by_hand(kind: type[LEORelationNetwork]) -> LEORelationNetwork:
    """Relations of codes of two numbers: (relu(a_1 + b_1), relu(a_2 - b_2)), doubled, plus (0, 1)."""
    net = kind(2)
    with torch.no_grad():
        net.fc1.weight.copy_(torch.tensor([[1.0, 0, 1, 0], [0, 1, 0, -1]]))
        net.fc1.bias.zero_()
        net.fc2.weight.copy_(2 * torch.eye(2))
        net.fc2.bias.copy_(torch.tensor([0.0, 1]))
    return net


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        # Codes (1, 2) and (3, 5). Relations of the first: to itself relu(1 + 1), relu(2 - 2) = (2, 0); to the second
        # (4, 0). Of the second: to the first (4, 3), to itself (6, 0). Means (3, 0) and (5, 1.5).
        (LEORelationNetwork, [[6, 1], [10, 4]]),
        (OwnRelation, [[4, 1], [12, 1]]),
        # Two numbers have one cycle: they change places. So the first sees (5, 3): (6, 0), and the second sees (2, 1):
        # (5, 4). Means with those to themselves (4, 0) and (5.5, 2).
        (ShuffledRelation, [[8, 1], [11, 5]]),
    ],
)
def test_two_codes_of_two_numbers_by_hand(kind: type[LEORelationNetwork], expected: list[list[float]]) -> None:
    assert by_hand(kind).refine(torch.tensor([[[1.0, 2], [3, 5]]]))[0].tolist() == expected


def test_shuffled_is_the_mean_over_pairs_with_reordered_neighbours() -> None:
    net, codes = ShuffledRelation(6), codes_of(3, 4, 6)
    orders = shuffled_orders(4, 6, CPU).tolist()
    for episode, refined in zip(codes, net.refine(codes), strict=True):
        for first in range(4):
            seen = [code[orders[place]] for place, code in enumerate(episode)]
            seen[first] = episode[first]
            pairs = [net(episode[first][None], second[None])[0] for second in seen]
            torch.testing.assert_close(refined[first], torch.stack(pairs).mean(0))


@pytest.mark.parametrize(("n_way", "latent_dim"), [(2, 2), (5, 3), (20, 64), (40, 17)])
def test_each_order_is_one_cycle_through_all_numbers(n_way: int, latent_dim: int) -> None:
    # So a neighbour keeps its numbers, each of them once, and none keeps its place.
    for order in shuffled_orders(n_way, latent_dim, CPU).tolist():
        place, visited = 0, set[int]()
        while place not in visited:
            visited.add(place)
            place = order[place]
        assert visited == set(range(latent_dim))


def test_orders_differ_from_place_to_place_and_stay_the_same() -> None:
    orders = shuffled_orders(40, 64, CPU)
    assert len(orders.unique(dim=0)) == 40  # one order for all could be learned and undone
    assert torch.equal(shuffled_orders(5, 64, CPU), orders[:5])
    # Pinned: another order would give recorded runs other numbers.
    assert shuffled_orders(3, 6, CPU).tolist() == [[1, 5, 3, 0, 2, 4], [3, 0, 4, 5, 1, 2], [2, 5, 4, 0, 1, 3]]


def test_the_relation_to_itself_ignores_the_other_classes() -> None:
    for net in (OwnRelation(6), Residual(OwnRelation(6)), Rounds([OwnRelation(6), OwnRelation(6)])):
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter)
        codes, others = codes_of(1, 4, 6), codes_of(1, 4, 6).neg()
        others[0, 2] = codes[0, 2]
        assert torch.equal(net.refine(codes)[0, 2], net.refine(others)[0, 2])
        assert not torch.equal(net.refine(codes)[0, 1], net.refine(others)[0, 1])


def test_shuffled_neighbours_lose_their_places_and_not_their_numbers() -> None:
    # A network that adds up what it sees cannot tell shuffled neighbours from true ones; one that looks at single
    # numbers can.
    codes = codes_of(2, 4, 6).abs()
    shuffled, true = ShuffledRelation(6), LEORelationNetwork(6)
    with torch.no_grad():
        for weights in (torch.ones(6, 12), torch.eye(6).repeat(1, 2)):
            for net in (shuffled, true):
                net.fc1.weight.copy_(weights)
                net.fc1.bias.zero_()
                net.fc2.weight.copy_(torch.eye(6))
                net.fc2.bias.zero_()
            alike = torch.allclose(shuffled.refine(codes), true.refine(codes), atol=1e-6)
            assert alike is bool((weights == 1).all())


def test_only_shuffled_relations_depend_on_the_place_of_a_class() -> None:
    codes, order = codes_of(2, 4, 6), torch.tensor([2, 0, 3, 1])
    for name, kind in RELATIONS.items():
        torch.manual_seed(0)
        net = kind(6)
        alike = torch.allclose(net.refine(codes[:, order]), net.refine(codes)[:, order], atol=1e-6)
        assert alike is (name != "shuffled"), name


@pytest.mark.parametrize("kind", [OwnRelation, ShuffledRelation])
def test_controls_have_the_parameters_of_the_pairwise_network(kind: type[LEORelationNetwork]) -> None:
    torch.manual_seed(0)
    pairwise = LEORelationNetwork(64).state_dict()
    torch.manual_seed(0)
    control = kind(64).state_dict()
    assert list(control) == list(pairwise)
    for name, tensor in pairwise.items():
        assert torch.equal(control[name], tensor), name
