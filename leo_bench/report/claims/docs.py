"""docs/claims.md: the verdicts of the published study, beside text written by hand, which stays."""

from pathlib import Path

from leo_bench.records import Plan, find_studies, read_record
from leo_bench.report.claims.document_tables import comparison_tables
from leo_bench.report.claims.page import claims_answer
from leo_bench.report.claims.rows import (
    CLAIMS,
    by_section,
    claim_rows,
    claims_markdown,
    counts_markdown,
    opening_markdown,
)
from leo_bench.report.pages import own_text, write_page
from leo_bench.statistics.claims.evidence import Evidence
from leo_bench.statistics.claims.judged import judge_claims
from leo_bench.statistics.studies.study import Studies


def write_claims_docs(results: Path, page: Path, studies: Studies | None = None) -> Path | None:
    """Write the page from the published study with claims, and keep its own text. Returns None if there is none.

    results: folder of results. studies: those that are read already. Of several profiles the largest is taken. Raises
    LeoBenchError if it cannot be read.
    """
    folders = find_studies(results / "official")
    judging = [folder for folder in folders if read_record(folder / "study.json", Plan).claims is not None]
    if not judging:
        return None
    known = studies or Studies()
    data = max(map(known.load, judging), key=lambda one: (len(one.view.done), one.plan.profile))
    evidence = Evidence(data)
    claims = judge_claims(evidence)
    rows = claim_rows(evidence, claims)
    content = {
        "own": own_text(page),
        "answer": claims_answer(data, claims),
        "plan": data.plan,
        "caption": CLAIMS,
        "counts": counts_markdown(rows),
        "opening": opening_markdown(claims, rows, "../reports/official/", data.view.folder.name),
        "sections": {
            section: claims_markdown(own, "../reports/official/", data.view.folder.name)
            for section, own in by_section(rows).items()
        },
        "tables": [
            (table.title, one)
            for table, one in zip(evidence.claims.tables, comparison_tables(evidence, claims), strict=True)
        ],
    }
    return write_page(page, "claims_docs.md.j2", content)
