"""docs/findings.md: results of the published studies and searches as tables, beside text written by hand."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

from leo_bench.records import find_studies
from leo_bench.records.search import find_searches
from leo_bench.report.decided import decided_table
from leo_bench.report.pages import own_text, write_page
from leo_bench.report.parts import parts_table
from leo_bench.report.search.answer import answer as search_answer
from leo_bench.report.search.data import SearchData, load_search_data
from leo_bench.report.search.tables import choices_table
from leo_bench.report.study.main_table import main_tables
from leo_bench.report.study.sentences import answer, notices
from leo_bench.statistics.studies.study import Studies, StudyData

COLUMNS = (", %", ", points", "variant", "verdict", "seeds", "compared with", "why not compared")
"""Endings of the columns of a main table that this page has: no costs, no lists of changed settings."""


def write_findings(results: Path, page: Path, studies: Studies | None = None) -> Path:
    """Write the page from every published study and search, and keep its own text.

    studies: those that are read already. Raises LeoBenchError if a study or a search cannot be read.
    """
    known = studies or Studies()
    published = [known.load(folder) for folder in find_studies(results / "official")]
    comparing = [data for data in published if data.plan.claims is None]  # the page of claims has the others
    searches = [load_search_data(folder, known) for folder in find_searches(results / "official")]
    reports = [*map(study_findings, comparing), *map(search_findings, searches)]
    asked = Counter(one["question"] for one in reports)
    for one in reports:  # a heading is a link's target, so no two are the same
        again = f" (profile {one['profile']})" if asked[one["question"]] > 1 else ""
        one["heading"] = f"{one['question']}{again}"
    content = {
        "own": own_text(page),
        "parts": parts_table(comparing),
        "decided": decided_table(comparing),
        "reports": reports,
    }
    return write_page(page, "findings.md.j2", content)


def study_findings(data: StudyData) -> dict[str, object]:
    """Return what the page says of one study: question, answer, warnings and tables."""
    tables = [
        replace(table, words=table.words[[column for column in table.words if str(column).endswith(COLUMNS)]])
        for table in main_tables(data)
    ]
    plan = {"kind": "study", "name": data.plan.study, "profile": data.plan.profile, "question": data.plan.question}
    return {**plan, "answer": answer(data), "notices": notices(data), "tables": tables}


def search_findings(data: SearchData) -> dict[str, object]:
    """Return what the page says of one search: question, answer, and what the choices reach on test."""
    plan = {"kind": "search", "name": data.plan.search, "profile": data.plan.profile, "question": data.plan.question}
    tables = [table for table in [choices_table(data)] if table]
    return {**plan, "answer": search_answer(data), "notices": [], "tables": tables}
