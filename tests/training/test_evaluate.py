"""Scoring by per-image features against scoring episode by episode; the test episodes; the steps that are scored."""

from typing import Any

import numpy as np
import pytest
import torch
from tiny_bank import tiny_bank
from torch import Tensor

from leo_bench.config import Settings, make_settings, planned_tests
from leo_bench.data.bank import ImageBank
from leo_bench.data.episodes import Episodes, EpisodeSampler, EpisodeSpec, fixed_episodes, gather
from leo_bench.data.seeding import stream
from leo_bench.data.splits import class_split
from leo_bench.learners.base import Learner
from leo_bench.learners.factory import build
from leo_bench.running.test_run import episodes_of
from leo_bench.training import evaluate
from leo_bench.training.evaluate import Scores, adapt_seconds, score

BANK = tiny_bank()
SIZES: dict[str, Any] = {
    **{"dataset": "glyphs", "image_size": 16, "n_way": 3, "k_shot": 2, "n_query": 3},
    **{"latent_dim": 8, "width": 16},
}
LEO: dict[str, Any] = {**SIZES, "decode": "class", "inner_steps": 2, "inner_lr": 1.0}

LEARNERS: dict[str, dict[str, Any]] = {
    "leo": LEO,
    "leo, shared encoder": {**LEO, "encoder": "shared"},
    "leo, one code for all": {**LEO, "decode": "task"},
    "leo, no relation": {**LEO, "relation": "none"},
    "full": {**LEO, "generated": "full"},
    "full, shared encoder": {**LEO, "generated": "full", "encoder": "shared"},
    "protonet": {**SIZES, "learner": "protonet"},
    "nearest neighbour": {**SIZES, "learner": "nearest_neighbour"},
    "pixels": {**SIZES, "learner": "pixels"},
}
every_learner = pytest.mark.parametrize("changes", LEARNERS.values(), ids=LEARNERS.keys())


def used(settings: Settings) -> Learner:
    """Build a learner, move it off its start, and give it running statistics of drawings."""
    learner = build(settings)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in learner.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    sampler = EpisodeSampler(BANK, class_split(BANK, "lake", "train")["train"], EpisodeSpec(3, 2, 3), rotations=True)
    learner.train()
    for _ in range(2):
        support_x, support_y, query_x, _ = gather(BANK.images, sampler.sample(stream(0, "warm up"), 4))
        learner.episode_logits(support_x, support_y, query_x, 3)
    return learner


def some_tests(settings: Settings) -> list[Episodes]:
    """Return episodes of three kinds, as far as the learner can be scored on them."""
    specs = [EpisodeSpec(3, 2, 3), EpisodeSpec(3, 2, 3, "within_alphabet")]
    if settings.any_way:
        specs.append(EpisodeSpec(5, 1, 4))
    return [fixed_episodes(BANK, "lake", "test", spec, 5) for spec in specs]


@every_learner
def test_scores_are_those_of_a_slow_loop_over_episodes(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "EPISODES_PER_PASS", 2)  # 5 episodes end in the middle of a pass
    settings = make_settings(changes)
    learner = used(settings)
    groups = some_tests(settings)
    results = score(learner, BANK, groups)
    varied = False
    for episodes, scores in zip(groups, results, strict=True):
        assert scores.episodes is episodes
        assert scores.steps == learner.scored_steps
        assert scores.correct.shape == (5, len(learner.scored_steps))
        for index in range(5):
            support_x, support_y, query_x, query_y = gather(BANK.images, episodes[index : index + 1])
            with torch.no_grad():
                steps = learner.eval().episode_logits(support_x, support_y, query_x, episodes.spec.n_way)
            for logits, correct in zip(steps, scores.correct[index], strict=True):
                fewest, most = bounds(logits[0], query_y[0])
                assert fewest <= correct <= most
                varied |= 0 < correct < len(query_y[0])
    assert varied or changes.get("learner")  # class means of clean drawings are right throughout


@every_learner
def test_every_learner_sees_the_wrong_labels(changes: dict[str, Any]) -> None:
    settings = make_settings({**changes, "k_shot": 3})
    learner = used(settings)
    clean, wrong = (fixed_episodes(BANK, "lake", "test", EpisodeSpec(3, 3, 3, mislabelled=m), 8) for m in (0, 1))
    scores, other = score(learner, BANK, [clean, wrong])
    assert np.array_equal(score(learner, BANK, [clean])[0].correct, scores.correct)
    # of these clean drawings, class means of pixels are right throughout, with either labels
    assert not np.array_equal(scores.correct, other.correct) or changes.get("learner") == "pixels"
    for index in range(8):
        support_x, _, query_x, query_y = gather(BANK.images, wrong[index : index + 1])
        with torch.no_grad():
            labels = torch.tensor([[1, 0, 0, 2, 1, 1, 0, 2, 2]])
            steps = learner.eval().episode_logits(support_x, labels, query_x, 3)
        for logits, correct in zip(steps, other.correct[index], strict=True):
            fewest, most = bounds(logits[0], query_y[0])
            assert fewest <= correct <= most


@every_learner
def test_copies_enlarge_the_support_set_of_every_learner(changes: dict[str, Any]) -> None:
    shifts = ((1, 0), (0, -2))
    learner = used(make_settings(changes))
    groups = some_tests(make_settings(changes))[:2]
    for episodes, scores in zip(groups, score(learner, BANK, groups, shifts), strict=True):
        for index in range(len(episodes)):
            support_x, support_y, query_x, query_y = gather(BANK.images, episodes[index : index + 1])
            versions = torch.cat([support_x, *(_moved(support_x, *shift) for shift in shifts)], dim=1)
            labels = support_y.repeat(1, 3)
            with torch.no_grad():
                steps = learner.eval().episode_logits(versions, labels, query_x, episodes.spec.n_way)
            for logits, correct in zip(steps, scores.correct[index], strict=True):
                fewest, most = bounds(logits[0], query_y[0])
                assert fewest <= correct <= most


def _moved(images: Tensor, right: int, down: int) -> Tensor:
    """Images moved by pixels, by way of a larger sheet."""
    side = images.shape[-1]
    sheet = torch.zeros(*images.shape[:-2], 3 * side, 3 * side)
    sheet[..., side + down : 2 * side + down, side + right : 2 * side + right] = images
    return sheet[..., side : 2 * side, side : 2 * side].contiguous()


def test_copies_change_answers() -> None:
    learner = used(make_settings(LEO))
    groups = [fixed_episodes(BANK, "lake", "test", EpisodeSpec(3, 2, 3), 40)]
    (without,), (with_copies,) = score(learner, BANK, groups), score(learner, BANK, groups, ((1, 0), (0, 2)))
    assert not np.array_equal(without.correct, with_copies.correct)


def bounds(logits: Tensor, labels: Tensor) -> tuple[int, int]:
    """Return the fewest and the most correct answers: logits that differ by rounding alone may be ranked either way."""
    right = logits.gather(1, labels[:, None])[:, 0]
    rival = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
    return int((right - rival > 1e-4).sum()), int((right - rival > -1e-4).sum())


class Recorder(Learner):
    """Keeps the features it is given; answers class 0 at first, and each query's true class later."""

    batch_norm = "none"

    def __init__(self) -> None:
        super().__init__()
        self.n_images = 0
        self.calls: list[tuple[Tensor, Tensor, Tensor]] = []

    @property
    def scored_steps(self) -> list[int]:
        return [0, 4]

    def episode_logits(self, support_x: Tensor, support_y: Tensor, query_x: Tensor, n_way: int) -> list[Tensor]:
        raise NotImplementedError

    def image_features(self, images: Tensor) -> tuple[Tensor, ...]:
        assert not self.training
        assert not torch.is_grad_enabled()
        self.n_images += len(images)
        return ((images[:, 0, 0, :2] * 255).round().long(), images)

    def logits_from_features(
        self, support: tuple[Tensor, ...], support_y: Tensor, query: tuple[Tensor, ...], n_way: int
    ) -> list[Tensor]:
        self.calls.append((support[0], support_y, query[0]))
        always_first = torch.zeros(*query[0].shape[:2], n_way)
        always_first[..., 0] = 1
        label_of = {int(character): int(y) for character, y in zip(support[0][0, :, 0], support_y[0], strict=True)}
        right = torch.zeros_like(always_first)
        for place, character in enumerate(query[0][0, :, 0].tolist()):
            right[0, place, label_of[character]] = 1
        return [always_first, right]


def numbered_bank() -> ImageBank:
    """Drawings that say which character and which drawer they are, in their first two pixels."""
    images = torch.zeros_like(BANK.images)
    images[:, :, 0, 0] = torch.arange(len(images), dtype=torch.uint8)[:, None]
    images[:, :, 0, 1] = torch.arange(20, dtype=torch.uint8)
    return ImageBank("glyphs", "numbered", images, BANK.alphabets, BANK.characters, BANK.background)


def test_every_place_of_an_episode_gets_its_own_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "EPISODES_PER_PASS", 1)
    episodes = fixed_episodes(BANK, "lake", "test", EpisodeSpec(4, 2, 3), 5)
    learner = Recorder()
    (scores,) = score(learner, numbered_bank(), [episodes])
    assert len(learner.calls) == 5
    for index, (support, support_y, query) in enumerate(learner.calls):
        for part, first, count in ((support, 0, 2), (query, 2, 3)):
            expected = [
                [episodes.characters[index, label], episodes.drawers[index, label, first + place]]
                for label in range(4)
                for place in range(count)
            ]
            assert part[0].tolist() == expected
        assert support_y.tolist() == [[0, 0, 1, 1, 2, 2, 3, 3]]
    # 3 of 12 queries are of class 0; then all are right.
    assert scores.correct.tolist() == [[3, 12]] * 5
    assert scores.accuracies.tolist() == [[0.25, 1.0]] * 5
    assert scores.steps == [0, 4]


def test_each_drawing_passes_once_and_only_those_of_characters_that_are_used() -> None:
    groups = [fixed_episodes(BANK, "lake", "test", EpisodeSpec(n_way, 1, 2), 2) for n_way in (2, 3)]
    learner = Recorder()
    score(learner, numbered_bank(), groups)
    characters = set(np.concatenate([episodes.characters.ravel() for episodes in groups]).tolist())
    assert len(characters) < 3 * 6  # of the three test alphabets not all
    assert learner.n_images == 20 * len(characters)


def test_answers_are_counted_for_each_character() -> None:
    # Two episodes of two classes, three queries each: characters 7 and 4, then 4 and 9.
    characters = np.array([[7, 4], [4, 9]])
    episodes = Episodes(characters, np.zeros((2, 2), int), np.zeros((2, 2, 4), int), EpisodeSpec(2, 1, 3))
    counted = Scores(episodes, [0], np.array([[3], [4]]), np.array([[1, 2], [3, 1]]))
    assert counted.by_character(np.array([4, 7, 8, 9])).tolist() == [[6, 5], [3, 1], [0, 0], [3, 1]]


@every_learner
def test_answers_by_class_are_those_of_the_last_step(changes: dict[str, Any]) -> None:
    settings = make_settings(changes)
    learner = used(settings)
    for scores in score(learner, BANK, some_tests(settings)):
        assert scores.correct_by_class.shape == scores.episodes.characters.shape
        assert np.array_equal(scores.correct_by_class.sum(1), scores.correct[:, -1])


@every_learner
def test_scoring_changes_nothing(changes: dict[str, Any]) -> None:
    learner = used(make_settings(changes))
    before = {name: tensor.clone() for name, tensor in learner.state_dict().items()}
    episodes = fixed_episodes(BANK, "lake", "test", EpisodeSpec(3, 2, 3), 4)
    first, second = (score(learner, BANK, [episodes])[0] for _ in range(2))
    assert np.array_equal(first.correct, second.correct)
    assert adapt_seconds(learner, BANK.images, episodes, repeats=2) > 0
    for name, tensor in learner.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert all(parameter.grad is None for parameter in learner.parameters())


def test_other_episodes_in_the_list_do_not_matter() -> None:
    learner = used(make_settings(LEO))
    groups = some_tests(make_settings(LEO))
    together = score(learner, BANK, groups)
    for episodes, scores in zip(groups, together, strict=True):
        assert np.array_equal(score(learner, BANK, [episodes])[0].correct, scores.correct)


@pytest.mark.parametrize("generated", ["head", "full"])
def test_a_score_after_a_step_is_that_of_a_learner_that_stops_there(generated: str) -> None:
    settings = make_settings({**LEO, "generated": generated, "inner_lr": 5.0})
    learner = used(settings)
    episodes = fixed_episodes(BANK, "lake", "test", EpisodeSpec(3, 2, 3), 10)
    (scores,) = score(learner, BANK, [episodes])
    assert scores.steps == ([0, 1, 2] if generated == "head" else [0, 2])
    for column, step in enumerate(scores.steps):
        shorter = build(settings.model_copy(update={"inner_steps": step}))
        shorter.load_state_dict(learner.state_dict())
        assert np.array_equal(score(shorter, BANK, [episodes])[0].correct[:, -1], scores.correct[:, column])
    assert not np.array_equal(scores.correct[:, 0], scores.correct[:, -1])  # adaptation did something


def planned_episodes(**changes: Any) -> dict[str, Episodes]:
    """Return the test episodes of settings by the name of the test."""
    settings = make_settings({**LEO, "n_test_episodes": 3, "test_n_ways": [3, 5], **changes})
    return {test.name: episodes_of(test, BANK, settings) for test in planned_tests(settings)}


def digests(**changes: Any) -> dict[str, str]:
    return {name: episodes.digest() for name, episodes in planned_episodes(**changes).items()}


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"learner": "protonet"},
        {"learner": "pixels"},
        {"relation": "none"},
        {"encoder": "shared"},
        {"generated": "full"},
        {"inner_steps": 0},
        {"train_classes": "trainval"},
        {"rotations": False},
        {"episode_mode": "within_alphabet"},
        {"outer_lr": 0.01},
        {"n_train_episodes": 4},
    ],
    ids=str,
)
def test_test_episodes_are_the_same_for_every_seed_variant_and_learner(changes: dict[str, Any]) -> None:
    assert digests(**changes) == digests()


@pytest.mark.parametrize(
    "changes", [{"k_shot": 1}, {"n_query": 4}, {"class_split": "random", "test_n_ways": [3]}, {"n_test_episodes": 4}]
)
def test_test_episodes_differ_where_the_protocol_does(changes: dict[str, Any]) -> None:
    assert not set(digests(**changes).values()) & set(digests().values())


def test_more_test_episodes_begin_with_the_fewer() -> None:
    few, many = (planned_episodes(n_test_episodes=n, test_n_ways=[3]) for n in (3, 6))
    for name, episodes in few.items():
        assert many[name][:3].digest() == episodes.digest()


def test_test_episodes_are_of_test_characters_unturned() -> None:
    test = set(class_split(BANK, "lake", "train")["test"].tolist())
    for episodes in planned_episodes(n_test_episodes=30).values():
        assert set(episodes.characters.ravel().tolist()) <= test
        assert not episodes.rotations.any()
        for drawers in episodes.drawers.reshape(-1, 5):
            assert len(set(drawers.tolist())) == 5  # support and query are other drawings


def test_a_run_among_others_to_choose_from_is_scored_on_validation_characters() -> None:
    split = class_split(BANK, "lake", "train")
    for episodes in planned_episodes(n_test_episodes=30, test_n_ways=[], test_split="val").values():
        assert set(episodes.characters.ravel().tolist()) <= set(split["val"].tolist())


def test_a_learner_is_tested_at_its_own_ways_first_then_at_those_it_fits() -> None:
    own = ["3-way 2-shot mixed", "3-way 2-shot within alphabet"]
    assert list(digests(test_n_ways=[5])) == [*own, "5-way 2-shot mixed", "5-way 2-shot within alphabet"]
    assert list(digests(test_n_ways=[5], decode="task")) == own
    assert list(digests(test_n_ways=[], test_modes=["within_alphabet"])) == own
    assert list(digests(test_n_ways=[3], test_modes=["mixed"])) == own[:1]


def test_other_shots_are_tested_after_the_own_and_have_episodes_of_their_own() -> None:
    found = digests(test_n_ways=[], test_modes=["mixed"], test_k_shots=[1, 2, 4])
    assert list(found) == ["3-way 2-shot mixed", "3-way 1-shot mixed", "3-way 4-shot mixed"]
    assert len(set(found.values())) == 3


def test_tests_on_another_data_set_come_last_with_as_many_ways_as_it_has() -> None:
    settings = make_settings({**LEO, "test_n_ways": [], "test_modes": ["mixed"], "test_datasets": ["digits"]})
    own, shifted = planned_tests(settings)
    assert (own.dataset, own.n_way) == ("glyphs", 3)
    assert (shifted.dataset, shifted.n_way, shifted.k_shot, shifted.split) == ("digits", 10, 2, "test")


def test_chance_is_what_one_code_for_all_classes_scores_before_adaptation() -> None:
    # The same answer whatever the names of the classes: over all test episodes 1/3, give or take.
    learner = used(make_settings({**LEO, "decode": "task"}))
    episodes = fixed_episodes(BANK, "lake", "test", EpisodeSpec(3, 2, 3), 300)
    accuracy = score(learner, BANK, [episodes])[0].accuracies[:, 0]
    assert abs(accuracy.mean() - 1 / 3) < 4 * accuracy.std() / np.sqrt(len(accuracy))
