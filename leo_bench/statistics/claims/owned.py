"""Verdicts of the studies that compare the same two variants: a pair has one verdict wherever it is shown."""

import math
from typing import Any

from leo_bench.records.claims import Part
from leo_bench.statistics import Outcome
from leo_bench.statistics.claims.evidence import Place
from leo_bench.statistics.studies.differences import all_effects

SPANS = {"better": (1.0, math.inf), "worse": (-math.inf, -1.0), "no difference that matters": (-1.0, 1.0)}
"""Verdict of a comparison -> where it says the true difference lies, in margins."""


def owners_verdict(part: Part, test: str, own: Place, base: Place) -> tuple[Outcome, dict[Any, Any]] | None:
    """Return what the study that compares the two variants of a difference says of the statement, and its row of
    `effects`.

    None if no study compares them, or if the statement has another bound than the margin.
    """
    data, bounds = own.data, [bound for bound in (part.above, part.below) if bound is not None]
    if data is not base.data or data.plan.claims or len(bounds) != 1 or not isinstance(bounds[0], str):
        return None
    turned = data.compared_with(own.variant) != base.variant
    if turned and data.compared_with(base.variant) != own.variant:
        return None
    frame = all_effects(data, own.scores(test).test)
    rows = frame[frame["variant"] == (base if turned else own).variant].to_dict("records")
    if not rows or not rows[0]["compared"]:
        return None
    row = rows[0]
    low, high = SPANS.get(row["verdict"], (-math.inf, math.inf))
    low, high = (-high, -low) if turned else (low, high)
    edge = -1.0 if bounds[0].startswith("-") else 1.0
    sides = (low >= edge, high <= edge)
    holds, fails = sides if part.above is not None else sides[::-1]
    return "holds" if holds else "does not hold" if fails else "inconclusive", row
