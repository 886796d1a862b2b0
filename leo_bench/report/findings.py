"""docs/findings.md: results of the published studies and searches as tables, made from their records."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from leo_bench.records import find_studies, write_atomic
from leo_bench.records.search import find_searches
from leo_bench.report.pages import markdown_table
from leo_bench.report.search.answer import answer as search_answer
from leo_bench.report.search.data import SearchData, load_search_data
from leo_bench.report.search.tables import choices_table
from leo_bench.report.study.data import StudyData, cell_name, load_study_data
from leo_bench.report.study.differences import effects
from leo_bench.report.study.main_table import main_tables
from leo_bench.report.study.sentences import answer, notices
from leo_bench.report.table import ReportTable, difference

HEAD = """# Findings

This page is made from the rows in `results/official/` by `make publish` and `make report`. No number here is typed.

- Accuracies are in percent, differences in points of accuracy, paired by seed and test episodes. Difference and verdict
  are on the first test; the whole report has those on every test. Intervals are 95%, over seeds; "e": one seed, so the
  interval is over test episodes. "-": not scored on that test, or nothing to compare with.
- The studies `presets`, `waterfall`, `ten_times` and `full_size` and the search `search_tuned` say *tuned* for the
  preset `prototype_start`, which had that name when they were measured. The preset `tuned` of today is another one.
- The preset `leo` has another accuracy in several studies. In `presets` it is trained on the validation characters too;
  `compare` and `ablations` score the same models on 300 and on 1,000 test episodes; `waterfall`, `improvements` and
  `ablations_leo` were made by older sources, some in bfloat16. Other bits make other models of the same settings, and
  models of `leo` differ by several points.
- The files in `studies/` have the settings of every variant. [The glossary](glossary.md) explains the words.
"""
QUESTIONS = (
    ("Does the source document's LEO learn the task as it is written?", "presets", "documented"),
    ("Does LEO add to a prototype classifier trained by the same recipe?", "presets", "protonet"),
    ("Do the inner steps of `prototype_start` add to it?", "waterfall", "minus_no_inner_steps"),
    ("Does the paper's LEO need adaptation?", "paper", "generator_only"),
    ("Does the paper's LEO do better than Meta-SGD on the head, by the paper's recipe?", "paper", "meta_sgd"),
    ("With ten times the budget, does LEO add to a prototype classifier?", "ten_times", "protonet"),
    ("At 105x105 pixels, does `prototype_start` need every pixel?", "full_size", "all_pixels"),
)
"""Questions of the summary, each with the study and the variant that answer it."""
COLUMNS = (", %", ", points", "variant", "verdict", "seeds", "compared with", "why not compared")
"""Endings of the columns of a main table that this page has: no costs, no lists of changed settings."""


def write_findings(results: Path, page: Path) -> Path:
    """Write the page from every published study and search. Raises LeoBenchError if one cannot be read."""
    published = [load_study_data(folder) for folder in find_studies(results / "official")]
    studies = [data for data in published if data.plan.claims is None]  # the page of claims has the others
    searches = [load_search_data(folder) for folder in find_searches(results / "official")]
    blocks = [HEAD, summary(studies), *map(study_findings, studies), *map(search_findings, searches)]
    write_atomic(page, "\n".join(block for block in blocks if block).encode())
    return page


def summary(studies: Iterable[StudyData]) -> str:
    """Return the table that answers QUESTIONS; an empty text if no study answers one."""
    by_name = {data.plan.study: data for data in studies}
    rows = []
    for question, study, variant in QUESTIONS:
        data = by_name.get(study)
        if data is not None and (found := verdicts(data, variant)):
            compared = {"variant": data.label(variant), "compared with": data.label(data.compared_with(variant))}
            rows.append({"question": question, **compared, "by test, points": "; ".join(found), "study": f"`{study}`"})
    return "\n".join(["## In short", "", markdown_table(pd.DataFrame(rows)), ""]) if rows else ""


def verdicts(data: StudyData, variant: str) -> list[str]:
    """Return `5-way mixed worse, -4.5 [-5.1, -3.9]` for each test on which a variant is compared."""
    rows = [(cell_name(cell), row) for cell in data.cells for row in effects(data, cell).to_dict("records")]
    return [
        f"{test} {row['verdict']}, {difference(row['difference'], row['low'], row['high'], row['kind'])}"
        for test, row in rows
        if row["variant"] == variant and row["compared"]
    ]


def study_findings(data: StudyData) -> str:
    """Return one study as Markdown: question, answer, warnings and tables."""
    lines = [f"> **Note.** {notice}\n" for notice in notices(data)]
    for table in main_tables(data):
        lines += _table_lines(table, table.words[[column for column in table.words if str(column).endswith(COLUMNS)]])
    return _block(data.plan.question, answer(data), lines, "study", data.plan.study, data.plan.profile)


def search_findings(data: SearchData) -> str:
    """Return one search as Markdown: question, answer, and what the choices reach on test."""
    table = choices_table(data)
    lines = _table_lines(table, table.words) if table is not None else []
    return _block(data.plan.question, search_answer(data), lines, "search", data.plan.search, data.plan.profile)


def _block(question: str, answers: list[str], lines: list[str], kind: str, name: str, profile: str) -> str:
    link = f"[The whole report](../reports/official/{name}-{profile}/report.md)"
    ending = f"{link} ({kind} `{name}`, profile `{profile}`)."
    return "\n".join([f"## {question}", "", *(f"{words}\n" for words in answers), *lines, ending, ""])


def _table_lines(table: ReportTable, words: pd.DataFrame) -> list[str]:
    return [markdown_table(words), "", table.caption, "", *(f"- {note}" for note in table.notes), ""]
