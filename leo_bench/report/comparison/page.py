"""Writes the page of `leo-bench report --compare A B`, and returns what the command prints."""

import re
from contextlib import ExitStack
from pathlib import Path

from leo_bench.errors import LeoBenchError
from leo_bench.records import write_atomic
from leo_bench.report.comparison.changes import changed_conclusions, changed_conditions
from leo_bench.report.comparison.data import Comparison, differences
from leo_bench.report.comparison.find_study import find_study
from leo_bench.report.comparison.words import answer, difference_table
from leo_bench.report.pages import write_report_pages
from leo_bench.report.study.data import load_study_data


def write_comparison(names: tuple[str, str], results: Path, reports: Path, out: Path | None = None) -> list[str]:
    """Write reports/compare-A-vs-B/ (or out): report.html, report.md and tables/. Returns the lines to print.

    names: two studies as `find_study` takes them. Raises LeoBenchError if one is not found, or if both are the same.
    """
    with ExitStack() as stack:  # a study at a commit is there only inside
        (name_a, a), (name_b, b) = (stack.enter_context(find_study(name, results)) for name in names)
        if a.resolve() == b.resolve():
            raise LeoBenchError(f"{names[0]} and {names[1]} are the same study; name two, or one at two commits")
        both = Comparison((name_a, name_b), load_study_data(a), load_study_data(b))
        slugs = [re.sub(r"[^\w.]+", "-", name) for name in both.names]
        return _write(both, out or reports / f"compare-{slugs[0]}-vs-{slugs[1]}")


def _write(both: Comparison, folder: Path) -> list[str]:
    numbers, conditions = differences(both), changed_conditions(both)
    table, opening, conclusions = difference_table(numbers), answer(both, numbers), changed_conclusions(both)
    content: dict[str, object] = {
        "title": f"{both.names[0]} against {both.names[1]}",
        "summary": f"{opening[0][0]} {opening[0][1]}",
        "answer": opening,
        "table": table,
        "conclusions": conclusions,
        "conditions": conditions.to_dict("records"),
    }
    for name, frame in (("differences", numbers), ("conditions", conditions)):
        write_atomic(folder / "tables" / f"{name}.csv", frame.to_csv(index=False).encode())
    page = write_report_pages(folder, "compare", content)
    first = table.words[table.words["test"] == numbers["test"].iloc[0]].to_dict("records") if len(table.words) else []
    return [
        *(f"{what} {words}" if what.endswith("?") else f"{what}: {words}" for what, words in opening),
        *(f"{row['variant']}, {row['test']}: {row['B - A, points']}, {row['verdict']}" for row in first),
        *(f"verdict that changes: {words}" for words in conclusions),
        *(f"{row['what']}: A {row['A']}; B {row['B']}" for row in conditions.to_dict("records")),
        f"report: {page}",
    ]
