"""Writes the report of a study that judges claims."""

from pathlib import Path

from leo_bench.analysis.claims.evidence import Evidence
from leo_bench.analysis.claims.judged import VERDICTS, JudgedClaim, judge_claims
from leo_bench.analysis.study import StudyData
from leo_bench.records import listed
from leo_bench.report.claims.tables import (
    CLAIMS,
    claim_rows,
    claims_csv,
    claims_markdown,
    comparison_tables,
    numbers_table,
    rules_table,
)
from leo_bench.report.pages import write_report_pages, write_tables
from leo_bench.report.sentences import counts
from leo_bench.report.study.main_table import BUSY
from leo_bench.report.study.not_done import problem_table
from leo_bench.report.study.provenance import provenance
from leo_bench.report.study.redo import redo_table
from leo_bench.report.study.sentences import completeness, notices


def write_claims_report(data: StudyData, out_folder: Path) -> Path:
    """Write the report of a study with claims into out_folder. Returns the path of report.html.

    Claims are judged as far as runs are done, here or in the studies that variants are taken from.
    """
    evidence = Evidence(data)
    claims = judge_claims(evidence)
    rows = claim_rows(evidence, claims)
    tables, numbers = comparison_tables(evidence, claims), numbers_table(evidence, claims)
    undone, redo = problem_table(data), redo_table(data)
    write_tables([claims_csv(rows), *tables, numbers, undone, redo], out_folder / "tables")
    opening = claims_answer(data, claims)
    content = {
        "title": data.plan.question,
        "subtitle": f"Study {data.plan.study}, profile {data.plan.profile}",
        "answer": opening,
        "summary": " ".join(opening),
        "verdicts": counts([claim.verdict for claim in claims], VERDICTS),
        "notices": notices(data),
        "caption": CLAIMS,
        "rows": rows,
        "rows_markdown": claims_markdown(rows, "../"),
        "tables": [(table.title, one) for table, one in zip(evidence.claims.tables, tables, strict=True)],
        "rules": rules_table(rows),
        "numbers": numbers,
        "undone": undone,
        "busy": BUSY,
        "provenance": provenance(data),
        "redo": redo,
    }
    return write_report_pages(out_folder, "claims", content)


def claims_answer(data: StudyData, claims: list[JudgedClaim]) -> list[str]:
    """Return the report's opening: how many statements have which verdict, and how complete the study is."""
    family_size = sum(part.decision is not None for claim in claims for part in claim.parts)
    found = listed(counts([claim.verdict for claim in claims], VERDICTS), most=len(VERDICTS))
    return [
        f"Of {len(claims)} statements of the document, each read in one way: {found}.",
        "The chance that even one verdict is false is at most 5%: Holm's adjustment runs over all "
        f"{family_size} numbers that have several seeds.",
        completeness(data.view),
    ]
