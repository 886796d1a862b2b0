"""docs/claims.md: the verdicts of the published study, beside text written by hand, which stays."""

from pathlib import Path

from leo_bench.records import find_studies, folder_name, write_atomic
from leo_bench.report.claims.evidence import Evidence
from leo_bench.report.claims.judged import judge_claims
from leo_bench.report.claims.page import claims_answer
from leo_bench.report.claims.tables import CLAIMS, claim_rows, claims_markdown, comparison_tables
from leo_bench.report.pages import markdown_table, own_text
from leo_bench.report.study.data import load_study_data

HEAD = """# Claims of the source document

All of this page but the text below is made from `results/official/` by `make publish` and `make report`.
`make claims` judges the statements on your machine. The rules stand in `studies/claims.toml`.
"""


def write_claims_docs(results: Path, page: Path) -> Path | None:
    """Write the page from the published study with claims, and keep its own text. Returns None if there is none.

    results: folder of results. Of several profiles the largest is taken. Raises LeoBenchError if it cannot be read.
    """
    studies = [load_study_data(folder) for folder in find_studies(results / "official")]
    found = [data for data in studies if data.plan.claims is not None]
    if not found:
        return None
    data = max(found, key=lambda one: (len(one.view.done), one.plan.profile))
    evidence = Evidence(data)
    claims = judge_claims(evidence)
    folder = folder_name(data.plan.study, data.plan.profile)
    blocks = [HEAD, own_text(page)]
    blocks += [f"{sentence}\n" for sentence in claims_answer(data, claims)]
    link = f"[Every number with its rule](../reports/official/{folder}/report.md) (study `{data.plan.study}`, profile"
    blocks += [f"{link} `{data.plan.profile}`).\n", "## Statements\n", f"{CLAIMS}\n"]
    blocks += [f"{claims_markdown(claim_rows(evidence, claims), '../reports/official/')}\n"]
    for table, one in zip(evidence.claims.tables, comparison_tables(evidence, claims), strict=True):
        blocks += [f"## {table.title}\n", f"{markdown_table(one.words)}\n", f"{one.caption}\n"]
    write_atomic(page, "\n".join(blocks).encode())
    return page
