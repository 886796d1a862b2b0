"""Pareto front of two quantities."""

from collections.abc import Sequence


def pareto_front(costs: Sequence[float], values: Sequence[float], factor: float = 1.0) -> list[int]:
    """Return the indices of the points that no other point beats, from low to high cost.

    costs, values: [n_points]; a low cost and a high value are better. A point is beaten by one that is at least as good
    in both and better in one. factor: costs that differ by at most this factor count as equal if the value is higher,
    because they vary that much by chance.
    """
    points = list(zip(costs, values, strict=True))
    return sorted(
        (
            index
            for index, (cost, value) in enumerate(points)
            if not any(
                (c <= cost and v >= value and (c, v) != (cost, value)) or (c <= factor * cost and v > value)
                for c, v in points
            )
        ),
        key=lambda index: points[index],
    )
