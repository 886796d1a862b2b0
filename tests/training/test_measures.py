"""Measures of relation networks, updates and latent directions, by hand and on tiny models."""

import numpy as np
import pytest
import torch
from tiny_bank import tiny_bank
from torch import Tensor

from leo_bench.config import make_settings
from leo_bench.data.support_copies import SUPPORT_COPIES
from leo_bench.errors import LeoBenchError
from leo_bench.learners.factory import build
from leo_bench.learners.leo import Leo
from leo_bench.models.decoder import LEODecoder, LinearDecoder
from leo_bench.training.evaluate import score
from leo_bench.training.measures import compute, directions, relations, updates
from leo_bench.training.measures.descriptions import DESCRIPTIONS
from leo_bench.training.measures.episodes import MeasuredEpisodes, measured_episodes, partners_of, with_class_of
from leo_bench.training.measures.observe import observe_anil, observe_leo, observe_maml, rows_of_linear


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# Two episodes of two classes with codes of one number: distances between classes 4 and 2, mean 3.
CODES = torch.tensor([[[0.0], [4.0]], [[1.0], [3.0]]], dtype=torch.float64)
OTHER = torch.tensor([1, 0])


def same(codes: Tensor) -> Tensor:
    return codes


def plus_mean(codes: Tensor) -> Tensor:
    return codes + codes.mean(1, keepdim=True)


def test_without_a_relation_network_a_class_has_one_code_in_every_episode() -> None:
    assert relations.same_class_shift(CODES, OTHER, same).tolist() == [0, 0]


def test_a_class_that_gets_the_mean_of_its_neighbours_moves_with_them() -> None:
    # Class 0 of the first episode, code 0, becomes 0 + 2 beside the code 4, and 0 + 1.5 beside the code 3: it moves by
    # 0.5. That of the second, code 1, becomes 1 + 2 beside 3, and 1 + 2.5 beside 4. Distances between classes stay.
    shift = relations.same_class_shift(CODES, OTHER, plus_mean)
    torch.testing.assert_close(shift, torch.tensor([0.5 / 3, 0.5 / 3], dtype=torch.float64))
    scaled = relations.same_class_shift(CODES, OTHER, lambda codes: 10 * plus_mean(codes))
    torch.testing.assert_close(scaled, shift)  # the unit grows with the codes


def test_a_scale_or_a_shift_of_all_codes_damps_no_outlier() -> None:
    changed = torch.tensor([[10.0], [-5.0]], dtype=torch.float64)
    for refine in (same, lambda codes: 0.1 * codes, lambda codes: codes + 7):
        gain = relations.displacement_gain(CODES, changed, refine)
        assert gain.own.mean().item() == pytest.approx(1)
        assert gain.whole.mean().item() == pytest.approx(1)
        assert gain.others.tolist() == [0, 0]


def test_half_own_and_half_mean_code_passes_an_outlier_on_by_hand() -> None:
    # Of a displacement d of class 0 among two, the mean has d / 2. With z / 2 + mean / 2, class 0 moves by 3d / 4 and
    # the other by d / 4, while distances between classes halve: gains 3/2 and 1/2, together sqrt(5/2).
    changed = torch.tensor([[10.0], [-5.0]], dtype=torch.float64)
    gain = relations.displacement_gain(CODES, changed, lambda codes: codes / 2 + codes.mean(1, keepdim=True) / 2)
    assert gain.own.mean().item() == pytest.approx(1.5)
    assert gain.others.mean().item() == pytest.approx(0.5)
    assert gain.whole.mean().item() == pytest.approx(2.5**0.5)
    assert gain.own[0] / gain.own[1] == pytest.approx(10 / 6)  # the outlier is 10 away in one, 6 in the other


def test_a_network_that_bounds_its_codes_damps_outliers() -> None:
    changed = torch.full((2, 1), 1000.0, dtype=torch.float64)
    assert relations.displacement_gain(CODES, changed, torch.tanh).whole.mean() < 0.1


def test_similarity_of_classes_by_hand() -> None:
    # The mean is (1, 1). Seen from there, the first two classes lie opposite, the second two in one direction.
    prototypes = torch.tensor([[[3.0, 1.0], [-1.0, 1.0]], [[1.0, 2.0], [1.0, 0.0]]], dtype=torch.float64)
    torch.testing.assert_close(relations.class_similarity(prototypes), torch.tensor([-1.0, -1.0], dtype=torch.float64))
    alike = torch.tensor([[[2.0, 0.0], [4.0, 0.0]], [[-2.0, 0.0], [-4.0, 0.0]]], dtype=torch.float64)
    torch.testing.assert_close(relations.class_similarity(alike + 5), torch.ones(2, dtype=torch.float64))


def test_updates_that_are_alike_have_no_variance_between_episodes() -> None:
    alike = normal(1, 50).expand(6, 50)
    assert updates.variance_between(alike).abs().max() < 1e-12
    torch.testing.assert_close(updates.direction_similarity(alike), torch.ones(6, dtype=torch.float64))


def test_independent_updates_are_variance_between_episodes() -> None:
    independent = normal(100, 2000)
    assert updates.variance_between(independent).mean().item() == pytest.approx(1, abs=0.005)
    assert updates.direction_similarity(independent).mean().item() == pytest.approx(0, abs=0.005)


def test_a_common_part_counts_by_its_energy() -> None:
    # Each weight changes by c + e, with c and e of variance 1: half of the mean square is common to all episodes.
    mixed = normal(1, 20_000) + normal(40, 20_000, seed=1)
    assert updates.variance_between(mixed).mean().item() == pytest.approx(0.5, abs=0.02)
    assert updates.direction_similarity(mixed).mean().item() == pytest.approx(0.5, abs=0.02)


def test_variance_between_episodes_is_the_unbiased_one() -> None:
    some = normal(7, 30) + 0.5
    expected = some.var(0).sum() / some.square().mean(0).sum()  # torch divides by n - 1
    assert updates.variance_between(some).mean().item() == pytest.approx(expected.item())


def test_direction_similarity_is_the_mean_over_pairs() -> None:
    some = normal(5, 9)
    for index, found in enumerate(updates.direction_similarity(some).tolist()):
        others = [torch.cosine_similarity(some[index], some[other], dim=0) for other in range(5) if other != index]
        assert found == pytest.approx(float(sum(others)) / 4)


def test_of_many_weights_a_fixed_choice_is_kept() -> None:
    assert updates.chosen_weights(12).tolist() == list(range(12))
    chosen = updates.chosen_weights(50_000)
    assert len(chosen.unique()) == updates.MOST_WEIGHTS and (chosen.diff() > 0).all()
    assert torch.equal(chosen, updates.chosen_weights(50_000))
    assert chosen.double().mean().item() == pytest.approx(25_000, rel=0.02)


def test_a_linear_decoder_of_known_singular_values() -> None:
    # Squares 9, 4, 1, 1 of 15: three directions have 14 / 15 of them, two only 13 / 15.
    decoder = LinearDecoder(4, 3, 6, "class").double()
    rotation = torch.linalg.qr(normal(4, 4)).Q
    with torch.no_grad():
        onto = torch.linalg.qr(normal(7, 4, seed=1)).Q
        decoder.fc.weight.copy_(onto @ torch.diag(torch.tensor([3.0, 2.0, 1.0, 1.0]).double()) @ rotation)

    def head(codes: Tensor) -> Tensor:
        weight, bias = decoder.head(codes)
        return torch.cat([weight, bias[..., None]], dim=-1)

    jacobian = directions.decoder_jacobian(head, normal(3, 4, seed=2)).detach()
    assert jacobian.shape == (3 * 7, 4)
    energy = directions.energies(jacobian)
    torch.testing.assert_close(energy, torch.tensor([9.0, 4.0, 1.0, 1.0], dtype=torch.float64))
    assert directions.directions_needed(energy) == 3
    assert directions.largest_share(energy) == pytest.approx(9 / 15)
    assert (directions.energies(jacobian.T) - energy).abs().max() < 1e-9
    torch.testing.assert_close(directions.top_directions(jacobian, 1)[0].abs(), rotation[0].abs())


def test_the_derivative_of_a_curved_decoder_is_that_of_differences() -> None:
    torch.manual_seed(0)
    decoder = LEODecoder(3, 2, 4, "task").double()
    codes, small = normal(2, 3), 1e-6

    def head(codes: Tensor) -> Tensor:
        weight, bias = decoder.head(codes)
        return torch.cat([weight, bias[..., None]], dim=-1)

    found = directions.decoder_jacobian(head, codes)
    for place in range(3):
        moved = codes.clone()
        moved[0, place] += small
        torch.testing.assert_close(
            found[:, place], (head(moved[None]) - head(codes[None])).flatten() / small, atol=1e-6, rtol=1e-4
        )


def test_directions_needed_at_the_edges() -> None:
    assert directions.directions_needed(torch.tensor([1.0, 0.0, 0.0])) == 1
    assert directions.directions_needed(torch.ones(10, dtype=torch.float64)) == 9
    assert directions.directions_needed(torch.tensor([0.9, 0.1], dtype=torch.float64)) == 1


def test_subspaces_overlap_by_their_angles() -> None:
    basis = torch.eye(6, dtype=torch.float64)
    assert directions.subspace_overlap(basis[:2], basis[:2]) == 1
    assert directions.subspace_overlap(basis[:2], basis[2:4]) == 0
    turned = torch.stack([basis[0], (basis[1] + basis[2]) / 2**0.5])  # one angle of 0, one of 45 degrees
    assert directions.subspace_overlap(basis[:2], turned) == pytest.approx(0.75)


def test_random_changes_have_no_stable_directions_and_those_along_few_have() -> None:
    halves = [directions.top_directions(normal(500, 64, seed=seed), 4) for seed in (0, 1)]
    assert directions.subspace_overlap(*halves) < 0.3
    scale = torch.cat([torch.full((4,), 5.0), torch.full((60,), 0.1)]).double()
    halves = [directions.top_directions(normal(500, 64, seed=seed) * scale, 4) for seed in (0, 1)]
    assert directions.subspace_overlap(*halves) > 0.99


def test_a_step_has_the_same_effect_everywhere_in_a_linear_decoder_alone() -> None:
    features, unit, codes = normal(30, 6), torch.eye(3, dtype=torch.float64)[:2], 2 * normal(4, 2, 3, seed=1)
    partners = torch.tensor([1, 2, 3, 0])
    torch.manual_seed(0)
    for decoder, linear in ((LinearDecoder(3, 2, 6, "class"), True), (LEODecoder(3, 2, 6, "class"), False)):
        decoder.double()

        def head(codes: Tensor, decoder: LinearDecoder | LEODecoder = decoder) -> Tensor:
            weight, bias = decoder.head(codes)
            return torch.cat([weight, bias[..., None]], dim=-1)

        effects = directions.step_effects(head, codes, unit, 1.0).detach()
        assert effects.shape == (2, 4, 2, 7)
        assert (effects[:, :, 1] == 0).all()  # class 1 has a code of its own
        found = directions.effect_similarity(effects, features, partners)
        assert bool((found > 1 - 1e-9).all()) == linear


def test_a_change_of_a_bias_is_no_effect_on_images() -> None:
    weights, features = normal(1, 2, 1, 4), normal(30, 4, seed=1)
    alike = weights[:, :1].expand(1, 2, 1, 4)
    bias = torch.tensor([5.0, -5.0], dtype=torch.float64).view(1, 2, 1, 1)
    effects = torch.cat([alike, bias], dim=-1)
    found = directions.effect_similarity(effects, features, OTHER)
    torch.testing.assert_close(found, torch.ones(2, dtype=torch.float64))


def test_the_response_of_an_image_is_the_change_of_its_logit() -> None:
    effect = torch.tensor([1.0, 2.0, 0.5])  # weights 1 and 2, bias 0.5
    assert directions.responses(effect, torch.tensor([[1.0, 0.0], [3.0, -1.0]])).tolist() == [1.5, 1.5]


def test_the_share_between_groups_by_hand() -> None:
    # Values 0, 2 and 4, 6: means 1 and 5, all within 4, all around the mean 3: 9 + 1 + 1 + 9 = 20. 1 - 4 / 20.
    values = torch.tensor([[0.0, 4.0, 2.0, 6.0], [1.0, 5.0, 1.0, 5.0], [1.0, 1.0, 5.0, 5.0]], dtype=torch.float64)
    found = directions.between_share(values, torch.tensor([0, 1, 0, 1]))
    torch.testing.assert_close(found, torch.tensor([0.8, 1.0, 0.0], dtype=torch.float64))


def test_accuracy_of_heads_by_hand() -> None:
    heads = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.5]]])
    queries = torch.tensor([[[2.0, 1.0], [1.0, 1.0], [0.0, 1.0], [3.0, 1.0]]])  # two of each class
    # logits 2, 1.5: class 0, right; 1, 1.5: class 1, wrong; 0, 1.5: class 1, right; 3, 1.5: class 0, wrong
    assert compute.episode_accuracy(heads, queries).tolist() == [0.5]


def test_rows_of_a_linear_head_are_found_from_its_logits() -> None:
    weight, bias = normal(3, 5), normal(3, seed=1)
    (found,) = rows_of_linear(lambda features: [features @ weight.T + bias], 5)
    torch.testing.assert_close(found, torch.cat([weight, bias[:, None]], dim=1))


def test_partners_share_no_first_class() -> None:
    characters = np.array([[0, 1], [2, 0], [1, 3], [4, 5]])
    # 1 has the class 0; 2 has neither 0 nor is 1 free: its first class 1 is in episode 0.
    assert partners_of(characters).tolist() == [3, 2, 3, 0]
    with pytest.raises(LeoBenchError, match="test episode 0 shares its first class"):
        partners_of(np.array([[0, 1], [0, 2]]))


def test_a_class_is_placed_with_all_its_shots_and_copies() -> None:
    own, other = torch.arange(12).view(1, 12), torch.arange(100, 112).view(1, 12)  # 2 versions, 3 classes, 2 shots
    found = with_class_of(own, other, n_way=3, k_shot=2)
    assert found.tolist() == [[0, 1, 102, 103, 104, 105, 6, 7, 108, 109, 110, 111]]


BANK = tiny_bank()
TINY = {"dataset": "glyphs", "image_size": 16, "n_way": 3, "n_query": 4, "latent_dim": 8, "width": 8, "inner_lr": 0.5}
EPISODES = 12
MODELS = {
    "documented": {},
    "leo": {"decode": "class"},
    "paper": {"preset": "paper"},
    "tuned": {"preset": "tuned", "latent_dim": 32, "inner_steps": 3},
    "five shots, shuffled neighbours": {"decode": "class", "relation": "shuffled", "k_shot": 5},
    "prototypes plus a decoded part": {"decode": "class", "head_start": "prototype", "head_bias": "distance"},
    "the head of Meta-SGD": {
        "preset": "paper",
        "encoder": "none",
        "relation": "none",
        "latent": "deterministic",
        "decoded_weights": "deterministic",
        "kl_weight": 0.0,
        "inner_steps": 0,
        "finetune_lr": 1.0,
    },
    "maml": {"preset": "maml"},
    "meta_sgd": {"preset": "meta_sgd"},
    "anil": {"preset": "anil"},
    "reptile": {"preset": "reptile"},
}
RELATIONS = {name for name in DESCRIPTIONS if name.startswith("relation_")}
OF_CNN = {name for name in DESCRIPTIONS if name.endswith(("_head", "_cnn"))}
OF_UPDATES = {name for name in DESCRIPTIONS if name.startswith("update_")}
OF_STEPS = {"latent_directions_90", "spectrum_top"} | {name for name in DESCRIPTIONS if name.startswith("direction_")}


def episodes_of(k_shot: int = 1) -> MeasuredEpisodes:
    return measured_episodes(BANK, "lake", 3, k_shot, 4, EPISODES)


def model(values: dict[str, object]):  # type: ignore[no-untyped-def]
    own = {name: value for name, value in values.items() if name != "preset"}
    learner = build(make_settings({**TINY, **own}, str(values.get("preset", "documented")))).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():  # some parts start at zero
        for parameter in learner.parameters():
            if parameter.requires_grad:
                parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return learner


@pytest.mark.parametrize("values", MODELS.values(), ids=MODELS.keys())
def test_each_model_has_the_measures_of_its_parts(values: dict[str, object]) -> None:
    learner, measured = model(values), episodes_of(int(str(values.get("k_shot", 1))))
    copies = SUPPORT_COPIES["shifted"] if values.get("preset") == "tuned" else ()
    before = {name: tensor.clone() for name, tensor in learner.state_dict().items()}
    found = compute.measures_of(learner, BANK, measured, copies)
    expected = OF_UPDATES - OF_CNN
    if isinstance(learner, Leo):
        expected = set(DESCRIPTIONS) - OF_CNN
        if learner.settings.relation == "none":
            expected -= RELATIONS
        if learner.settings.inner_steps == 0:
            expected -= OF_STEPS
    elif learner.settings.learner != "anil":
        expected = OF_UPDATES
    assert set(found) == expected
    for name, (value, per_episode) in found.items():
        assert np.isfinite(value), name
        if len(per_episode):
            assert per_episode.shape == (EPISODES,), name
            assert per_episode.double().mean().item() == pytest.approx(value)
        if DESCRIPTIONS[name].unit == "cosine":
            assert -1 - 1e-9 <= value <= 1 + 1e-9, name
        if name.startswith("direction_") or "spectrum" in name:
            assert -1 - 1e-9 <= value <= 1 + 1e-9, name
    for name, tensor in learner.state_dict().items():  # measuring changes no model
        assert torch.equal(tensor, before[name])


def test_what_is_observed_of_a_leo_is_what_scoring_sees() -> None:
    learner, measured = model({"decode": "class", "k_shot": 2}), episodes_of(2)
    assert isinstance(learner, Leo)
    with torch.no_grad():
        seen = observe_leo(learner, BANK, measured, SUPPORT_COPIES["shifted"])
    (scores,) = score(learner, BANK, [measured.episodes], SUPPORT_COPIES["shifted"])
    np.testing.assert_allclose(compute.episode_accuracy(seen.heads, seen.queries).numpy(), scores.accuracies[:, -1])
    assert scores.adaptation is not None and scores.adaptation.loop is not None
    moved = seen.code_changes.norm(dim=-1).mean(1)
    torch.testing.assert_close(moved, scores.adaptation.loop.code_move.double(), rtol=1e-3, atol=1e-6)


def test_an_orthogonal_decoder_has_no_top_direction() -> None:
    # Weights are an orthogonal map of the code times the scale, whatever the bias does: 0.9 * 8 is 7.2.
    learner = model({"preset": "tuned", "latent_dim": 8})
    assert learner.classifier.feature_dim == 8
    with torch.no_grad():
        seen = observe_leo(learner, BANK, episodes_of(), ())
        found = compute.decoder_measures(learner.double(), seen)
    assert found["latent_directions_90_decoder"].value == 8
    assert found["spectrum_top_decoder"].value == pytest.approx(1 / 8, rel=1e-4)


def test_an_encoder_that_sees_images_alone_gives_a_class_one_code_before_the_relation_network() -> None:
    learner, measured = model({"decode": "class"}), episodes_of()
    images = torch.rand(9, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        among_some, among_others = learner.image_features(images[:5])[1], learner.image_features(images[[0, 7, 8]])[1]
        torch.testing.assert_close(among_some[0], among_others[0])
        seen = observe_leo(learner, BANK, measured, ())
        refine = learner.double().relation_net.refine
        assert relations.same_class_shift(seen.encoded, measured.partners, same).max() == 0
        assert relations.same_class_shift(seen.encoded, measured.partners, refine).min() > 0


def test_an_outlier_at_five_shots_moves_a_class_by_a_fifth_of_its_distance() -> None:
    learner = model({"decode": "class", "k_shot": 5})
    with torch.no_grad():
        seen = observe_leo(learner, BANK, episodes_of(5), ())
        alone = observe_leo(learner, BANK, episodes_of(1), ())
    outlier = (seen.outlier - seen.encoded[:, 0]).norm(dim=-1).mean()
    assert outlier < 0.5 * (alone.outlier - alone.encoded[:, 0]).norm(dim=-1).mean()
    redrawn = (seen.redrawn - seen.encoded[:, 0]).norm(dim=-1).mean()
    assert 0 < redrawn < outlier


def test_one_step_of_maml_changes_weights_by_its_rate_times_the_gradient() -> None:
    learner, measured = model({"preset": "maml", "inner_steps": 1, "inner_lr": 0.25}), episodes_of()
    slower = model({"preset": "maml", "inner_steps": 1, "inner_lr": 0.125})
    seen, half = (observe_maml(each, BANK, measured, ()) for each in (learner, slower))
    torch.testing.assert_close(seen.head, 2 * half.head, rtol=1e-3, atol=1e-6)
    assert seen.cnn is not None and seen.cnn.any()
    # rows of softmax gradients sum up to zero over the classes
    assert seen.head.sum(1).abs().max() < 1e-5


def test_anil_adapts_the_head_that_its_logits_show() -> None:
    learner, measured = model({"preset": "anil", "inner_steps": 1, "inner_lr": 0.25}), episodes_of()
    with torch.no_grad():
        seen = observe_anil(learner, BANK, measured, ())
    assert seen.cnn is None
    # With the rows equal, one step moves the bias of each class by -rate * (softmax - 1/N); its sum is zero.
    assert seen.head.sum(1).abs().max() < 1e-9
    assert seen.head.abs().max() > 0


@pytest.mark.parametrize(
    "values",
    [
        {"learner": "pixels", "n_train_episodes": 0},
        {"learner": "protonet"},
        {"decode": "class", "generated": "full"},
    ],
    ids=["pixels", "protonet", "full"],
)
def test_a_learner_without_measures_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(LeoBenchError, match="no measures") as caught:
        compute.measures_of(model(values), BANK, episodes_of(), ())
    assert "\n" not in str(caught.value)


def test_half_of_the_episodes_have_one_alphabet() -> None:
    measured = episodes_of()
    alphabets = [{BANK.alphabets[c] for c in row} for row in measured.episodes.characters.tolist()]
    assert measured.n_within_alphabet == EPISODES // 2
    assert all(len(row) == 1 for row in alphabets[EPISODES // 2 :])
    assert any(len(row) > 1 for row in alphabets[: EPISODES // 2])
    large = measured_episodes(BANK, "lake", 8, 1, 4, EPISODES)  # alphabets have six characters
    assert large.n_within_alphabet == 0 and len(large.episodes) == EPISODES
