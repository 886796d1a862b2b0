"""Episodes: properties of every draw, what test episodes depend on, and gather against a loop over single images."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision.transforms.functional as transforms
from PIL import Image

from leo_bench.data.bank import ImageBank
from leo_bench.data.episodes import Episodes, EpisodeSampler, EpisodeSpec, fixed_episodes, gather
from leo_bench.data.splits import class_split
from leo_bench.errors import LeoBenchError
from leo_bench.models.prototypes import class_means


def sampler(bank: ImageBank, spec: EpisodeSpec, rotations: bool = True, split: str = "train") -> EpisodeSampler:
    return EpisodeSampler(bank, class_split(bank, "lake", "train")[split], spec, rotations, split)


def arrays_equal(first: Episodes, second: Episodes) -> bool:
    return first.spec == second.spec and all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in ("characters", "rotations", "drawers")
    )


@pytest.mark.parametrize("mode", ["mixed", "within_alphabet"])
@pytest.mark.parametrize("rotations", [True, False])
def test_every_episode_is_well_formed(full_bank: ImageBank, mode: str, rotations: bool) -> None:
    spec = EpisodeSpec(n_way=10, k_shot=3, n_query=7, mode=mode)
    episodes = sampler(full_bank, spec, rotations).sample(np.random.default_rng(0), 200)
    assert episodes.characters.shape == episodes.rotations.shape == (200, 10)
    assert episodes.drawers.shape == (200, 10, 10)
    assert {a.dtype for a in (episodes.characters, episodes.rotations, episodes.drawers)} == {np.dtype(np.int64)}
    train = set(class_split(full_bank, "lake", "train")["train"].tolist())
    for characters, turns, drawers in zip(episodes.characters, episodes.rotations, episodes.drawers, strict=True):
        assert len(set(zip(characters.tolist(), turns.tolist(), strict=True))) == 10  # distinct classes
        assert set(characters.tolist()) <= train
        assert all(len(set(row)) == 10 for row in drawers.tolist())  # support and query share no drawing
        if mode == "within_alphabet":
            assert len({full_bank.alphabets[character] for character in characters}) == 1
    assert episodes.drawers.min() == 0
    assert episodes.drawers.max() == 19
    assert set(np.unique(episodes.rotations).tolist()) == ({0, 1, 2, 3} if rotations else {0})


def test_rotations_never_cross_splits(full_bank: ImageBank) -> None:
    seen = {}
    for part in ("train", "val", "test"):
        episodes = sampler(full_bank, EpisodeSpec(20, 1, 1), True, part).sample(np.random.default_rng(1), 300)
        seen[part] = set(episodes.characters.ravel().tolist())
    assert not seen["train"] & seen["val"]
    assert not seen["train"] & seen["test"]
    assert not seen["val"] & seen["test"]


def test_a_rotated_copy_is_a_class_of_its_own(small_bank: ImageBank) -> None:
    # 11 training characters (Greek 6, Latin 5) make 44 classes with rotations, 11 without
    assert sampler(small_bank, EpisodeSpec(44, 1, 1)).sample(np.random.default_rng(0), 1).characters.shape == (1, 44)
    with pytest.raises(LeoBenchError, match=r"train split: n_way is 45, but it has 44 classes .*at most 44"):
        sampler(small_bank, EpisodeSpec(45, 1, 1))
    with pytest.raises(LeoBenchError, match=r"n_way is 12, but it has 11 classes"):
        sampler(small_bank, EpisodeSpec(12, 1, 1), rotations=False)


def test_within_an_alphabet_the_largest_counts(small_bank: ImageBank) -> None:
    with pytest.raises(LeoBenchError, match=r"its largest alphabet has 6 classes \(6 characters x 1 rotations\)"):
        sampler(small_bank, EpisodeSpec(7, 1, 1, "within_alphabet"), rotations=False)
    # 6 of Greek are enough, 5 of Latin are not: Latin is never drawn, Greek always
    draws = sampler(small_bank, EpisodeSpec(6, 1, 1, "within_alphabet"), rotations=False)
    characters = draws.sample(np.random.default_rng(0), 20).characters
    assert {small_bank.alphabets[character] for character in characters.ravel()} == {"Greek"}


def test_a_class_has_twenty_drawings(small_bank: ImageBank) -> None:
    full = sampler(small_bank, EpisodeSpec(5, 5, 15)).sample(np.random.default_rng(0), 3)
    assert np.array_equal(np.sort(full.drawers, axis=-1), np.broadcast_to(np.arange(20), (3, 5, 20)))
    with pytest.raises(LeoBenchError, match=r"train split: k_shot 6 \+ n_query 15 asks for 21 .* has 20: lower"):
        sampler(small_bank, EpisodeSpec(5, 6, 15))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((1, 1, 1), "n_way is 1: expected at least 2"),
        ((5, 0, 1), "k_shot is 0"),
        ((5, 1, 0), "n_query is 0"),
        ((5, 1, 1, "between"), "choose mixed or within_alphabet"),
    ],
)
def test_impossible_specifications_are_refused(arguments: tuple[int, int, int], message: str) -> None:
    with pytest.raises(LeoBenchError, match=message):
        EpisodeSpec(*arguments)


def test_sampling_in_pieces_is_sampling_at_once(full_bank: ImageBank) -> None:
    draws = sampler(full_bank, EpisodeSpec(5, 1, 15, "within_alphabet"))
    at_once = draws.sample(np.random.default_rng(4), 7)
    rng = np.random.default_rng(4)
    first, second = draws.sample(rng, 3), draws.sample(rng, 4)
    assert arrays_equal(at_once[:3], first)
    assert arrays_equal(at_once[3:], second)
    assert not arrays_equal(first, second[:3])


def test_every_class_and_drawer_is_as_likely(small_bank: ImageBank) -> None:
    # 44 classes, 5 drawn: each in 5/44 of 4,000 episodes = 454.5, standard deviation 20; five of them are allowed
    episodes = sampler(small_bank, EpisodeSpec(5, 1, 4)).sample(np.random.default_rng(2), 4000)
    _, counts = np.unique(episodes.characters * 4 + episodes.rotations, return_counts=True)
    assert len(counts) == 44
    assert np.abs(counts - 4000 * 5 / 44).max() < 100
    # the support drawing: each of 20 drawers in 1/20 of 20,000 = 1,000, standard deviation 31
    assert np.abs(np.bincount(episodes.drawers[..., 0].ravel(), minlength=20) - 1000).max() < 155


def test_order_of_the_characters_does_not_matter(full_bank: ImageBank) -> None:
    characters = class_split(full_bank, "lake", "train")["train"]
    spec = EpisodeSpec(5, 1, 5)
    first, second = (
        EpisodeSampler(full_bank, order, spec, True).sample(np.random.default_rng(0), 5)
        for order in (characters, characters[::-1])
    )
    assert arrays_equal(first, second)


class TestFixedEpisodes:
    spec = EpisodeSpec(5, 1, 15)

    def test_a_longer_list_starts_with_the_shorter(self, full_bank: ImageBank) -> None:
        short, long = (fixed_episodes(full_bank, "lake", "test", self.spec, n) for n in (10, 40))
        assert arrays_equal(short, long[:10])
        assert len(long) == 40
        assert len(np.unique(long.characters, axis=0)) == 40  # they are different episodes

    def test_nothing_else_matters(self, full_bank: ImageBank) -> None:
        before = fixed_episodes(full_bank, "lake", "test", self.spec, 20).digest()
        np.random.seed(9)  # noqa: NPY002  the global generators must not matter
        torch.manual_seed(9)
        other_pixels = dataclasses.replace(full_bank, images=full_bank.images.flip(0), digest="other")
        larger = dataclasses.replace(full_bank, images=full_bank.images.repeat(1, 1, 3, 3))
        sampler(full_bank, self.spec).sample(np.random.default_rng(0), 3)
        assert {fixed_episodes(bank, "lake", "test", self.spec, 20).digest() for bank in (other_pixels, larger)} == {
            before
        }

    def test_each_name_matters(self, full_bank: ImageBank, glyph_bank: ImageBank) -> None:
        digests = [
            fixed_episodes(bank, split_name, split, spec, 5).digest()
            for bank in (full_bank, glyph_bank)
            for split_name in ("lake", "random")
            for split in ("val", "test")
            for spec in (self.spec, EpisodeSpec(5, 1, 14), EpisodeSpec(5, 5, 15), EpisodeSpec(20, 1, 15))
        ]
        modes = [EpisodeSpec(5, 1, 15, "within_alphabet"), EpisodeSpec(20, 1, 15, "within_alphabet")]
        digests += [fixed_episodes(full_bank, "lake", "test", spec, 5).digest() for spec in modes]
        assert len(set(digests)) == len(digests) == 34

    def test_two_queries_more_is_another_protocol(self, full_bank: ImageBank) -> None:
        first, second = (fixed_episodes(full_bank, "lake", "test", EpisodeSpec(5, 1, q), 5) for q in (5, 7))
        assert not np.array_equal(first.characters, second.characters)

    def test_they_come_from_their_split_unrotated(self, full_bank: ImageBank) -> None:
        for split_name in ("lake", "random"):
            for split in ("val", "test"):
                episodes = fixed_episodes(full_bank, split_name, split, EpisodeSpec(20, 1, 5), 30)
                own = class_split(full_bank, split_name, "train")[split]
                assert np.isin(episodes.characters, own).all()
                assert not episodes.rotations.any()

    def test_training_episodes_are_not_fixed(self, full_bank: ImageBank) -> None:
        with pytest.raises(LeoBenchError, match="not for 'train'"):
            fixed_episodes(full_bank, "lake", "train", self.spec, 1)

    def test_the_published_protocol_is_pinned(self, full_bank: ImageBank) -> None:
        """Records carry these digests: whoever changes the draw changes every result."""
        assert fixed_episodes(full_bank, "lake", "test", self.spec, 1000).digest() == PINNED_TEST_EPISODES


PINNED_TEST_EPISODES = "81e30254669e5c6c03359b75826b57977d92cfd066725c87b2d395e7a21d7119"


def test_the_digest_sees_every_index(full_bank: ImageBank) -> None:
    episodes = fixed_episodes(full_bank, "lake", "val", EpisodeSpec(5, 1, 2), 4)
    digests = {episodes.digest(), episodes[:3].digest()}
    for name in ("characters", "rotations", "drawers"):
        changed = getattr(episodes, name).copy()
        changed.flat[-1] += 1
        digests.add(dataclasses.replace(episodes, **{name: changed}).digest())
    digests.add(dataclasses.replace(episodes, spec=EpisodeSpec(5, 2, 1)).digest())
    assert len(digests) == 6
    assert episodes[:].digest() == episodes.digest()


def test_gather_equals_a_loop_over_single_images(small_bank: ImageBank) -> None:
    spec = EpisodeSpec(n_way=4, k_shot=2, n_query=3)
    episodes = sampler(small_bank, spec).sample(np.random.default_rng(3), 6)
    assert set(episodes.rotations.ravel().tolist()) == {0, 1, 2, 3}
    support_x, support_y, query_x, query_y = gather(small_bank.images, episodes)
    assert support_x.shape == (6, 8, 1, 105, 105)
    assert query_x.shape == (6, 12, 1, 105, 105)
    assert support_x.dtype == query_x.dtype == torch.float32
    assert support_y.dtype == query_y.dtype == torch.int64
    for e in range(6):
        assert support_y[e].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
        assert query_y[e].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
        for n in range(4):
            for position in range(5):
                drawing = small_bank.images[episodes.characters[e, n], episodes.drawers[e, n, position]].numpy()
                for _ in range(episodes.rotations[e, n]):
                    drawing = drawing.T[::-1]  # a quarter turn counter-clockwise: columns, last first, become rows
                expected = torch.from_numpy(drawing / np.float32(255)).float()
                got = support_x[e, n * 2 + position, 0] if position < 2 else query_x[e, n * 3 + position - 2, 0]
                assert torch.equal(got, expected)


def test_rotations_are_those_of_torchvision_and_pillow(small_bank: ImageBank) -> None:
    turns = np.arange(4)[None]
    one = Episodes(np.full((1, 4), 9), turns, np.tile(np.array([6, 2]), (1, 4, 1)), EpisodeSpec(4, 1, 1))
    support_x, _, _, _ = gather(small_bank.images, one)
    original = small_bank.images[9, 6]
    for quarter in range(4):
        got = (support_x[0, quarter, 0] * 255).round().to(torch.uint8)
        assert torch.equal(got, transforms.rotate(original[None], 90 * quarter)[0])
        assert np.array_equal(got.numpy(), np.asarray(Image.fromarray(original.numpy()).rotate(90 * quarter)))
    assert len({support_x[0, quarter].numpy().tobytes() for quarter in range(4)}) == 4


def test_wrong_labels_by_hand() -> None:
    # Three classes of three images: the first image of class 0 is called 1, that of class 1 is called 2, of class 2, 0.
    assert EpisodeSpec(3, 3, 2).support_labels().tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert EpisodeSpec(3, 3, 2, mislabelled=1).support_labels().tolist() == [1, 0, 0, 2, 1, 1, 0, 2, 2]


def test_prototypes_of_wrong_labels_by_hand() -> None:
    # Images of class 0 at 0, 3, 6, of class 1 at 10, 20, 30, of class 2 at 100, 200, 300. With the first of each called
    # by the next class, the means are (3 + 6 + 100) / 3, (20 + 30 + 0) / 3 and (200 + 300 + 10) / 3.
    points = torch.tensor([0.0, 3, 6, 10, 20, 30, 100, 200, 300])[None, :, None]
    labels = EpisodeSpec(3, 3, 2, mislabelled=1).support_labels()[None]
    means = class_means(points, labels, 3).flatten()
    torch.testing.assert_close(means, torch.tensor([109.0, 50.0, 510.0]) / 3)


def test_mislabelled_episodes_have_the_same_images_and_right_queries(full_bank: ImageBank) -> None:
    clean, wrong = (fixed_episodes(full_bank, "lake", "test", EpisodeSpec(3, 3, 2, mislabelled=m), 4) for m in (0, 1))
    right, other = gather(full_bank.images, clean), gather(full_bank.images, wrong)
    for place in (0, 2, 3):
        assert torch.equal(right[place], other[place])
    assert other[1].tolist() == [[1, 0, 0, 2, 1, 1, 0, 2, 2]] * 4
    assert right[1].tolist() == [[0, 0, 0, 1, 1, 1, 2, 2, 2]] * 4
    assert clean.digest() != wrong.digest()


@pytest.mark.parametrize("wrong", [-1, 2, 3])
def test_half_of_the_labels_or_more_cannot_be_wrong(wrong: int) -> None:
    with pytest.raises(LeoBenchError, match=f"mislabelled is {wrong} of 4 .* fewer than half"):
        EpisodeSpec(3, 4, 2, mislabelled=wrong)


def test_gather_leaves_the_bank_alone(small_bank: ImageBank) -> None:
    before = small_bank.images.clone()
    episodes = sampler(small_bank, EpisodeSpec(5, 1, 15)).sample(np.random.default_rng(0), 4)
    for part in gather(small_bank.images, episodes):
        part.mul_(0)
    assert torch.equal(small_bank.images, before)


def test_gather_in_chunks_is_gather_at_once(small_bank: ImageBank) -> None:
    episodes = sampler(small_bank, EpisodeSpec(5, 1, 2)).sample(np.random.default_rng(0), 5)
    whole = gather(small_bank.images, episodes)
    chunks = [gather(small_bank.images, episodes[i : i + 2]) for i in range(0, 5, 2)]
    for index, tensor in enumerate(whole):
        assert torch.equal(tensor, torch.cat([chunk[index] for chunk in chunks]))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_gather_on_a_gpu_equals_the_cpu(small_bank: ImageBank) -> None:
    episodes = sampler(small_bank, EpisodeSpec(5, 1, 2)).sample(np.random.default_rng(0), 5)
    for there, here in zip(
        gather(small_bank.images.cuda(), episodes), gather(small_bank.images, episodes), strict=True
    ):
        assert there.device.type == "cuda"
        assert torch.equal(there.cpu(), here)


def nearest_neighbour_accuracy(bank: ImageBank, spec: EpisodeSpec, n: int) -> float:
    """Accuracy of calling each query by its nearest support drawing in pixel space, over fixed lake test episodes."""
    support_x, _, query_x, query_y = gather(bank.images, fixed_episodes(bank, "lake", "test", spec, n))
    nearest = torch.cdist(query_x.flatten(2), support_x.flatten(2)).argmin(dim=2)
    return float((nearest == query_y).float().mean())


def test_pixels_alone_do_not_solve_omniglot(real_bank: ImageBank) -> None:
    assert 0.42 < nearest_neighbour_accuracy(real_bank, EpisodeSpec(5, 1, 15), 200) < 0.49


def test_pixels_alone_do_not_solve_glyphs(glyph_bank: ImageBank) -> None:
    assert 0.42 < nearest_neighbour_accuracy(glyph_bank, EpisodeSpec(5, 1, 15), 200) < 0.55


def test_test_episodes_do_not_depend_on_the_order_of_sets() -> None:
    code = (
        "from tiny_bank import tiny_bank\nfrom leo_bench.data.episodes import EpisodeSpec, fixed_episodes\n"
        "bank = tiny_bank(per_alphabet=4)\n"
        "for mode in ('mixed', 'within_alphabet'):\n"
        "    for split in ('val', 'test'):\n"
        "        print(fixed_episodes(bank, 'lake', split, EpisodeSpec(3, 1, 5, mode), 20).digest())"
    )
    tests = Path(__file__).parents[1]
    found = set()
    for seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{tests.parent}{os.pathsep}{tests}"}
        command = [sys.executable, "-c", code]
        found.add(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
    (digests,) = found
    assert len(set(digests.split())) == 4
