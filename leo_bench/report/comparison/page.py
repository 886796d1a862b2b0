"""Writes the page of `leo-bench report --compare A B`, and returns what the command prints."""

import re
from contextlib import ExitStack
from pathlib import Path

from leo_bench.errors import LeoBenchError
from leo_bench.records import write_atomic
from leo_bench.report.comparison.changes import changed_conclusions, changed_conditions, one_sided
from leo_bench.report.comparison.data import Comparison, compare_studies, differences
from leo_bench.report.comparison.find_study import find_study
from leo_bench.report.comparison.sentences import answer, left_out, method_words, sides
from leo_bench.report.comparison.tables import difference_tables
from leo_bench.report.pages import write_report_pages


def write_comparison(names: tuple[str, str], results: Path, reports: Path, out: Path | None = None) -> list[str]:
    """Write reports/compare-A-vs-B/ (or out): report.html, report.md and tables/. Returns the lines to print.

    names: two studies as `find_study` takes them. Raises LeoBenchError if one is not found, or if both are the same.
    """
    with ExitStack() as stack:  # a study at a commit is there only inside
        (name_a, a), (name_b, b) = (stack.enter_context(find_study(name, results)) for name in names)
        if a.resolve() == b.resolve():
            raise LeoBenchError(f"{names[0]} and {names[1]} are the same study; name two, or one at two commits")
        both = compare_studies(a, b, (name_a, name_b))
        return _write(both, out or reports / f"compare-{_slug(name_a)}-vs-{_slug(name_b)}")


def _write(both: Comparison, folder: Path) -> list[str]:
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
    page = write_report_pages(folder, "compare", content)
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
