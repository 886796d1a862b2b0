"""The page and the words of `leo-bench report --compare A B`."""

import re
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pandas as pd

from leo_bench.errors import LeoBenchError
from leo_bench.figures import signed
from leo_bench.records import write_atomic
from leo_bench.report.find import study_called
from leo_bench.report.pages import write_page
from leo_bench.report.tables import NONE, Table, difference, p_value, percent
from leo_bench.report.versus import (
    EQUAL,
    Versus,
    changed_conclusions,
    changed_conditions,
    differences,
    one_sided,
    versus,
)
from leo_bench.report.words import completeness, listed


def write_comparison(names: tuple[str, str], results: Path, reports: Path, out: Path | None = None) -> list[str]:
    """Write reports/compare-A-vs-B/ (or out): report.html, report.md and tables/. Returns what to print, in lines.

    names: two studies as `study_called` takes them. Raises LeoBenchError where one is not found, or both are one.
    """
    with ExitStack() as stack:  # a study at a commit is there only inside
        (name_a, a), (name_b, b) = (stack.enter_context(study_called(name, results)) for name in names)
        if a.resolve() == b.resolve():
            raise LeoBenchError(f"{names[0]} and {names[1]} are the same study; name two, or one at two commits")
        both = versus(a, b, (name_a, name_b))
        return _write(both, out or reports / f"compare-{_slug(name_a)}-vs-{_slug(name_b)}")


def _write(both: Versus, folder: Path) -> list[str]:
    numbers, conditions = differences(both), changed_conditions(both)
    opening, conclusions = [*answer(both, numbers), *sides(both)], changed_conclusions(both)
    different, only_one = conditions.to_dict("records"), [*one_sided(both), *left_out(both)]
    content: dict[str, object] = {
        "title": f"{both.names[0]} against {both.names[1]}",
        "summary": opening[0],
        "answer": opening,
        "tables": difference_tables(numbers),
        "conclusions": conclusions,
        "conditions": different,
        "one_sided": only_one,
        "method": method_words(both),
    }
    for name, frame in (("differences", numbers), ("conditions", conditions)):
        write_atomic(folder / "tables" / f"{name}.csv", frame.to_csv(index=False).encode())
    write_page(folder / "report.md", "compare.md.j2", content)
    page = write_page(folder / "report.html", "compare.html.j2", content)
    blocks = {
        "difference, B - A in points:": [
            f"{row['variant']}, {row['test']}: {row['B - A, points']}, {row['verdict']}"
            for table in difference_tables(numbers)[:1]
            for row in table.words.to_dict("records")
        ],
        "verdicts against the baseline that change:": conclusions,
        "what differs, A | B:": [f"{row['what']}: {row['A']} | {row['B']}" for row in different],
        "what only one has:": only_one,
    }
    lines = [line for head, found in blocks.items() if found for line in (head, *(f"  {words}" for words in found))]
    return [*opening, *lines, f"report: {page}"]


def _slug(name: str) -> str:
    return re.sub(r"[^\w.]+", "-", name)


def difference_tables(numbers: pd.DataFrame) -> list[Table]:
    """The rows of `differences` in words: a table of A's headline test, and one of the other tests where there are any.

    Rows that are not compared are in the notes, each with its reason.
    """
    test = numbers["test"].iloc[0] if len(numbers) else ""
    first = numbers["test"] == test
    caption = "B - A by variant, {}, paired over the seeds that both have; accuracies are means over those seeds."
    return [
        Table(name, caption.format(tests), rows, _words(rows), _notes(rows))
        for name, tests, rows in (
            ("differences", test, numbers[first]),
            ("differences-elsewhere", "the other tests", numbers[~first]),
        )
        if len(rows)
    ]


def _words(numbers: pd.DataFrame) -> pd.DataFrame:
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
            "bits": _bits_words(row["n_same_record"], row["n_bit_equal"], row["n_same_weights"]),
            "changes": row["changed"] or NONE,
        }
        for row in numbers.to_dict("records")
        if row["compared"]
    ]
    return pd.DataFrame(words)


def _notes(numbers: pd.DataFrame) -> list[str]:
    return [f"{row['label']}, {row['test']}: {row['note']}." for row in numbers.to_dict("records") if row["note"]]


def _bits_words(n_same_record: int, n_bit_equal: int, n_same_weights: int) -> str:
    counts = {"the same record": n_same_record, "bit-equal": n_bit_equal, "equal weights": n_same_weights}
    return ", ".join(f"{count} {words}" for words, count in counts.items() if count) or NONE


def answer(both: Versus, numbers: pd.DataFrame) -> list[str]:
    """Whether it matters, in sentences made from the rows of `differences`."""
    if not both.pairs:
        return ["A and B have no variant in common, by name or by settings, so nothing can be set against each other."]
    compared = numbers[numbers["compared"].astype(bool)]
    if compared.empty:
        why = list(dict.fromkeys(numbers["note"])) if len(numbers) else ["there is no test on which both have a run"]
        return [f"Nothing can be set against each other: {listed(why)}."]
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
        first = "Nothing is set against another run: what both have are the same records."
    elif set(counts) <= set(EQUAL):
        first = "It does not matter: every run that both have is the same bit for bit."
    elif set(counts) <= {*EQUAL, "no difference that matters"}:
        first = f"It does not matter: every difference lies within {margin}."
    else:
        worst = max(compared.to_dict("records"), key=lambda row: abs(row["difference"]))
        first = (
            f"Whether it matters is open with the seeds there are. The largest difference is that of {worst['label']} "
            f"on {worst['test']}: {difference(worst['difference'], worst['low'], worst['high'], worst['kind'])} points."
        )
    outcomes = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    return [first, f"{len(compared)} comparisons, each of a variant on a test: {outcomes}."]


def sides(both: Versus) -> list[str]:
    """What A and B are, and which variants only one of them has."""
    found = [
        f"{side} is {name}. {completeness(data.view)}"
        for side, name, data in zip("AB", both.names, (both.a, both.b), strict=True)
    ]
    found += [
        f"Variants that only {side} has: {', '.join(only)}." for side, only in zip("AB", both.only, strict=True) if only
    ]
    return found


def left_out(both: Versus) -> list[str]:
    """Done runs that cannot be averaged with the other seeds of their variant, in words."""
    sides = zip("AB", (both.a, both.b), strict=True)
    return [f"left out of every mean of {side}: {words}" for side, data in sides for words in data.left_out]


def method_words(both: Versus) -> list[str]:
    """How to read the comparison."""
    margin = f"{100 * both.margin:g}"
    return [
        "A difference is B minus A for one variant with the same seed on the same test episodes, averaged over the "
        "seeds that both have. Its interval (95%, t) is over seeds, or with one seed (marked e) over the test episodes "
        "of two trained models, which says nothing about other seeds.",
        f"Verdicts: better or worse when the whole interval lies beyond {margin} points, A's margin, and Holm's p "
        "(paired t test, over all rows of the table that are not bit-equal) is below 0.05; no difference that matters "
        f"when it lies within {margin} points; otherwise inconclusive.",
        "Bit-equal: the same digest of the trained weights and the same answers on every test episode after every "
        "inner step; equal weights: the former without the latter. The same record: one run that both studies show, "
        "not two that agree.",
        "Source, versions, machine and settings may differ; that is what is compared, and it is named. Variants are "
        "set against each other only where data, splits, image size, shots, queries, training images and test episodes "
        "agree.",
    ]
