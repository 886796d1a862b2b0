"""A comparison in words: the answer as labelled rows, and its table."""

from collections import Counter

import pandas as pd

from leo_bench.records import listed, signed
from leo_bench.report.comparison.data import EQUAL, Comparison
from leo_bench.report.study.sentences import completeness
from leo_bench.report.table import NONE, ReportTable, difference, p_value, percent


def answer(both: Comparison, numbers: pd.DataFrame) -> list[tuple[str, str]]:
    """Return (what, words): whether the change matters, the largest differences, and what A and B are."""
    compared = numbers[numbers["compared"].astype(bool)]
    rows = [("Does it matter?", _verdict(both, numbers, compared))]
    if len(compared):
        counts = ", ".join(f"{count} {verdict}" for verdict, count in Counter(compared["verdict"]).most_common())
        largest = compared.reindex(compared["difference"].abs().sort_values(ascending=False, kind="stable").index)
        named = [
            f"{row['label']} {signed(100 * row['difference'])} ({row['test']})" for row in largest.to_dict("records")
        ]
        rows += [("Comparisons", f"{len(compared)}, each of a variant on a test: {counts}")]
        rows += [("Largest differences, B - A in points", listed(named))]
    for side, data in enumerate((both.a, both.b)):
        rows.append(("AB"[side], f"{both.names[side]}. {completeness(data.view)}"))
        rows += [(f"Variants only in {'AB'[side]}", ", ".join(only))] if (only := both.only(side)) else []
    return rows


def _verdict(both: Comparison, numbers: pd.DataFrame, compared: pd.DataFrame) -> str:
    """Return whether any difference matters, from the rows of `differences`."""
    found, margin = set(compared["verdict"]), f"{100 * both.a.plan.margin:g} points (or a tenth of the error)"
    if not both.pairs:
        return "nothing can be compared: no variant in common, by name or by settings"
    if not found:
        reasons = list(dict.fromkeys(numbers["note"])) or ["there is no test on which both have a run"]
        return f"nothing can be compared: {listed(reasons)}"
    if found & {"better", "worse"}:
        return f"yes: B differs from A by more than the {margin} that matter"
    if found == {"the same record"}:
        return "nothing to compare: both show the same records"
    if found <= set(EQUAL):
        return "no: every run that both have is the same bit for bit"
    if found <= {*EQUAL, "no difference that matters"}:
        return f"no: every difference lies within {margin}"
    return "these seeds do not show it"


def difference_table(numbers: pd.DataFrame) -> ReportTable:
    """Return the rows of `differences` in words, A's headline test first. Notes: why rows are not compared."""
    words = [
        {
            "variant": row["label"],
            "test": row["test"],
            "A, %": percent(row["accuracy_a"]),
            "B, %": percent(row["accuracy_b"]),
            "seeds": str(row["n_seeds"]),
            "B - A, points": difference(row["difference"], row["low"], row["high"], row["kind"]),
            "Holm's p": p_value(row["holm_p"]),
            "verdict": row["verdict"],
            "the same record": str(row["n_same_record"]),
            "bit-equal": str(row["n_bit_equal"]),
            "equal weights": str(row["n_same_weights"]),
            "changes": row["changed"] or NONE,
        }
        for row in numbers[numbers["compared"].astype(bool)].to_dict("records")
    ]
    caption = "B - A by variant and test, paired over the seeds that both have; accuracies are means over those seeds."
    notes = [f"{row['label']}, {row['test']}: {row['note']}." for row in numbers.to_dict("records") if row["note"]]
    return ReportTable("differences", caption, numbers, pd.DataFrame(words), notes)
