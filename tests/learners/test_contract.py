"""Contract of every registered learner and every variant of LEO."""

import pytest
import torch
import torch.nn.functional as F
from tiny_leo import N_QUERY, N_WAY, VARIANTS, copy_of_state, random_batch, stirred, tiny

from leo_bench.errors import LeoBenchError
from leo_bench.learners import LEARNERS
from leo_bench.learners.base import Learner
from leo_bench.learners.factory import build
from leo_bench.learners.full_leo import FullLeo
from leo_bench.learners.leo import Leo
from leo_bench.models.noise import Noise

CASES = {
    **VARIANTS,
    **{name: {"learner": name} for name in LEARNERS if name != "leo"},
    "maml, first order": {"learner": "maml", "second_order": False},
    "maml, transductive": {"learner": "maml", "transductive": True},
    "meta_sgd, first order": {"learner": "meta_sgd", "second_order": False},
    "protonet, learned scale": {"learner": "protonet", "logit_scale": "learned", "train_support": "each"},
}
"""Settings of every learner; the variants are those of LEO."""
ANY_WAY = {name: changes for name, changes in CASES.items() if tiny(**changes).any_way}
INDUCTIVE = {name: changes for name, changes in CASES.items() if not changes.get("transductive")}
every_case = pytest.mark.parametrize("changes", CASES.values(), ids=CASES.keys())
every_case_of_any_way = pytest.mark.parametrize("changes", ANY_WAY.values(), ids=ANY_WAY.keys())
BLIND_TO_NAMES = {name: changes for name, changes in ANY_WAY.items() if changes.get("relation") != "shuffled"}
"""Shuffled neighbours depend on their place among the classes, on purpose."""


@pytest.fixture(autouse=True)
def known_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the same numbers in each pass, so that two passes can be compared."""
    monkeypatch.setattr(Noise, "normal", lambda _, like: torch.full_like(like, 0.3))


def loss_of(learner: Learner, seed: int = 0) -> torch.Tensor:
    support_x, support_y, query_x, query_y = random_batch(seed=seed)
    (logits,) = learner.episode_logits(support_x, support_y, query_x, N_WAY)
    return F.cross_entropy(logits.flatten(0, 1), query_y.flatten())


@every_case
def test_logits_have_the_announced_shape_in_training_and_at_every_scored_step(changes: dict[str, object]) -> None:
    learner = stirred(tiny(**changes))
    support_x, support_y, query_x, _ = random_batch()
    for training, count in ((True, 1), (False, len(learner.scored_steps))):
        logits = learner.train(training).episode_logits(support_x, support_y, query_x, N_WAY)
        assert len(logits) == count
        for step in logits:
            assert step.shape == (2, N_WAY * N_QUERY, N_WAY)
            assert step.dtype == torch.float32
            assert step.isfinite().all()


@every_case
def test_the_training_loss_is_a_finite_number_and_the_accuracy_a_fraction(changes: dict[str, object]) -> None:
    loss, accuracy = stirred(tiny(**changes)).train().loss(*random_batch(), N_WAY)
    assert loss.shape == accuracy.shape == ()
    assert loss.isfinite()
    assert loss > 0
    assert 0 <= accuracy <= 1


@every_case
def test_every_parameter_gets_a_gradient(changes: dict[str, object]) -> None:
    # generated=full: after one update, since its last layer starts at zero and hides those before it.
    settings = tiny(**changes)
    learner = build(settings).train()
    if not LEARNERS[settings.learner].trains:
        assert not list(learner.parameters())
        return
    optimizer = torch.optim.SGD(learner.parameters(), lr=0.5)
    if settings.generated == "full":
        loss_of(learner).backward()
        optimizer.step()
        optimizer.zero_grad()
    loss_of(learner, seed=1).backward()
    for name, parameter in learner.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        # Normalisation by the batch cancels a bias before it, so that one's gradient is exactly zero.
        assert (parameter.grad.abs().max() > 0) is not name.endswith("conv.bias"), name


@every_case
def test_adapting_leaves_no_gradients_on_parameters(changes: dict[str, object]) -> None:
    learner = stirred(tiny(**changes))
    support_x, support_y, query_x, _ = random_batch()
    for training in (True, False):
        learner.train(training).episode_logits(support_x, support_y, query_x, N_WAY)
        assert all(parameter.grad is None for parameter in learner.parameters())


@every_case
def test_the_outer_gradient_is_that_of_the_outer_loss_alone(changes: dict[str, object]) -> None:
    # .backward() must give what autograd.grad gives: inner gradients that leak into .grad would be added to it.
    learner = stirred(tiny(**changes)).train()
    parameters = list(learner.parameters())
    if not parameters:
        return
    expected = torch.autograd.grad(loss_of(learner), parameters)
    loss_of(learner).backward()
    for parameter, gradient in zip(parameters, expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-6)


@every_case
def test_adapting_at_test_changes_no_weight_and_no_statistic(changes: dict[str, object]) -> None:
    learner = stirred(tiny(**changes)).eval()
    before = copy_of_state(learner)
    support_x, support_y, query_x, _ = random_batch()
    with torch.no_grad():
        learner.episode_logits(support_x, support_y, query_x, N_WAY)
        learner.logits_from_features(
            tuple(rows.unflatten(0, (2, -1)) for rows in learner.image_features(support_x.flatten(0, 1))),
            support_y,
            tuple(rows.unflatten(0, (2, -1)) for rows in learner.image_features(query_x.flatten(0, 1))),
            N_WAY,
        )
    for name, tensor in learner.state_dict().items():
        assert torch.equal(tensor, before[name]), name


@every_case
def test_a_batched_step_is_a_loop_over_its_episodes(changes: dict[str, object]) -> None:
    batched, looped = (stirred(tiny(**changes), torch.float64).train() for _ in range(2))
    support_x, support_y, query_x, _ = random_batch(3, dtype=torch.float64)
    (together,) = batched.episode_logits(support_x, support_y, query_x, N_WAY)
    for e in range(3):
        (alone,) = looped.episode_logits(support_x[e : e + 1], support_y[e : e + 1], query_x[e : e + 1], N_WAY)
        torch.testing.assert_close(together[e : e + 1], alone, rtol=1e-9, atol=1e-9)
    for (name, tensor), other in zip(batched.state_dict().items(), looped.state_dict().values(), strict=True):
        torch.testing.assert_close(tensor, other, rtol=1e-5, atol=1e-6, msg=lambda m, name=name: f"{name}: {m}")


@every_case
def test_features_give_the_same_logits_as_images(changes: dict[str, object]) -> None:
    learner = stirred(tiny(**changes)).double().eval()
    support_x, support_y, query_x, _ = random_batch(dtype=torch.float64)
    with torch.no_grad():
        support, query = (
            tuple(rows.unflatten(0, (2, -1)) for rows in learner.image_features(images.flatten(0, 1)))
            for images in (support_x, query_x)
        )
        from_features = learner.logits_from_features(support, support_y, query, N_WAY)
        from_images = learner.episode_logits(support_x, support_y, query_x, N_WAY)
    for step, other in zip(from_features, from_images, strict=True):
        torch.testing.assert_close(step, other, rtol=1e-8, atol=1e-8)


@every_case
def test_query_features_give_the_same_logits_as_all_features_of_the_queries(changes: dict[str, object]) -> None:
    learner = stirred(tiny(**changes)).eval()
    support_x, support_y, query_x, _ = random_batch(1)
    with torch.no_grad():
        support = tuple(rows[None] for rows in learner.image_features(support_x[0]))
        few, all_ = (
            tuple(rows[None] for rows in features(query_x[0]))
            for features in (learner.query_features, learner.image_features)
        )
        one, other = (learner.logits_from_features(support, support_y, query, N_WAY) for query in (few, all_))
    assert len(few) == (1 if isinstance(learner, Leo) else len(all_))
    for step, same in zip(one, other, strict=True):
        assert torch.equal(step, same)


@pytest.mark.parametrize("changes", BLIND_TO_NAMES.values(), ids=BLIND_TO_NAMES.keys())
def test_renaming_the_classes_renames_the_answers(changes: dict[str, object]) -> None:
    learner = stirred(tiny(**changes), torch.float64).eval()
    support_x, support_y, query_x, _ = random_batch(dtype=torch.float64)
    new_name = torch.tensor([2, 0, 1])
    with torch.no_grad():
        logits = learner.episode_logits(support_x, support_y, query_x, N_WAY)
        renamed = learner.episode_logits(support_x, new_name[support_y], query_x, N_WAY)
    for step, other in zip(logits, renamed, strict=True):
        torch.testing.assert_close(other[..., new_name], step, rtol=1e-9, atol=1e-9)
    assert not torch.allclose(renamed[-1], logits[-1], atol=1e-6)


@pytest.mark.parametrize("encoder", ["separate", "shared"])
@pytest.mark.parametrize("relation", ["pairwise", "none", "own"])
def test_one_code_for_all_classes_cannot_name_them(encoder: str, relation: str) -> None:
    # decode=task: rename the classes, and before adaptation the answers keep the old names. Hence at chance.
    learner = stirred(tiny(encoder=encoder, relation=relation, inner_steps=0)).eval()
    support_x, support_y, query_x, _ = random_batch()
    new_name = torch.tensor([2, 0, 1])
    with torch.no_grad():
        (logits,) = learner.episode_logits(support_x, support_y, query_x, N_WAY)
        (renamed,) = learner.episode_logits(support_x, new_name[support_y], query_x, N_WAY)
    torch.testing.assert_close(renamed, logits, rtol=1e-4, atol=1e-5)
    assert logits.std(-1).min() > 1e-3  # they do answer something


@every_case
def test_the_order_of_the_support_set_does_not_matter(changes: dict[str, object]) -> None:
    learner = stirred(tiny(**changes)).double().eval()
    support_x, support_y, query_x, _ = random_batch()
    support_x, query_x = support_x.double(), query_x.double()
    order = torch.tensor([3, 5, 0, 2, 4, 1])
    with torch.no_grad():
        logits = learner.episode_logits(support_x, support_y, query_x, N_WAY)
        shuffled = learner.episode_logits(support_x[:, order], support_y[:, order], query_x, N_WAY)
    for step, other in zip(logits, shuffled, strict=True):
        torch.testing.assert_close(other, step, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("changes", INDUCTIVE.values(), ids=INDUCTIVE.keys())
def test_at_test_a_query_does_not_notice_the_others(changes: dict[str, object]) -> None:
    learner = stirred(tiny(**changes)).eval()
    support_x, support_y, query_x, _ = random_batch()
    with torch.no_grad():
        logits = learner.episode_logits(support_x, support_y, query_x, N_WAY)
        single = learner.episode_logits(support_x, support_y, query_x[:, 3:4], N_WAY)
    for step, other in zip(logits, single, strict=True):
        torch.testing.assert_close(other, step[:, 3:4], rtol=1e-3, atol=1e-4)


@every_case_of_any_way
def test_any_number_of_classes_can_be_scored(changes: dict[str, object]) -> None:
    learner = stirred(tiny(**changes)).eval()
    support_x, labels = torch.rand(1, 7, 1, 16, 16), torch.arange(7)[None]
    with torch.no_grad():
        assert learner.episode_logits(support_x, labels, support_x, 7)[-1].shape == (1, 7, 7)


def test_one_code_for_all_classes_can_be_scored_only_at_its_own_number_of_classes() -> None:
    settings = tiny(decode="task")
    assert not settings.any_way
    support_x, labels = torch.rand(1, N_WAY + 1, 1, 16, 16), torch.arange(N_WAY + 1)[None]
    with pytest.raises(LeoBenchError, match=f"built for {N_WAY} classes"):
        build(settings).eval().episode_logits(support_x, labels, support_x, N_WAY + 1)


@pytest.mark.parametrize(
    "changes",
    [{}, {"encoder": "shared"}, {"generated": "full"}],  # full with shared: normalised by the episode's support set
    ids=["separate", "shared", "full, separate"],
)
def test_without_relations_to_others_a_class_has_the_same_code_in_any_episode_and_else_not(
    changes: dict[str, object],
) -> None:
    support_x, _, _, _ = random_batch()
    support_x[1, 0] = support_x[0, 0]
    support_y = torch.tensor([[0, 1, 1, 2, 2, 2], [0, 1, 2, 1, 2, 1]])  # class 0 is the same drawing in both
    for relation, same in (("none", True), ("own", True), ("pairwise", False), ("shuffled", False)):
        learner = stirred(tiny(decode="class", relation=relation, **changes)).eval()
        assert isinstance(learner, Leo)
        with torch.no_grad():
            image_codes = learner.image_features(support_x.flatten(0, 1))[1].unflatten(0, (2, 6))
            codes = learner.class_codes(image_codes, support_y, N_WAY)
        assert torch.allclose(codes[0, 0], codes[1, 0], rtol=1e-4, atol=1e-5) is same


@every_case
def test_the_same_seed_starts_alike_and_another_does_not(changes: dict[str, object]) -> None:
    one, same, other = (build(tiny(**changes, seed=seed)) for seed in (1, 1, 2))
    assert bool(list(one.parameters())) is LEARNERS[tiny(**changes).learner].trains
    for (name, a), b, c in zip(one.named_parameters(), same.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b), name
        drawn = len(a.unique()) > 1  # scales, shifts and the generator's last layer start as constants
        assert torch.equal(a, c) is not drawn, name


def test_parts_start_from_streams_of_their_own() -> None:
    # Encoder and classifier have the same CNN; from one stream they would start as the same one.
    leo = build(tiny())
    assert isinstance(leo, Leo)
    for own, other in zip(leo.encoder.backbone.parameters(), leo.classifier.backbone.parameters(), strict=True):
        assert own.std() == 0 or not torch.equal(own, other)


def test_building_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    build(tiny())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("change", "alike"),
    [
        ({"relation": "none"}, {"classifier", "encoder", "decoder"}),
        ({"relation": "own"}, {"classifier", "encoder", "relation_net", "decoder"}),
        ({"relation": "shuffled"}, {"classifier", "encoder", "relation_net", "decoder"}),
        ({"encoder": "shared"}, {"classifier", "relation_net", "decoder"}),
        ({"decode": "task"}, {"classifier", "encoder", "relation_net"}),
        ({"latent_dim": 7}, {"classifier"}),
        ({"inner_steps": 3}, {"classifier", "encoder", "relation_net", "decoder"}),
        ({"second_order": False}, {"classifier", "encoder", "relation_net", "decoder"}),
    ],
)
def test_changing_a_part_leaves_the_others_start_alike(change: dict[str, object], alike: set[str]) -> None:
    base, changed = build(tiny(decode="class")), build(tiny(**{"decode": "class", **change}))
    others = dict(changed.named_parameters())
    compared = {name: parameter for name, parameter in base.named_parameters() if name.split(".")[0] in alike}
    assert {name.split(".")[0] for name in compared} == alike  # a part under another name would not be compared
    for name, parameter in compared.items():
        assert torch.equal(parameter, others[name]), name


def test_full_is_a_leo_with_a_generator_and_the_rest_is_not() -> None:
    assert isinstance(build(tiny(decode="class", generated="full")), FullLeo)
    assert type(build(tiny())) is Leo
