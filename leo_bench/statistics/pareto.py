"""Pareto front of two quantities."""

from collections.abc import Sequence


def pareto_front(costs: Sequence[float], values: Sequence[float]) -> list[int]:
    """Return the indices of the points that no other point beats, from low to high cost.

    costs, values: [n_points]; a low cost and a high value are better. A point is beaten by one that is at least as good
    in both and better in one.
    """
    points = list(zip(costs, values, strict=True))
    return sorted(
        (
            index
            for index, (cost, value) in enumerate(points)
            if not any(c <= cost and v >= value and (c, v) != (cost, value) for c, v in points)
        ),
        key=lambda index: points[index],
    )
