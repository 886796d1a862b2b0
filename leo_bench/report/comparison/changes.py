"""Differences between two studies other than accuracy: conditions, runs, verdicts."""

import pandas as pd

from leo_bench.report.comparison.data import Comparison
from leo_bench.report.sentences import seed_words
from leo_bench.report.study.data import cell_name
from leo_bench.report.study.differences import effects
from leo_bench.report.study.provenance import provenance

OPEN = ("one seed", "not compared")
"""Verdicts that say nothing about other seeds, so a change between them means nothing."""


def changed_conditions(both: Comparison) -> pd.DataFrame:
    """Return the provenance that differs between the two studies, in words: columns what, A, B."""
    a, b = dict(provenance(both.a)), dict(provenance(both.b))
    rows = [
        {"what": name, "A": _without(a.get(name, ""), b.get(name, "")), "B": _without(b.get(name, ""), a.get(name, ""))}
        for name in dict.fromkeys([*a, *b])
        if a.get(name) != b.get(name) and name != "baseline's settings"
    ]
    for name, of in (
        ("margin, points", lambda data: f"{100 * data.plan.margin:g}"),
        ("stale runs", lambda data: "accepted" if data.plan.accept_stale else "not accepted"),
    ):
        if of(both.a) != of(both.b):
            rows.append({"what": name, "A": of(both.a), "B": of(both.b)})
    return pd.DataFrame(rows, columns=["what", "A", "B"])


def _without(text: str, other: str) -> str:
    """Return the parts of a list in words that the other list lacks; parts are separated by `; `, else by `, `."""
    mark = "; " if "; " in text + other else ", "
    known = other.split(mark)
    return mark.join(part for part in text.split(mark) if part not in known) or "-"


def one_sided(both: Comparison) -> list[str]:
    """Return the done runs that only one study has, for variants that both have, in words."""
    found: dict[str, list[str]] = {}
    for pair in both.pairs:
        a, b = (
            {run.planned.seed for run in data.view.done if run.planned.variant == name}
            for data, name in zip((both.a, both.b), pair, strict=True)
        )
        for side, seeds in (("A", a - b), ("B", b - a)):
            if seeds:
                words = f"only {side} has seed{'s' if len(seeds) > 1 else ''} {seed_words(sorted(seeds))} of"
                found.setdefault(words, []).append(both.label(pair))
    return [f"{words} {', '.join(labels)}" for words, labels in found.items()]


def changed_conclusions(both: Comparison) -> list[str]:
    """Return the verdicts over seeds that differ between A and B, in words, on tests that both have.

    Only verdicts on the same comparison: with the baseline, or with the same other variant.
    """
    if (both.a.plan.baseline, both.b.plan.baseline) not in both.pairs:
        return []
    found = []
    for cell in both.cells:
        a, b = (effects(data, cell).set_index("variant") for data in (both.a, both.b))
        for pair in both.pairs:
            others = both.a.compared_with(pair[0]), both.b.compared_with(pair[1])
            if pair[0] in a.index and pair[1] in b.index and others in both.pairs:
                in_a, in_b = str(a.loc[pair[0], "verdict"]), str(b.loc[pair[1], "verdict"])
                if in_a != in_b and not {in_a, in_b} & set(OPEN):
                    found.append(f"{both.label(pair)} on {cell_name(cell)}: {in_a} in A, {in_b} in B")
    return found
