"""Writes the report of a search."""

from pathlib import Path

from leo_bench.report.pages import show_all, write_report_pages, write_tables
from leo_bench.report.search.data import load_search_data
from leo_bench.report.search.figures import all_plots
from leo_bench.report.search.on_test import choices_on_test
from leo_bench.report.search.provenance import provenance
from leo_bench.report.search.selection_bias import fresh_seed_words
from leo_bench.report.search.sentences import answer, method_words, notices, unmeasured_words
from leo_bench.report.search.tables import choices_table, front_table, importance_table, ranges_table, trials_table


def write_search_report(folder: Path, out: Path) -> Path:
    """Write the report of the search in results/<search>-<profile>/ into out. Returns the path of report.html.

    An unfinished search is reported as far as it is; missing files are named. Raises LeoBenchError if search.json,
    trials.json or another existing file is broken.
    """
    data = load_search_data(folder)
    figures = show_all(all_plots(data), out / "figures")
    on_test, front = choices_table(data), front_table(data)
    importance, ranges, trials = importance_table(data), ranges_table(data), trials_table(data)
    write_tables([on_test, front, importance, ranges, trials], out / "tables")
    opening = answer(data)
    content = {
        "data": data,
        "plan": data.plan,
        "title": f"Hyperparameter search: {data.plan.search}, profile {data.plan.profile}",
        "summary": " ".join(opening[:2]).replace("`", ""),
        "answer": opening,
        "notices": notices(data),
        "figures": figures,
        "measured": on_test,
        "fresh_seeds": [words for one in choices_on_test(data) if (words := fresh_seed_words(data, one))],
        "unmeasured": unmeasured_words(data) if on_test is None else "",
        "front": front,
        "importance": importance,
        "ranges": ranges,
        "trials": trials,
        "method": method_words(data),
        "provenance": provenance(data),
    }
    return write_report_pages(out, "search", content)
