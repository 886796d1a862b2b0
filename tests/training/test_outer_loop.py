"""The outer loop on a tiny bank of drawings."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tiny_bank import tiny_bank
from torch import Tensor, nn

from leo_bench.config import Settings, make_settings
from leo_bench.data.augment import draw_affine
from leo_bench.data.bank import ImageBank
from leo_bench.data.episodes import Episodes, EpisodeSampler, EpisodeSpec, fixed_episodes, gather, gather_drawn
from leo_bench.data.seeding import stream
from leo_bench.data.splits import class_split
from leo_bench.errors import LeoBenchError
from leo_bench.learners.base import Learner
from leo_bench.learners.factory import build
from leo_bench.records.state import DIVERGENCE
from leo_bench.training import outer_loop as train_module
from leo_bench.training.evaluate import Scores, score
from leo_bench.training.outer_loop import TrainingDiverged, _passed, outer_step, train
from leo_bench.training.state import History

BANK = tiny_bank()
SIZES: dict[str, Any] = {
    "dataset": "glyphs",
    "image_size": 16,
    "n_way": 3,
    "n_query": 2,
    "latent_dim": 8,
    "width": 16,
    "inner_steps": 1,
}
BUDGET: dict[str, Any] = {"n_train_episodes": 8, "meta_batch_size": 2, "val_every": 4, "n_val_episodes": 4}
QUICK: dict[str, Any] = {**SIZES, **BUDGET, "learner": "protonet"}
SHARED: dict[str, Any] = {**SIZES, **BUDGET, "decode": "class", "encoder": "shared"}


def trained(settings: Settings) -> tuple[dict[str, Tensor], History]:
    learner = build(settings)
    history = train(learner, BANK, settings)
    return learner.state_dict(), history


@cache
def quick_state() -> dict[str, Tensor]:
    """Return weights and learning curve of the quick settings."""
    return trained(make_settings(QUICK))[0]


def flat(learner: Learner) -> Tensor:
    """All parameters as one vector."""
    return torch.cat([parameter.detach().reshape(-1) for parameter in learner.parameters()])


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Episodes]:
    """The meta-batches that training gathers, as they come."""
    batches: list[Episodes] = []

    def recorded(images: Tensor, *drawn: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        *indices, k_shot = drawn
        characters, rotations, drawers = (tensor.numpy() for tensor in indices)
        spec = EpisodeSpec(characters.shape[1], k_shot, drawers.shape[2] - k_shot)
        batches.append(Episodes(characters, rotations, drawers, spec))
        return gather_drawn(images, *drawn)

    monkeypatch.setattr(train_module, "gather_drawn", recorded)
    return batches


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the updates do nothing, for tests that look at the episodes alone."""
    monkeypatch.setattr(train_module, "outer_step", lambda *_: (torch.zeros(()),) * 3)


def test_an_easy_problem_is_learned_in_seconds_unless_one_code_stands_for_all_classes() -> None:
    bank = tiny_bank(noise=0.1)
    accuracies = {}
    for decode in ("class", "task"):
        budget = {"n_train_episodes": 100, "n_val_episodes": 40, "outer_lr": 0.003, "val_every": 100, "k_shot": 2}
        settings = make_settings({**SHARED, **budget, "decode": decode, "relation": "none", "inner_steps": 0})
        accuracies[decode] = train(build(settings), bank, settings).validation[-1][1]
    # Chance is 1/3, of 240 answers with a standard deviation of 0.03; one code for all classes can do no better.
    assert accuracies["class"] > 0.6
    assert 0.2 < accuracies["task"] < 0.46


def test_the_same_seed_trains_the_same_bits_whatever_the_global_generators_hold() -> None:
    runs = []
    for state in (1, 2):
        torch.manual_seed(state)
        np.random.seed(state)  # noqa: NPY002
        runs.append(trained(make_settings(SHARED)))
    assert same(runs[0][0], runs[1][0])
    assert runs[0][1] == runs[1][1]


def test_training_leaves_the_global_generators_alone() -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    trained(make_settings(SHARED))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


def test_another_seed_starts_elsewhere_and_sees_other_episodes(seen: list[Episodes]) -> None:
    one, other = (trained(make_settings({**QUICK, "seed": seed}))[0] for seed in (0, 1))
    assert not same(one, other)
    assert {batch.digest() for batch in seen[:4]}.isdisjoint(batch.digest() for batch in seen[4:])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"relation": "none"},
        {"decode": "task"},
        {"encoder": "separate"},
        {"inner_steps": 0},
        {"latent_dim": 4},
        {"generated": "full"},
        {"learner": "protonet"},
        {"outer_lr": 0.01},
        {"meta_batch_size": 4},
        {"val_every": 2, "n_val_episodes": 2},
        {"n_train_episodes": 16},
    ],
    ids=str,
)
def test_training_episodes_are_those_of_the_seeds_stream_for_every_variant(
    changes: dict[str, Any], seen: list[Episodes]
) -> None:
    settings = make_settings({**SHARED, "seed": 5, **changes})
    trained(settings)
    sampler = EpisodeSampler(BANK, class_split(BANK, "lake", "train")["train"], EpisodeSpec(3, 1, 2), rotations=True)
    expected = sampler.sample(stream(5, "train episodes"), settings.n_train_episodes)
    size = settings.meta_batch_size
    parts = [expected[start : start + size] for start in range(0, settings.n_train_episodes, size)]
    assert [batch.digest() for batch in seen] == [part.digest() for part in parts]


@pytest.mark.parametrize("train_classes", ["train", "trainval"])
@pytest.mark.parametrize("split", ["lake", "random"])
def test_no_test_character_is_trained_on_and_no_validation_character_unless_asked(
    train_classes: str, split: str, seen: list[Episodes], idle: None
) -> None:
    trained(
        make_settings(
            {**QUICK, "train_classes": train_classes, "class_split": split, "n_train_episodes": 160, "val_every": 160}
        )
    )
    used = set(np.concatenate([batch.characters.ravel() for batch in seen]).tolist())
    parts = {name: set(part.tolist()) for name, part in class_split(BANK, split, "train").items()}
    assert not used & parts["test"]
    assert bool(used & parts["val"]) is (train_classes == "trainval")


def test_rotations_are_trained_on_only_when_asked(seen: list[Episodes], idle: None) -> None:
    trained(make_settings({**QUICK, "n_train_episodes": 40}))
    assert set(np.concatenate([batch.rotations.ravel() for batch in seen]).tolist()) == {0, 1, 2, 3}
    seen.clear()
    trained(make_settings({**QUICK, "rotations": False}))
    assert not np.concatenate([batch.rotations.ravel() for batch in seen]).any()


@pytest.mark.parametrize(
    "changes",
    [
        {"class_split": "random"},
        {"train_classes": "trainval"},
        {"rotations": False},
        {"episode_mode": "within_alphabet"},
        {"k_shot": 2},
        {"n_query": 3},
        {"n_train_episodes": 6},
        {"meta_batch_size": 4},
        {"outer_lr": 0.002},
        {"clip_norm": 0.01},
        {"train_n_way": 4},
        {"train_n_query": 3},
        {"train_k_shot": 2},
        {"schedule": "one_cycle"},
        {"averaged_share": 0.5},
        {"augmentation": "affine"},
    ],
    ids=str,
)
def test_every_training_setting_acts(changes: dict[str, Any]) -> None:
    # Adam is nearly indifferent to the gradient's size, but not to one that varies from update to update.
    assert not same(quick_state(), trained(make_settings({**QUICK, **changes}))[0])


def test_training_episodes_may_have_other_ways_shots_and_queries_and_validation_has_its_own(
    seen: list[Episodes], idle: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    validated: list[Episodes] = []
    monkeypatch.setattr(
        train_module, "score", lambda _, __, groups: validated.extend(groups) or score(build(settings), BANK, groups)
    )
    settings = make_settings({**SHARED, "train_n_way": 4, "train_k_shot": 3, "train_n_query": 5})
    trained(settings)
    assert {(batch.characters.shape[1], batch.drawers.shape[2]) for batch in seen} == {(4, 3 + 5)}
    assert {batch.spec.k_shot for batch in seen} == {3}
    assert {(e.spec.n_way, e.spec.k_shot, e.spec.n_query) for e in validated} == {(3, 1, 2)}
    assert settings.n_train_images == 8 * 4 * (3 + 5)


def test_augmented_episodes_are_the_seeds_episodes_and_their_changes_come_from_a_stream_of_their_own(
    seen: list[Episodes],
) -> None:
    plain, changed, again = (
        trained(make_settings({**QUICK, "augmentation": kind}))[0] for kind in ("none", "affine", "affine")
    )
    assert [batch.digest() for batch in seen[:4]] == [batch.digest() for batch in seen[4:8]]
    assert same(changed, again)
    assert not same(plain, changed)


def test_the_maps_of_augmentation_are_those_of_their_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Tensor] = []

    def recorded(rng: np.random.Generator, *shape: int) -> Tensor:
        drawn.append(draw_affine(rng, *shape))
        return drawn[-1]

    monkeypatch.setattr(train_module, "draw_affine", recorded)
    trained(make_settings({**QUICK, "augmentation": "affine", "seed": 3}))
    own, episodes = stream(3, "augmentation"), stream(3, "train episodes")
    assert len(drawn) == 4  # 8 episodes in meta-batches of 2, each with 3 * (1 + 2) images
    assert all(torch.equal(maps, draw_affine(own, 2, 9)) for maps in drawn)
    assert not torch.equal(drawn[0], draw_affine(episodes, 2, 9))


def test_averaging_changes_no_validation_before_the_end() -> None:
    base = {**QUICK, "n_train_episodes": 12, "val_every": 2, "width": 64}
    plain, averaged = (trained(make_settings({**base, "averaged_share": share})) for share in (0.0, 0.5))
    assert [episode for episode, _, _ in plain[1].validation] == [2, 4, 6, 8, 10, 12]
    assert averaged[1].validation[:-1] == plain[1].validation[:-1]
    assert averaged[1].curve == plain[1].curve
    assert not same(plain[0], averaged[0])


def test_validation_settings_change_what_is_recorded_and_nothing_of_the_training() -> None:
    base = {**SHARED, "width": 64}  # with 16 channels all validations are at chance
    state, history = trained(make_settings(base))
    assert [episode for episode, _, _ in history.validation] == [4, 8]
    for changes in ({"val_every": 2}, {"n_val_episodes": 8}):
        other_state, other_history = trained(make_settings({**base, **changes}))
        assert same(state, other_state)
        assert history.curve == other_history.curve
        assert history.validation != other_history.validation


@pytest.mark.parametrize(
    "changes", [{}, {"seed": 1}, {"train_classes": "trainval"}, {"episode_mode": "within_alphabet"}]
)
def test_validation_is_on_fixed_episodes_of_validation_characters_and_never_on_test_ones(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch, idle: None
) -> None:
    scored: list[Episodes] = []

    def recorded(learner: Learner, bank: ImageBank, groups: list[Episodes]) -> list[Scores]:
        scored.extend(groups)
        return score(learner, bank, groups)

    monkeypatch.setattr(train_module, "score", recorded)
    trained(make_settings({**QUICK, **changes}))
    expected = fixed_episodes(BANK, "lake", "val", EpisodeSpec(3, 1, 2), 4)
    assert [episodes.digest() for episodes in scored] == [expected.digest()] * 2
    validation = class_split(BANK, "lake", "train")["val"].tolist()
    assert set(expected.characters.ravel().tolist()) <= set(validation)


def test_batch_norm_is_updated_once_for_each_training_episode() -> None:
    state, _ = trained(make_settings({**SHARED, "encoder": "separate"}))
    counts = {name: int(value) for name, value in state.items() if name.endswith("num_batches_tracked")}
    assert len(counts) == 8
    assert set(counts.values()) == {8}


@pytest.mark.parametrize("changes", [{"n_train_episodes": 0}, {"learner": "pixels"}], ids=str)
def test_without_episodes_or_parameters_nothing_is_trained(changes: dict[str, Any]) -> None:
    settings = make_settings({**QUICK, **changes})
    state, history = trained(settings)
    assert same(state, build(settings).state_dict())
    assert history == History()


def test_the_curve_has_means_since_its_last_point(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = make_settings({**QUICK, "n_train_episodes": 10})
    monkeypatch.setattr(train_module, "CURVE_EVERY", 1)
    _, fine = trained(settings)
    monkeypatch.setattr(train_module, "CURVE_EVERY", 4)
    calls: list[tuple[int, int]] = []
    coarse = train(
        build(settings), BANK, settings, lambda history, episode: calls.append((len(history.curve), episode))
    )
    assert [point[0] for point in fine.curve] == [2, 4, 6, 8, 10]
    assert [point[0] for point in coarse.curve] == [4, 8, 10]
    assert calls == [(1, 4), (2, 8), (3, 10)]
    for part, coarse_point in zip((fine.curve[:2], fine.curve[2:4], fine.curve[4:]), coarse.curve, strict=True):
        assert coarse_point[1:] == pytest.approx(np.mean([point[1:] for point in part], axis=0), rel=1e-5)


def test_progress_is_told_of_validations_too_and_may_end_the_training() -> None:
    settings, calls = make_settings(QUICK), []

    def progress(history: History, episode: int) -> None:
        calls.append((episode, len(history.curve), len(history.validation)))
        if len(history.validation) == 1:
            raise LeoBenchError("enough")

    with pytest.raises(LeoBenchError, match="enough"):
        train(build(settings), BANK, settings, progress)
    assert calls == [(4, 0, 1)]  # val_every 4; the curve's first point would be at the end, episode 8


def test_points_are_taken_whenever_a_multiple_is_passed() -> None:
    assert [episode for episode in range(3, 31, 3) if _passed(episode, 3, 10)] == [12, 21, 30]


def one_batch(n_episodes: int, settings: Settings) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    characters = class_split(BANK, "lake", "train")["train"]
    sampler = EpisodeSampler(BANK, characters, EpisodeSpec(settings.n_way, settings.k_shot, settings.n_query), True)
    return gather(BANK.images, sampler.sample(stream(0, "one batch"), n_episodes))


def step_of(batch: tuple[Tensor, ...], clip_norm: float) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    """How far plain gradient descent at rate 1 moves the parameters, as one vector, and what outer_step returns."""
    learner = build(make_settings(SHARED))
    before = flat(learner)
    optimizer = torch.optim.SGD(learner.parameters(), lr=1.0)
    returned = outer_step(learner, optimizer, batch, 3, clip_norm)
    return before - flat(learner), returned


def test_an_update_is_the_mean_of_its_episodes_updates() -> None:
    batch = one_batch(3, make_settings(SHARED))
    together, (loss, accuracy, norm) = step_of(batch, clip_norm=1e6)
    steps, returned = zip(*[step_of(tuple(t[e : e + 1] for t in batch), clip_norm=1e6) for e in range(3)], strict=True)
    torch.testing.assert_close(together, torch.stack(steps).mean(0), rtol=1e-3, atol=1e-5)
    assert float(loss) == pytest.approx(float(np.mean([r[0] for r in returned])), rel=1e-5)
    assert float(accuracy) == pytest.approx(float(np.mean([r[1] for r in returned])))
    assert float(norm) == pytest.approx(float(together.norm()), rel=1e-3)


@pytest.mark.parametrize(
    "changes", [{}, {"encoder": "separate"}, {"generated": "full"}, {"l2_weight": 0.1, "encoder_penalty_weight": 10.0}]
)
def test_passes_of_a_meta_batch_add_up_to_one(changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    settings = make_settings({**SHARED, **changes})
    batch, moved, sizes = one_batch(5, settings), [], []
    for limit in (2**20, 2 * 9 * 16 * 16):  # all five at once; two of 9 images at a time
        monkeypatch.setattr(train_module, "PIXELS_PER_PASS", limit)
        sizes.append(train_module.episodes_per_pass(batch))
        learner = build(settings)
        before = flat(learner)
        returned = outer_step(learner, torch.optim.SGD(learner.parameters(), lr=1.0), batch, 3, 1e6)
        moved.append((before - flat(learner), torch.stack(returned), list(learner.buffers())))
    assert sizes == [5, 2]
    for one, other in zip(*moved, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("n_episodes", "image_size", "expected"), [(4, 28, 4), (16, 28, 16), (17, 28, 9), (4, 105, 1)])
def test_passes_are_as_equal_as_can_be(n_episodes: int, image_size: int, expected: int) -> None:
    # 80 images an episode: 1,048,576 pixels are 16.7 episodes at 28x28, 1.19 at 105x105.
    support, query = (torch.empty(n_episodes, 5 * n, 1, image_size, image_size) for n in (1, 15))
    labels = torch.empty(n_episodes, 5), torch.empty(n_episodes, 75)
    assert train_module.episodes_per_pass((support, labels[0], query, labels[1])) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"encoder": "separate", "precision": "bfloat16"},
        {"generated": "full"},
        {"learner": "protonet"},
        {"finetune_steps": 2, "inner_lr_mode": "per_step", "relation": "attention", "n_decoders": 2},
        {"inner_examples": "shifted", "decoder": "linear", "orthogonality_weight": 0.1, "l2_weight": 0.1},
    ],
)
def test_away_from_the_cpu_nothing_of_an_update_waits_for_a_value(changes: dict[str, Any]) -> None:
    """On torch's device "meta" tensors have no values, so whatever asks for one fails; a GPU takes the same path."""
    learner = build(make_settings({**SHARED, **changes})).to("meta")
    optimizer = torch.optim.Adam(learner.parameters())
    characters, rotations = torch.zeros(2, 4, 3, dtype=torch.int64, device="meta")
    drawers = torch.zeros(4, 3, 3, dtype=torch.int64, device="meta")
    batch = gather_drawn(BANK.images.to("meta"), characters, rotations, drawers, k_shot=1)
    returned = outer_step(learner, optimizer, batch, 3, 1.0)
    assert [tensor.shape for tensor in returned] == [torch.Size()] * 3
    with pytest.raises(RuntimeError, match="meta"):
        returned[0].item()


def test_the_gradient_is_clipped_in_global_norm_and_reported_before() -> None:
    batch = one_batch(2, make_settings(SHARED))
    free, (_, _, norm) = step_of(batch, clip_norm=1e6)
    assert norm > 0.1
    clipped, (_, _, reported) = step_of(batch, clip_norm=0.1)
    assert float(clipped.norm()) == pytest.approx(0.1, rel=1e-3)
    assert float(reported) == pytest.approx(float(norm))
    torch.testing.assert_close(clipped / clipped.norm(), free / free.norm(), rtol=1e-2, atol=1e-4)


def test_an_update_starts_without_the_gradients_of_the_one_before() -> None:
    batch, learner = one_batch(2, make_settings(SHARED)), build(make_settings(SHARED))
    still = torch.optim.SGD(learner.parameters(), lr=0.0)
    norms = [float(outer_step(learner, still, batch, 3, clip_norm=1e6)[2]) for _ in range(2)]
    assert norms[1] == pytest.approx(norms[0], rel=1e-4)


def test_an_update_is_made_in_training_mode() -> None:
    # Validation leaves the learner in eval mode.
    settings = make_settings(SHARED)
    one, other = build(settings).train(), build(settings).eval()
    batch = one_batch(2, settings)
    losses = [
        float(outer_step(learner, torch.optim.SGD(learner.parameters()), batch, 3, 1.0)[0]) for learner in (one, other)
    ]
    assert losses[0] == losses[1]
    assert other.training


def test_the_loss_and_accuracy_are_those_of_the_queries() -> None:
    batch = one_batch(2, make_settings(SHARED))
    _, (loss, accuracy, _) = step_of(batch, clip_norm=1.0)
    logits = build(make_settings(SHARED)).train().episode_logits(*batch[:3], 3)[-1]
    logits = logits.detach()
    expected = torch.stack([F.cross_entropy(logits[e], batch[3][e]) for e in range(2)]).mean()
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)
    right = [int(logits[e, q].argmax() == batch[3][e, q]) for e in range(2) for q in range(6)]
    assert float(accuracy) == pytest.approx(np.mean(right))


class Broken(Learner):
    """Logits are spoil(weight)."""

    batch_norm = "none"

    def __init__(self, spoil: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.weight, self.spoil = nn.Parameter(torch.zeros(())), spoil

    def episode_logits(self, support_x: Tensor, support_y: Tensor, query_x: Tensor, n_way: int) -> list[Tensor]:
        label = torch.arange(n_way, dtype=torch.float32)
        return [self.spoil(self.weight) * label.expand(len(query_x), query_x.shape[1], n_way)]

    def image_features(self, images: Tensor) -> tuple[Tensor, ...]:
        return (images,)

    def logits_from_features(
        self, support: tuple[Tensor, ...], support_y: Tensor, query: tuple[Tensor, ...], n_way: int
    ) -> list[Tensor]:
        return self.episode_logits(support[0], support_y, query[0], n_way)


@pytest.mark.parametrize(
    ("spoil", "word"),
    [(lambda w: w * float("nan"), "nan"), (lambda w: w / 0, "nan"), (lambda w: w.sqrt(), "inf")],
    ids=["not a number", "nothing by nothing", "an infinite gradient at a finite loss"],
)
def test_a_training_that_diverges_says_so_and_which_settings_to_lower(
    spoil: Callable[[Tensor], Tensor], word: str
) -> None:
    settings = make_settings({**QUICK, "n_train_episodes": 2, "inner_lr": 0.125, "outer_lr": 0.0625, "clip_norm": 2.5})
    with pytest.raises(TrainingDiverged) as caught:
        train(Broken(spoil), BANK, settings)
    message = str(caught.value)
    assert isinstance(caught.value, LeoBenchError)
    assert "\n" not in message
    assert word in message
    assert DIVERGENCE.match(message)  # by which the records know it
    for part in ("inner_lr (now 0.125)", "outer_lr (now 0.0625)", "clip_norm (now 2.5)"):
        assert part in message


def test_an_impossible_rate_diverges_in_earnest() -> None:
    rates = {"inner_lr": 1000.0, "inner_steps": 10, "outer_lr": 10.0}
    settings = make_settings({**SHARED, **rates, "n_train_episodes": 20, "val_every": 20})
    with pytest.raises(TrainingDiverged):
        trained(settings)
