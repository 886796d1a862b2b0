"""Writes the report of a study that judges claims."""

from pathlib import Path

from leo_bench.records import listed
from leo_bench.report.claims.document_tables import comparison_tables
from leo_bench.report.claims.figures import HOW_TO_READ, claim_plots
from leo_bench.report.claims.numbers import numbers_table, sources_table
from leo_bench.report.claims.rows import CLAIMS, claim_rows, claims_csv, claims_markdown, rules_table
from leo_bench.report.pages import show, write_report_pages
from leo_bench.report.sentences import counts
from leo_bench.report.study.main_table import BUSY
from leo_bench.report.study.not_done import problem_table
from leo_bench.report.study.provenance import provenance
from leo_bench.report.study.redo import redo_table
from leo_bench.report.study.sentences import completeness, notices
from leo_bench.statistics.claims.evidence import Evidence
from leo_bench.statistics.claims.judged import VERDICTS, JudgedClaim, judge_claims
from leo_bench.statistics.studies.study import StudyData
from leo_bench.statistics.verdicts import ALPHA, spent


def write_claims_report(data: StudyData, out_folder: Path) -> Path:
    """Write the report of a study with claims into out_folder. Returns the path of report.html.

    Claims are judged as far as runs are done, here or in the studies that variants are taken from.
    """
    evidence = Evidence(data)
    claims = judge_claims(evidence)
    rows, plots = claim_rows(evidence, claims), claim_plots(evidence, claims)
    tables, numbers = comparison_tables(evidence, claims), numbers_table(evidence, claims)
    undone, redo, sources = problem_table(data), redo_table(data), sources_table(evidence, claims)
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
        "figures_caption": HOW_TO_READ,
        "figures": {section: show(plot, out_folder / "figures") for section, plot in plots.items()},
        "rows_markdown": claims_markdown(rows, "../"),
        "tables": [(table.title, one) for table, one in zip(evidence.claims.tables, tables, strict=True)],
        "rules": rules_table(rows),
        "numbers": numbers,
        "undone": undone,
        "busy": BUSY,
        "sources": sources,
        "provenance": provenance(data),
        "redo": redo,
    }
    return write_report_pages(
        out_folder, "claims", content, [claims_csv(rows), *tables, numbers, sources, undone, redo]
    )


def claims_answer(data: StudyData, claims: list[JudgedClaim]) -> list[str]:
    """Return the report's opening: how many statements have which verdict, what the verdicts are worth, when the rules
    were written, and how complete the study is."""
    judged = [part.number for claim in claims for part in claim.parts if part.number and part.decision]
    owned, n_looks = sum(one.decision is not None for one in judged), data.plan.n_looks
    ruled = [claim.claim for claim in claims if not claim.claim.not_measurable]
    before = sum(claim.written == "before" for claim in ruled)
    chance = f"{ALPHA:.0%}"
    if n_looks > 1:
        chance = f"{ALPHA / n_looks:.2%} at this look, number {n_looks}, and {spent(n_looks):.0%} at any look so far"
    n_exact = sum(bool(claim.parts) and all(part.part.is_exact for part in claim.parts) for claim in claims)
    n_wordings = len({claim.claim.words for claim in claims})
    verdicts = listed(counts([claim.verdict for claim in claims], VERDICTS), most=len(VERDICTS))
    ways = f", {len(claims)} with the different ways to read them" if len(claims) > n_wordings else ""
    family = (
        f"{len(judged) - owned} numbers with several seeds are judged here, as one family of Holm's: the chance that "
        f"even one of their verdicts is false is at most {chance}."
    )
    elsewhere = (
        f" {owned} more have the verdict of the study that compares the same two variants, in a family of that study, "
        "which spends 5% of its own."
    )
    return [
        f"{n_wordings} statement{'s' * (n_wordings != 1)} of the document{ways}: {verdicts}."
        + (f" {n_exact} of these are exact: counts, which no seed changes." if n_exact else ""),
        *([family + (elsewhere if owned else "")] if judged else []),
        f"{before} of {len(ruled)} rules were written before results of their runs were published, "
        f"{len(ruled) - before} after, with results known; for these the 5% is not guaranteed.",
        completeness(data.view),
    ]
