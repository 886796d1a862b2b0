"""Phrases that all reports share."""

from collections.abc import Iterable
from itertools import groupby

from leo_bench.statistics import Interval


def interval_words(interval: Interval) -> str:
    """Return `80.6% (95% interval over 3 seeds 78.1 to 83.0)`."""
    mean = f"{100 * interval.mean:.1f}%"
    if interval.low is None or interval.high is None:
        return f"{mean} (one number, no interval)"
    ends = f"{100 * max(interval.low, 0.0):.1f} to {100 * min(interval.high, 1.0):.1f}"
    if interval.kind == "episodes":
        return f"{mean} (one seed; 95% interval over its {interval.n:,} test episodes {ends})"
    episodes = " and their test episodes" if interval.kind == "seeds and episodes" else ""
    return f"{mean} (95% interval over {interval.n} seeds{episodes} {ends})"


def seed_words(seeds: list[int]) -> str:
    """Return seeds as the command line takes them: `0-2,5`."""
    parts = []
    for _, run in groupby(enumerate(sorted(set(seeds))), key=lambda pair: pair[1] - pair[0]):
        first, *others = [seed for _, seed in run]
        parts.append(f"{first}-{others[-1]}" if others else str(first))
    return ",".join(parts)


def distinct(values: Iterable[str]) -> str:
    """Return all different values, joined, in the order they first appear."""
    return "; ".join(dict.fromkeys(values))


def counts(found: list[str], order: Iterable[str]) -> list[str]:
    """Return `3 better`, `1 inconclusive`, ...: how often each verdict is found, in the given order."""
    return [f"{found.count(verdict)} {verdict}" for verdict in order if verdict in found]
