"""Shards: parts of a plan for machines that know nothing of each other, such as the jobs of a Slurm array."""

import re

from leo_bench.errors import LeoBenchError
from leo_bench.records import Plan


def parse_shard(text: str) -> tuple[int, int]:
    """Return number and count of a shard such as "2/5", the second of five. Raises LeoBenchError."""
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
    number, count = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= count:
        raise LeoBenchError(f"--shard {text!r}: expected I/N with I from 1 to N, such as 2/5")
    return number, count


def shard(plan: Plan, number: int, count: int) -> Plan:
    """Return the plan with every count-th training, from the number-th on, and all runs that share these trainings.

    Every run is in exactly one of the shards 1 to count. Raises LeoBenchError if there are more shards than trainings.
    """
    keys = list(dict.fromkeys(run.run_key for run in plan.runs))
    if count > len(keys):
        raise LeoBenchError(f"--shard {number}/{count}: the study has only {len(keys)} trainings; ask for fewer shards")
    own = set(keys[number - 1 :: count])
    return plan.model_copy(update={"runs": [run for run in plan.runs if run.run_key in own]})
