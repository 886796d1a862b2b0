"""Named streams: each one a function of its names, and of nothing else."""

import hashlib

import numpy as np
import torch

from leo_bench.data.seeding import EPISODE_ROOT, derive_seed, stream

NAMES: list[tuple[object, ...]] = [
    ("train episodes",),
    ("init", "encoder"),
    ("init", "decoder"),
    ("episodes", "omniglot", "lake", "test", "mixed", 5, 1, 15, 0),
    ("episodes", "omniglot", "lake", "test", "mixed", 5, 1, 15, 1),
    ("episodes", "omniglot", "lake", "val", "mixed", 5, 1, 15, 0),
    ("episodes", "glyphs", "lake", "test", "mixed", 5, 1, 15, 0),
    (),
]


def test_a_seed_is_the_first_63_bits_of_a_hash_of_root_and_names() -> None:
    text = hashlib.sha256(b"7/init/encoder").hexdigest()
    assert derive_seed(7, "init", "encoder") == int(text[:16], 16) // 2


def test_seeds_fit_torch_and_numpy() -> None:
    for root in range(200):
        seed = derive_seed(root, "init", "encoder")
        assert 0 <= seed < 2**63
        torch.Generator().manual_seed(seed)


def test_the_same_names_give_the_same_numbers() -> None:
    for names in NAMES:
        assert np.array_equal(stream(3, *names).random(100), stream(3, *names).random(100))


def test_other_names_and_other_roots_give_other_numbers() -> None:
    seeds = [derive_seed(root, *names) for root in (0, 1, 2, EPISODE_ROOT) for names in NAMES]
    assert len(set(seeds)) == len(seeds)


def test_the_order_and_the_borders_of_names_matter() -> None:
    assert derive_seed(0, "a", "b") != derive_seed(0, "b", "a")
    assert derive_seed(0, "ab", "c") != derive_seed(0, "a", "bc")
    assert derive_seed(0, 1, 23) != derive_seed(0, 12, 3)


def test_streams_are_not_correlated() -> None:
    # 10,000 draws each: correlations of independent streams have a standard deviation of 1/100; 5 of them are allowed.
    draws = np.stack([stream(root, *names).random(10_000) for root in (0, 1) for names in NAMES])
    correlations = np.corrcoef(draws) - np.eye(len(draws))
    assert np.abs(correlations).max() < 0.05
    assert np.abs(draws.mean(1) - 0.5).max() < 0.02


def test_drawing_from_one_stream_leaves_the_others_alone() -> None:
    alone = stream(0, "b").random(10)
    first, second = stream(0, "a"), stream(0, "b")
    first.random(1000)
    assert np.array_equal(second.random(10), alone)


def test_no_global_generator_is_touched() -> None:
    before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    stream(0, "a").random(10)
    assert np.array_equal(np.random.get_state()[1], before[0])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[1])
