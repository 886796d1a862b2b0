"""When the verdicts of a study that runs until it is decided are looked at."""

import math

from leo_bench.errors import LeoBenchError
from leo_bench.running.plan import MAX_SEEDS

GROWTH = 1.5
"""Seeds at one look over those at the look before."""


def seeds_at_looks(first: list[int], most: int) -> list[list[int]]:
    """Return the seeds at each look: those given, then half as many again each time, up to `most` seeds.

    New seeds are the smallest that are not in use. Raises LeoBenchError if `most` is below 2 or the number of seeds
    given, or above MAX_SEEDS.
    """
    if most > MAX_SEEDS:
        raise LeoBenchError(f"--max-seeds {most}: expected at most {MAX_SEEDS}")
    if most < max(2, len(first)):
        raise LeoBenchError(
            f"--max-seeds {most}: the study starts with {len(first)} seeds, and a verdict needs at least 2; "
            f"give at least {max(2, len(first))}"
        )
    free = [seed for seed in range(most + len(first)) if seed not in first]
    counts = [len(first)]
    while counts[-1] < most:
        counts.append(min(most, max(counts[-1] + 1, math.ceil(GROWTH * counts[-1]))))
    return [[*first, *free[: count - len(first)]] for count in counts]
