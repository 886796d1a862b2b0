"""Pareto front of two quantities."""

from collections.abc import Sequence


def pareto_front(costs: Sequence[float], accuracies: Sequence[float], factor: float = 1.0) -> list[int]:
    """Indices of the points that no other beats (none is as cheap and more accurate, or cheaper and as accurate), from
    cheap to dear. factor: a more accurate point whose cost is higher by no more than this counts as as cheap.
    """
    points = list(zip(costs, accuracies, strict=True))
    return sorted(
        (
            index
            for index, (cost, accuracy) in enumerate(points)
            if not any(
                (c <= cost and a >= accuracy and (c, a) != (cost, accuracy)) or (c <= factor * cost and a > accuracy)
                for c, a in points
            )
        ),
        key=lambda index: points[index],
    )
