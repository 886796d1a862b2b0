"""Seeds at each look of a study that runs until it is decided."""

import pytest

from leo_bench.errors import LeoBenchError
from leo_bench.running.looks import seeds_at_looks
from leo_bench.running.plan import MAX_SEEDS


def test_each_look_has_half_as_many_seeds_again() -> None:
    assert [len(seeds) for seeds in seeds_at_looks([0, 1, 2], 10)] == [3, 5, 8, 10]
    assert seeds_at_looks([0, 1, 2], 3) == [[0, 1, 2]]


def test_one_seed_grows_by_one() -> None:
    assert seeds_at_looks([0], 3) == [[0], [0, 1], [0, 1, 2]]


def test_seeds_in_use_stay_and_new_ones_fill_the_gaps() -> None:
    assert seeds_at_looks([5, 0], 4) == [[5, 0], [5, 0, 1], [5, 0, 1, 2]]


@pytest.mark.parametrize("most", [1, 2])
def test_too_few_seeds_are_refused(most: int) -> None:
    with pytest.raises(LeoBenchError, match="give at least 3"):
        seeds_at_looks([0, 1, 2], most)


def test_more_seeds_than_a_study_can_have_are_refused() -> None:
    with pytest.raises(LeoBenchError, match=f"--max-seeds {10**9}: expected at most {MAX_SEEDS}"):
        seeds_at_looks([0, 1], 10**9)
