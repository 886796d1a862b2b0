"""The comparison tables of the document as they stand there, with a measured number and a verdict in each cell."""

from typing import Literal

import pandas as pd

from leo_bench.records import listed
from leo_bench.records.claims import COUNTS, ComparisonTable, Part, TableRow
from leo_bench.report.claims.words import number_words, quantity_words
from leo_bench.report.table import NONE, ReportTable
from leo_bench.statistics.claims.estimates import NotMeasured, measure
from leo_bench.statistics.claims.evidence import Evidence
from leo_bench.statistics.claims.judged import JudgedClaim


def comparison_tables(evidence: Evidence, claims: list[JudgedClaim]) -> list[ReportTable]:
    """Return the comparison tables of the document: what it says in each cell, what is measured, and the verdict."""
    verdicts = {one.name: one.verdict for one in claims}
    return [_comparison(evidence, table, verdicts) for table in evidence.claims.tables]


def _comparison(evidence: Evidence, table: ComparisonTable, verdicts: dict[str, str]) -> ReportTable:
    rows = []
    for row in table.rows:
        words = {"aspect": row.aspect, "measured quantity": quantity_words(row.quantity)}
        for column in table.columns:
            words[f"{column}: the document"] = row.said.get(column, NONE)
            words[f"{column}: measured"] = _cell(evidence, table, row, column)
            said = "by construction" if column in row.by_construction else NONE
            words[f"{column}: verdict"] = verdicts[row.claims[column]] if column in row.claims else said
        rows.append(words)
    labels = {column: evidence.label(name) for column, name in table.columns.items()}
    renamed = [f"{column} is measured as {label}" for column, label in labels.items() if label != column]
    caption = (
        f'The table of the section "{table.section}", with the number where one is measured and the verdict on its '
        "statement. By construction: the method is so, whatever its numbers."
        + (f" {listed(renamed)}, where a cell names no other." if renamed else "")
    )
    frame = pd.DataFrame(rows)
    return ReportTable(f"table-{table.name}", caption, frame, frame)


def _cell(evidence: Evidence, table: ComparisonTable, row: TableRow, column: str) -> str:
    """Return the number of a cell, with its interval, and with its variant if that is not the one of the column."""
    variant = row.variants.get(column) or table.columns[column]
    kind: Literal["count", "level"] = "count" if row.quantity in COUNTS else "level"
    part = Part(kind=kind, quantity=row.quantity, variant=variant, above=0.0)
    other = f" ({evidence.label(variant)})" if column in row.variants else ""
    try:
        return number_words(measure(evidence, part, part.tests[0])) + other
    except NotMeasured as reason:
        return NONE if column in row.by_construction else reason.verdict
