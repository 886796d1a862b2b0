"""docs/findings.md: results of the published studies and searches as tables, made from their records."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from leo_bench.records import find_studies, write_atomic
from leo_bench.records.search import find_searches
from leo_bench.report.pages import markdown_table, own_text
from leo_bench.report.parts import parts_table
from leo_bench.report.search.answer import answer as search_answer
from leo_bench.report.search.data import SearchData, load_search_data
from leo_bench.report.search.tables import choices_table
from leo_bench.report.study.data import StudyData, load_study_data
from leo_bench.report.study.main_table import main_tables
from leo_bench.report.study.sentences import answer, notices
from leo_bench.report.table import ReportTable

HEAD = """# Findings

All of this page but the text that comes first is made from the rows in `results/official/` by `make publish` and
`make report`.

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
COLUMNS = (", %", ", points", "variant", "verdict", "seeds", "compared with", "why not compared")
"""Endings of the columns of a main table that this page has: no costs, no lists of changed settings."""


def write_findings(results: Path, page: Path) -> Path:
    """Write the page from every published study and search, and keep its own text.

    Raises LeoBenchError if a study or a search cannot be read.
    """
    published = [load_study_data(folder) for folder in find_studies(results / "official")]
    studies = [data for data in published if data.plan.claims is None]  # the page of claims has the others
    searches = [load_search_data(folder) for folder in find_searches(results / "official")]
    blocks = [
        HEAD,
        own_text(page),
        parts_block(studies),
        *map(study_findings, studies),
        *map(search_findings, searches),
    ]
    write_atomic(page, "\n".join(block for block in blocks if block).encode())
    return page


def parts_block(studies: Iterable[StudyData]) -> str:
    """Return the table of what parts are worth; an empty text if no study measures one."""
    table = parts_table(studies)
    caption = (
        "Accuracy with the part minus accuracy without it, in points, with its verdict: better means that the model is "
        "better with the part. Each row is one of the study's main table, where a variant without the part stands."
    )
    return "\n".join(["## What each part is worth", "", markdown_table(table), "", caption, ""]) if len(table) else ""


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
