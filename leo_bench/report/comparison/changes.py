"""Differences between two studies other than accuracy: conditions and verdicts."""

import pandas as pd

from leo_bench.report.comparison.data import Comparison
from leo_bench.report.study.provenance import provenance
from leo_bench.statistics.studies.differences import effects
from leo_bench.statistics.studies.study import StudyData, cell_name

NO_VERDICT = ("one seed", "not compared")
"""Verdicts that say nothing about other seeds, so a change between them means nothing."""


def changed_conditions(both: Comparison) -> pd.DataFrame:
    """Return the provenance that differs between the two studies, in words: columns what, A, B."""
    of_a, of_b = (_conditions(data) for data in (both.a, both.b))
    pairs = {name: (of_a.get(name, ""), of_b.get(name, "")) for name in dict.fromkeys([*of_a, *of_b])}
    rows = [(name, _beyond(a, b, "B"), _beyond(b, a, "A")) for name, (a, b) in pairs.items() if _differ(a, b)]
    return pd.DataFrame(rows, columns=["what", "A", "B"])


def _conditions(data: StudyData) -> dict[str, str]:
    own = {name: value for name, value in provenance(data) if name != "baseline's settings"}
    stale = "accepted" if data.plan.accept_stale else "not accepted"
    return {**own, "margin, points": f"{100 * data.plan.margin:g}", "stale runs": stale}


def _mark(text: str, other: str) -> str:
    """Return what separates the parts of two lists in words: `; `, or `, ` if neither has that."""
    return "; " if "; " in text + other else ", "


def _differ(text: str, other: str) -> bool:
    """Return True if two lists in words have other parts, whatever their order."""
    mark = _mark(text, other)
    return sorted(text.split(mark)) != sorted(other.split(mark))


def _beyond(text: str, other: str, study: str) -> str:
    """Return the parts of a list in words that the list of the other study lacks."""
    mark = _mark(text, other)
    known = other.split(mark)
    more = mark.join(part for part in text.split(mark) if part not in known)
    return more or (f"nothing beyond {study}'s" if text else "not recorded")


def changed_conclusions(both: Comparison) -> list[str]:
    """Return the verdicts over seeds that differ between A and B, in words, on tests that both have.

    Only verdicts on the same comparison: with the baseline, or with the same other variant.
    """
    if (both.a.plan.baseline, both.b.plan.baseline) not in both.pairs:
        return []
    found = []
    for cell in both.cells:
        a, b = (effects(data, cell).set_index("variant")["verdict"] for data in (both.a, both.b))
        for pair in both.pairs:
            others = both.a.compared_with(pair[0]), both.b.compared_with(pair[1])
            if pair[0] in a and pair[1] in b and others in both.pairs:
                in_a, in_b = a[pair[0]], b[pair[1]]
                if in_a != in_b and not {in_a, in_b} & set(NO_VERDICT):
                    found.append(f"{both.label(pair)} on {cell_name(cell)}: {in_a} in A, {in_b} in B")
    return found
