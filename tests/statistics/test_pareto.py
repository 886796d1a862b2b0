"""Pareto front: by hand, and by its definition."""

from hypothesis import given
from hypothesis import strategies as st

from leo_bench.statistics import pareto_front


def test_the_front_by_hand() -> None:
    # cheap and poor; dearer and better; dearer and worse; as dear as the second and better; equal to the first
    assert pareto_front([1, 2, 3, 2, 1], [0.5, 0.6, 0.55, 0.7, 0.5]) == [0, 4, 3]
    assert pareto_front([], []) == []
    assert pareto_front([3], [0.1]) == [0]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_every_point_is_on_the_front_or_beaten_by_one_that_is(points: list[tuple[int, int]]) -> None:
    found = pareto_front([cost for cost, _ in points], [accuracy for _, accuracy in points])
    best = {points[index] for index in found}
    for cost, accuracy in points:
        beaten = any(c <= cost and a >= accuracy and (c, a) != (cost, accuracy) for c, a in points)
        assert beaten != ((cost, accuracy) in best)
        assert any(c <= cost and a >= accuracy for c, a in best)
