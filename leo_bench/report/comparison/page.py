"""Writes the page of `leo-bench report --compare A B`, and returns what the command prints."""

from pathlib import Path

from leo_bench.report.comparison.changes import changed_conclusions, changed_conditions
from leo_bench.report.comparison.data import Comparison, differences
from leo_bench.report.comparison.words import answer, difference_table
from leo_bench.report.pages import write_report_pages
from leo_bench.report.table import ReportTable
from leo_bench.statistics.studies.study import load_study_data


def write_comparison(names: tuple[str, str], folders: tuple[Path, Path], out: Path) -> list[str]:
    """Write report.html, report.md and tables/ of two studies into out. Returns the lines to print.

    names: of the studies, as the page shows them. Raises LeoBenchError if one cannot be read.
    """
    both = Comparison(names, *map(load_study_data, folders))
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
    page = write_report_pages(out, "compare", content, [table, ReportTable("conditions", "", conditions, conditions)])
    first = table.words[table.words["test"] == numbers["test"].iloc[0]].to_dict("records") if len(table.words) else []
    return [
        *(f"{what} {words}" if what.endswith("?") else f"{what}: {words}" for what, words in opening),
        *(f"{row['variant']}, {row['test']}: {row['B - A, points']}, {row['verdict']}" for row in first),
        *(f"verdict that changes: {words}" for words in conclusions),
        *(f"{row['what']}: A {row['A']}; B {row['B']}" for row in conditions.to_dict("records")),
        f"report: {page}",
    ]
