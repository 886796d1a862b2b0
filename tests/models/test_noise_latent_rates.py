"""Drawn numbers, drawn codes and weights, penalties and step sizes, against closed forms."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from leo_bench.models.decoder import GaussianHead, LEODecoder, LinearDecoder, Mixture, TaskConditioned
from leo_bench.models.inner_objective import LeaveOneOut, Shifted, Start, Support
from leo_bench.models.latent import (
    START_DEVIATION,
    Deterministic,
    Gaussian,
    Posterior,
    Prior,
    encoder_penalty,
    kl_from_standard_normal,
)
from leo_bench.models.noise import FeatureDropout, Noise, noises_in
from leo_bench.models.relation import AttentionRelation, LEORelationNetwork, Rounds
from leo_bench.models.step_sizes import STEP_SIZES

MANY = 200_000


def test_noise_comes_from_its_seed_and_goes_on() -> None:
    one, same, other = Noise(1), Noise(1), Noise(2)
    like = torch.empty(4)
    first, second = one.normal(like), one.normal(like)
    assert torch.equal(first, same.normal(like))
    assert torch.equal(second, same.normal(like))
    assert not torch.equal(first, second)
    assert not torch.equal(first, other.normal(like))


def test_noise_goes_on_from_a_saved_state() -> None:
    one, other, like = Noise(1), Noise(2), torch.empty(4)
    one.normal(like)
    states = one.states()
    expected = [one.normal(like), one.kept(like, 0.5)]
    other.normal(like)
    other.restore(states)
    assert torch.equal(other.normal(like), expected[0])
    assert torch.equal(other.kept(like, 0.5), expected[1])
    other.restore({})  # nothing was drawn: its seed
    assert torch.equal(other.normal(like), Noise(2).normal(like))


def test_every_noise_of_a_model_is_found_once() -> None:
    shared, own = Noise(1), Noise(2)
    model = nn.Sequential(FeatureDropout(0.5, shared), nn.Sequential(Gaussian(2, own), Prior(shared)), nn.Linear(1, 1))
    assert noises_in(model) == [shared, own]
    assert noises_in(nn.Linear(1, 1)) == []


def test_noise_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    Noise(0).normal(torch.empty(3))
    Noise(0).kept(torch.empty(3), 0.5)
    assert torch.equal(before, torch.get_rng_state())


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    dropout, ones = FeatureDropout(0.25, Noise(0)), torch.ones(MANY)
    dropped = dropout.train()(ones)
    # A share of 1/4 of 200,000, five standard deviations of sqrt(3 / 16 / 200,000) = 0.00097 either way.
    assert float((dropped == 0).float().mean()) == pytest.approx(0.25, abs=0.005)
    assert dropped.unique().tolist() == [0.0, pytest.approx(4 / 3)]
    assert not torch.equal(dropped, dropout(ones))  # a fresh mask at each call
    assert torch.equal(dropout.eval()(ones), ones)


def test_a_plain_code_is_passed_on() -> None:
    codes = torch.randn(2, 3, 4)
    start, posterior = Deterministic()(codes)
    assert start is codes
    assert posterior is None


def test_without_an_encoder_a_code_is_drawn_from_the_standard_normal_and_is_zero_at_test() -> None:
    zeros = torch.zeros(1, MANY, 1)
    start, posterior = Prior(Noise(0)).train()(zeros)
    assert posterior is None
    assert start.mean().item() == pytest.approx(0.0, abs=5 / MANY**0.5)
    assert start.std().item() == pytest.approx(1.0, rel=0.01)
    assert torch.equal(Prior(Noise(0)).eval()(zeros)[0], zeros)


def test_a_drawn_code_has_the_mean_and_deviation_that_it_says() -> None:
    latent = Gaussian(1, Noise(0)).train()
    with torch.no_grad():
        latent.spread.weight.fill_(0.5)
        latent.spread.bias.fill_(-1.0)
    codes = torch.full((1, MANY, 1), 3.0)
    start, posterior = latent(codes)
    assert posterior is not None
    assert posterior.log_deviation.detach().unique().tolist() == [0.5]  # 0.5 * 3 - 1
    deviation = math.exp(0.5)
    assert start.mean().item() == pytest.approx(3.0, abs=5 * deviation / MANY**0.5)
    assert start.std().item() == pytest.approx(deviation, rel=0.01)


def test_before_training_a_drawn_code_is_near_its_mean_and_at_test_it_is_its_mean() -> None:
    latent, codes = Gaussian(3, Noise(0)), torch.zeros(1, 2, 3)
    start, posterior = latent.train()(codes)
    assert posterior is not None
    assert posterior.log_deviation.exp().flatten().tolist() == [pytest.approx(START_DEVIATION)] * 6
    assert 0 < start.abs().max().item() < 5 * START_DEVIATION
    assert torch.equal(latent.eval()(codes)[0], codes)


def test_kl_is_that_of_torchs_distributions_and_zero_for_the_prior() -> None:
    mean, log_deviation = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    q = torch.distributions.Normal(mean, log_deviation.exp())
    expected = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).mean()
    torch.testing.assert_close(kl_from_standard_normal(Posterior(mean, log_deviation)), expected)
    assert float(kl_from_standard_normal(Posterior(torch.zeros(1), torch.zeros(1)))) == 0.0


def test_the_encoder_is_pulled_to_the_adapted_code_and_not_the_reverse() -> None:
    # ((1 - 3)^2 + (2 - 2)^2) / 2 = 2; its gradient in the start is (1 - 3, 0).
    start = torch.tensor([1.0, 2.0], requires_grad=True)
    adapted = torch.tensor([3.0, 2.0], requires_grad=True)
    penalty = encoder_penalty(start, adapted)
    assert penalty.item() == 2.0
    penalty.backward()
    assert start.grad is not None
    assert start.grad.tolist() == [-2.0, 0.0]
    assert adapted.grad is None


def test_orthogonality_by_hand() -> None:
    # Two directions over three numbers: (1, 0, 0) and (0, -2, 1) are orthogonal, so nothing is asked. A direction and
    # its double have cosine 1: the two entries beside the diagonal are 1, the mean of four 1/2. (3, 0, 4) and (1, 0, 0)
    # have cosine 3/5: half its square.
    decoder = LinearDecoder(2, 3, 2, "class")
    with torch.no_grad():
        decoder.fc.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, -2.0], [0.0, 1.0]]))
        assert float(decoder.orthogonality()) == pytest.approx(0.0, abs=1e-12)
        decoder.fc.weight.copy_(torch.tensor([[1.0, 2.0], [0.0, 0.0], [-1.0, -2.0]]))
        assert float(decoder.orthogonality()) == pytest.approx(0.5)
        decoder.fc.weight.copy_(torch.tensor([[3.0, 1.0], [0.0, 0.0], [4.0, 0.0]]))
        assert float(decoder.orthogonality()) == pytest.approx(0.18)


def test_a_linear_decoder_is_one_map_without_bias() -> None:
    decoder = LinearDecoder(4, 5, 6, "class")
    assert [tuple(p.shape) for p in decoder.parameters()] == [(7, 4)]
    weight, bias = decoder.head(torch.zeros(1, 5, 4))
    assert weight.shape == (1, 5, 6)
    assert weight.abs().max() == bias.abs().max() == 0


def test_a_conditioned_decoder_sees_the_mean_code_beside_each_class() -> None:
    decoder = LinearDecoder(2, 3, 1, "class")
    with torch.no_grad():
        decoder.fc.weight.copy_(torch.tensor([[1.0, 10.0], [0.0, 0.0]]))  # weight = code + 10 * mean code
    weight, _ = TaskConditioned(decoder).head(torch.tensor([[[1.0], [2.0], [6.0]]]))
    assert weight.flatten().tolist() == [31.0, 32.0, 36.0]


def test_a_mixture_weighs_its_decoders_by_a_softmax_of_the_mean_code() -> None:
    parts = [LinearDecoder(1, 2, 1, "class") for _ in range(2)]
    mixture = Mixture(parts, 1)
    with torch.no_grad():
        for part, factor in zip(parts, (1.0, 5.0), strict=True):
            part.fc.weight.copy_(torch.tensor([[factor], [0.0]]))
        mixture.gate.weight.copy_(torch.tensor([[0.0], [math.log(3)]]))
        mixture.gate.bias.zero_()
    # Mean code 1: shares 1/4 and 3/4, so a weight is (1/4 + 15/4) times its code.
    weight, _ = mixture.head(torch.tensor([[[0.5], [1.5]]]))
    assert weight.flatten().tolist() == pytest.approx([2.0, 6.0])


def test_a_drawn_head_has_the_deviation_that_it_says_and_is_its_mean_at_test() -> None:
    mean, spread = (LinearDecoder(1, 2, 3, "class") for _ in range(2))
    with torch.no_grad():
        mean.fc.weight.fill_(2.0)
        spread.fc.weight.fill_(math.log(4))
    head = GaussianHead(mean, spread, Noise(0)).train()
    codes = torch.ones(MANY // 8, 2, 1)
    weight, bias = head.head(codes)
    numbers = torch.cat([weight.flatten(), bias.flatten()])
    deviation = 4 * (2 / (2 + 3)) ** 0.5
    assert numbers.mean().item() == pytest.approx(2.0, abs=5 * deviation / MANY**0.5)
    assert numbers.std().item() == pytest.approx(deviation, rel=0.01)
    assert set(head.eval().head(codes)[0].flatten().tolist()) == {2.0}


@pytest.mark.parametrize(("mode", "shapes"), [("fixed", []), ("learned", [(4,)]), ("per_step", [(3, 4)])])
def test_rates_start_at_the_setting(mode: str, shapes: list[tuple[int, ...]]) -> None:
    rate = STEP_SIZES[mode](0.5, 3, 4)
    assert [tuple(parameter.shape) for parameter in rate.parameters()] == shapes
    steps = rate()
    assert len(steps) == 3
    for step in steps:
        assert torch.equal(torch.as_tensor(step).expand(4), torch.full((4,), 0.5))


def test_attention_that_prefers_nobody_is_the_mean_over_pairs() -> None:
    attention, codes = AttentionRelation(5), torch.randn(2, 3, 5)
    with torch.no_grad():
        attention.query.weight.zero_()
        attention.query.bias.zero_()
    torch.testing.assert_close(attention.refine(codes), LEORelationNetwork.refine(attention, codes))


def test_attention_that_prefers_one_class_takes_its_relation_alone() -> None:
    attention, codes = AttentionRelation(2), torch.tensor([[[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]])
    with torch.no_grad():
        attention.query.weight.zero_()
        attention.query.bias.zero_()
        attention.query.bias[1] = 1000.0
        attention.key.weight.copy_(torch.eye(2))  # key = code, so the class with a second coordinate gets all
    refined = attention.refine(codes)[0]
    expected = attention(codes[0], codes[0, 1].expand(3, 2))
    torch.testing.assert_close(refined, expected)


def test_rounds_refine_one_after_another() -> None:
    first, second = LEORelationNetwork(4), LEORelationNetwork(4)
    codes = torch.randn(2, 3, 4)
    expected = second.refine(first.refine(codes))
    assert torch.equal(Rounds([first, second]).refine(codes), expected)


def test_shifted_copies_move_by_a_pixel_and_leave_nothing_behind() -> None:
    image = torch.zeros(1, 1, 4, 4)
    image[0, 0, 1, 3] = 1.0
    copies = Shifted().copies(image)[0, :, 0]
    places = [copy.nonzero().tolist() for copy in copies]
    assert places == [[], [[1, 2]], [[2, 3]], [[0, 3]]]  # right, out of the picture; left; down; up


def test_leaving_one_out_uses_the_other_examples_alone() -> None:
    # Codes of class 0: 1 and 3, of class 1: 10 and 20, in mixed order; the class means are 2 and 15. Without its own
    # code an example's class has the other one's. A point that moved by (1, 2) moves every mean as far.
    codes = torch.tensor([10.0, 1.0, 20.0, 3.0])[None, :, None]
    labels = torch.tensor([[1, 0, 1, 0]])
    features = torch.tensor([100.0, 101.0, 102.0, 103.0])[None, :, None]
    seen: list[tuple[list[float], list[float]]] = []

    def head_logits(point: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        seen.extend(zip(point.flatten(1).tolist(), features.flatten(1).tolist(), strict=True))
        return features.expand(-1, -1, 2)

    def logits_on(features: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        return lambda point: head_logits(point, features)

    start = torch.tensor([[[3.0], [30.0]]])
    support = Support(features, codes, torch.zeros(1, 4, 0, 1))
    objective = LeaveOneOut().objective(Start(support, labels, start, lambda means: means, logits_on))
    logits = objective.logits(start + torch.tensor([[[1.0], [2.0]]]))
    assert seen == [([3.0, 22.0], [100.0]), ([4.0, 17.0], [101.0]), ([3.0, 12.0], [102.0]), ([2.0, 17.0], [103.0])]
    assert logits.shape == (1, 4, 2)
    assert logits[0, :, 0].tolist() == [100.0, 101.0, 102.0, 103.0]
    assert objective.labels.tolist() == [[1, 0, 1, 0]]


def test_a_mixture_of_deep_decoders_has_parameters_of_its_own() -> None:
    parts = [LEODecoder(4, 5, 6, "class") for _ in range(3)]
    mixture = Mixture(parts, 4)
    single = sum(p.numel() for p in parts[0].parameters())
    assert sum(p.numel() for p in mixture.parameters()) == 3 * single + nn.Linear(4, 3).weight.numel() + 3
