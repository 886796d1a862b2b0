"""Sentences of a comparison."""

from collections import Counter

import pandas as pd

from leo_bench.figures import signed
from leo_bench.report.comparison.data import EQUAL, Comparison
from leo_bench.report.sentences import listed
from leo_bench.report.study.sentences import completeness
from leo_bench.report.table import difference


def answer(both: Comparison, numbers: pd.DataFrame) -> list[str]:
    """Return the answer to "does it matter?", made from the rows of `differences`."""
    if not both.pairs:
        return ["A and B have no variant in common, by name or by settings, so nothing can be compared."]
    compared = numbers[numbers["compared"].astype(bool)]
    if compared.empty:
        why = list(dict.fromkeys(numbers["note"])) if len(numbers) else ["there is no test on which both have a run"]
        return [f"Nothing can be compared: {listed(why)}."]
    margin = f"{100 * both.margin:g} points"
    counts = Counter(compared["verdict"])
    matters = compared[compared["verdict"].isin(["better", "worse"])].sort_values(
        "difference", key=abs, ascending=False
    )
    if len(matters):
        named = [
            f"{row['label']} ({signed(100 * row['difference'])}, {row['test']})" for row in matters.to_dict("records")
        ]
        first = f"It matters: B differs from A by more than the {margin} that matter in {listed(named)}."
    elif set(counts) == {"the same record"}:
        first = "There is nothing to compare: both show the same records."
    elif set(counts) <= set(EQUAL):
        first = "It does not matter: every run that both have is the same bit for bit."
    elif set(counts) <= {*EQUAL, "no difference that matters"}:
        first = f"It does not matter: every difference lies within {margin}."
    else:
        worst = max(compared.to_dict("records"), key=lambda row: abs(row["difference"]))
        first = (
            f"These seeds do not show whether it matters. The largest difference is that of {worst['label']} on "
            f"{worst['test']}: {difference(worst['difference'], worst['low'], worst['high'], worst['kind'])} points."
        )
    outcomes = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    return [first, f"{len(compared)} comparisons, each of a variant on a test: {outcomes}."]


def sides(both: Comparison) -> list[str]:
    """Return sentences on A and B, and on variants that only one of them has."""
    found = [
        f"{side} is {name}. {completeness(data.view)}"
        for side, name, data in zip("AB", both.names, (both.a, both.b), strict=True)
    ]
    found += [
        f"Variants that only {side} has: {', '.join(only)}." for side, only in zip("AB", both.only, strict=True) if only
    ]
    return found


def left_out(both: Comparison) -> list[str]:
    """Return the done runs that cannot be averaged with the other seeds of their variant, in words."""
    sides = zip("AB", (both.a, both.b), strict=True)
    return [f"left out of every mean of {side}: {words}" for side, data in sides for words in data.left_out]


def method_words(both: Comparison) -> list[str]:
    """Return how to read the comparison."""
    margin = f"{100 * both.margin:g}"
    return [
        "A difference is B minus A for one variant with the same seed on the same test episodes, averaged over the "
        "seeds that both have. Its interval (95%, t) is over seeds, or with one seed (marked e) over the test episodes "
        "of two trained models, which says nothing about other seeds.",
        f"Verdicts: better or worse when the whole interval lies beyond {margin} points, A's margin, and Holm's p "
        "(paired t test, over all rows of the table that are not bit-equal) is below 0.05; no difference that matters "
        f"when it lies within {margin} points; otherwise inconclusive.",
        "Bit-equal: the same digest of the trained weights and the same answers on every test episode after every "
        "inner step. Equal weights: the same digest, other answers. The same record: one run that both studies show.",
        "Source, versions, machine and settings may differ: the comparison is about them. Variants are compared only "
        "if data, splits, image size, shots, queries, training images and test episodes agree.",
    ]
