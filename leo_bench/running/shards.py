"""Shards: parts of a plan for machines that know nothing of each other, such as the jobs of a Slurm array."""

import re

from leo_bench.errors import LeoBenchError
from leo_bench.records import Plan, PlannedRun
from leo_bench.running.estimate import cost_of_all


def parse_shard(text: str) -> tuple[int, int]:
    """Return number and count of a shard such as "2/5", the second of five. Raises LeoBenchError."""
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
    number, count = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= count:
        raise LeoBenchError(f"--shard {text!r}: expected I/N with I from 1 to N, such as 2/5")
    return number, count


def shard(plan: Plan, number: int, count: int) -> Plan:
    """Return the runs of the number-th of count shards, in the order of the plan.

    Trainings, each with all runs that share it, are dealt by estimated time, the longest first, each to the shard that
    has the least so far. The estimate follows from the settings alone, so every machine deals alike. Every run is in
    exactly one of the shards 1 to count. Raises LeoBenchError if there are more shards than trainings.
    """
    trainings: dict[str, list[PlannedRun]] = {}
    for run in plan.runs:
        trainings.setdefault(run.run_key, []).append(run)
    if count > len(trainings):
        raise LeoBenchError(
            f"--shard {number}/{count}: the study has only {len(trainings)} trainings; ask for fewer shards"
        )
    # whole milliseconds, so that equal trainings stay equal whatever the last bits of a sum are
    costs = {key: round(1000 * cost_of_all(runs)) for key, runs in trainings.items()}
    totals = [0] * count
    own: set[str] = set()
    for key in sorted(costs, key=lambda key: -costs[key]):
        least = totals.index(min(totals))
        totals[least] += costs[key]
        if least == number - 1:
            own.add(key)
    return plan.model_copy(update={"runs": [run for run in plan.runs if run.run_key in own]})
