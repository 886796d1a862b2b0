"""Tables of a report on claims: all claims, the document's comparison tables, every number with its rule."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

from leo_bench.records import markdown_text
from leo_bench.records.claims import ComparisonTable, Part, TableRow
from leo_bench.report.claims.estimates import NotMeasured, NotRun, measure
from leo_bench.report.claims.evidence import Evidence
from leo_bench.report.claims.judged import NOT_MEASURED, NOT_RUN, JudgedClaim, JudgedPart
from leo_bench.report.claims.words import measured_words, number_words, quantity_words, rule_words, subject, where_words
from leo_bench.report.table import NONE, ReportTable, p_value

CLAIMS = (
    "A row for each statement of the document, in our words, with the LEO that is measured. Measured: means over seeds "
    "with their 95% intervals, each for its number alone; the verdict is stricter, as it allows for all the others. "
    '"3 seeds of about 12": so many would settle it. Leaning: the verdict that the number would have by itself.'
)
NUMBERS = (
    "Every number behind a verdict. Holds if: the rule as a bound. The p is the smaller one of 'it holds' and 'it does "
    "not hold', after Holm's adjustment over all numbers of this table; exact numbers have none. Leaning: the verdict "
    "that the number would have by itself."
)


@dataclass(frozen=True)
class Reference:
    """Report that has the figures behind a claim."""

    folder: str
    """Name of the folder of the study, `ablations-cpu`."""
    published: bool
    section: str
    """Anchor in the page."""

    def href(self, published_page: bool, ending: str) -> str:
        """Return the link from a page in reports/NAME or reports/official/NAME. ending: of the page, html or md."""
        if published_page or not self.published:
            anchor = f"#{self.section}" if ending == "html" else ""
            return f"../{self.folder}/report.{ending}{anchor}"
        return f"../official/{self.folder}/report.md"  # whose HTML page is made only on request


def reference(evidence: Evidence, judged: JudgedClaim) -> Reference | None:
    """Return the report behind a claim; None if that is this report, or if nothing is measured."""
    for variant in judged.claim.named:
        place = evidence.place(variant)
        if place is None or place.data is evidence.data:
            continue
        folder = place.data.view.folder
        switches = [name for name, members in place.data.plan.switches.items() if place.variant in members]
        published = folder.parent != evidence.data.view.folder.parent
        return Reference(folder.name, published, f"switch-{switches[0]}" if switches else "main")
    return None


@dataclass(frozen=True)
class ClaimRow:
    """A claim in words, as all pages show it."""

    name: str
    words: str
    reading: str
    verdict: str
    measured: str
    where: str
    section: str
    rule: str
    reference: Reference | None


def claim_rows(evidence: Evidence, claims: list[JudgedClaim]) -> list[ClaimRow]:
    """Return all claims in words."""
    return [
        ClaimRow(
            one.name,
            one.claim.words,
            one.claim.reading,
            one.verdict,
            measured_words(evidence, one),
            where_words(evidence, one),
            one.claim.section,
            one.claim.rule,
            reference(evidence, one),
        )
        for one in claims
    ]


def claims_markdown(rows: list[ClaimRow], reports: str) -> Markup:
    """Return the table of claims as Markdown. reports: path from the page to the folder of the reports it links."""
    lines = ["| statement | verdict | measured | open, missing | study |", "|---|---|---|---|---|"]
    for row in rows:
        link = f"[{row.reference.folder}]({reports}{row.reference.folder}/report.md)" if row.reference else NONE
        cells = [
            f"{row.words} ({row.reading})" if row.reading else row.words,
            row.verdict,
            row.measured,
            row.where or NONE,
        ]
        lines.append(f"| {' | '.join(markdown_text(cell).replace('|', chr(92) + '|') for cell in cells)} | {link} |")
    return Markup("\n".join(lines))


def claims_csv(rows: list[ClaimRow]) -> ReportTable:
    """Return all claims as a table for claims.csv."""
    names = ["name", "words", "reading", "verdict", "measured", "where", "section", "rule"]
    frame = pd.DataFrame([{name: getattr(row, name) for name in names} for row in rows], columns=names)
    return ReportTable("claims", CLAIMS, frame, frame)


def rules_table(rows: list[ClaimRow]) -> ReportTable:
    """Return the rule of each claim and where it stands in the document."""
    frame = pd.DataFrame(
        [
            {
                "statement": row.words + (f" ({row.reading})" if row.reading else ""),
                "section of the document": row.section,
                "rule": row.rule or NONE,
            }
            for row in rows
        ]
    )
    return ReportTable("rules", "Rules, written before the results that they judge were read.", frame, frame)


def numbers_table(evidence: Evidence, claims: list[JudgedClaim]) -> ReportTable:
    """Return every part of every claim with its number."""
    pairs = [(claim, one) for claim in claims for one in claim.parts]
    numbers = pd.DataFrame([_numbers(claim, one) for claim, one in pairs])
    words = pd.DataFrame([_words(evidence, claim, one) for claim, one in pairs])
    return ReportTable("numbers", NUMBERS, numbers, words)


def _numbers(claim: JudgedClaim, one: JudgedPart) -> dict[str, object]:
    number, decision = one.number, one.decision
    interval = number.interval if number else None
    return {
        "claim": claim.name,
        "kind": one.part.kind,
        "quantity": one.part.quantity,
        "variants": " ".join(one.part.named),
        "test": one.test,
        "value": number.value if number else np.nan,
        "low": interval.low if interval else np.nan,
        "high": interval.high if interval else np.nan,
        "above": number.statement.above if number else np.nan,
        "below": number.statement.below if number else np.nan,
        "equals": one.part.equals,
        "n_seeds": number.n_seeds if number else 0,
        "holm_p": decision.holm_p if decision else np.nan,
        "verdict": one.outcome or one.missing,
        "leaning": decision.leaning if decision else "",
        "seeds_to_settle": decision.seeds_to_settle if decision else np.nan,
        "reason": one.reason,
    }


def _words(evidence: Evidence, claim: JudgedClaim, one: JudgedPart) -> dict[str, str]:
    number, decision = one.number, one.decision
    return {
        "number": subject(evidence, one.part, one.test),
        "measured": number_words(number) if number else NONE,
        "holds if": rule_words(number) if number else NONE,
        "verdict": one.outcome or one.missing,
        "Holm's p": p_value(decision.holm_p) if decision else NONE,
        "leaning": decision.leaning if decision and one.outcome == "inconclusive" else NONE,
        "seeds": str(number.n_seeds) if number else "0",
        "claim": claim.name,
        "remark": one.reason or NONE,
    }


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
            words[f"{column}: verdict"] = verdicts[row.claims[column]] if column in row.claims else NONE
        rows.append(words)
    names = ", ".join(f"{column} is {evidence.label(name)}" for column, name in table.columns.items())
    caption = (
        f'The table of the section "{table.section}", with a measured number in each cell and the verdict on its '
        "statement. "
        f"{names}; numbers of weights are those of untrained models at 105x105 pixels."
    )
    frame = pd.DataFrame(rows)
    return ReportTable(f"table-{table.name}", caption, frame, frame)


def _cell(evidence: Evidence, table: ComparisonTable, row: TableRow, column: str) -> str:
    """Return the number of a cell, with its interval."""
    variant = row.variants.get(column) or table.columns[column]
    part = Part(kind="level", quantity=row.quantity, variant=variant, above=0.0)
    try:
        return number_words(measure(evidence, part, part.tests[0]))
    except NotRun:
        return NOT_RUN
    except NotMeasured:
        return NOT_MEASURED
