"""Writes the report of a search."""

from pathlib import Path

from leo_bench.report.pages import show, write_report_pages
from leo_bench.report.search.answer import answer, answer_rows, notices
from leo_bench.report.search.data import load_search_data
from leo_bench.report.search.figures import importance_plot
from leo_bench.report.search.provenance import provenance
from leo_bench.report.search.tables import choices_table, ranges_table
from leo_bench.statistics.studies.study import Studies


def write_search_report(folder: Path, out: Path, studies: Studies | None = None) -> Path:
    """Write the report of the search in results/<search>-<profile>/ into out. Returns the path of report.html.

    studies: those that reports made before have read. An unfinished search is reported as far as it is; missing files
    are named. Raises LeoBenchError if search.json, trials.json or another existing file is broken.
    """
    data = load_search_data(folder, studies)
    tables = {"on_test": choices_table(data), "ranges": ranges_table(data)}
    content = {
        **tables,
        "data": data,
        "title": data.plan.question,
        "subtitle": f"Hyperparameter search {data.plan.search}, profile {data.plan.profile}",
        "summary": " ".join(f"{words}." for words in answer(data)[:2]).replace("`", ""),
        "answer": answer_rows(data),
        "notices": notices(data),
        "figures": {plot.name: show(plot, out / "figures") for plot in [importance_plot(data)] if plot is not None},
        "provenance": provenance(data),
    }
    return write_report_pages(out, "search", content, tables.values())
