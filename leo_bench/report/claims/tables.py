"""Tables of a report on claims: all claims, the document's comparison tables, every number with its rule."""

import pandas as pd
from markupsafe import Markup

from leo_bench.analysis.claims.estimates import NotMeasured, measure
from leo_bench.analysis.claims.evidence import Evidence
from leo_bench.analysis.claims.judged import JudgedClaim, JudgedPart
from leo_bench.records.claims import ComparisonTable, Part, TableRow
from leo_bench.report.claims.words import measured_words, number_words, quantity_words, rule_words, subject, where_words
from leo_bench.report.pages import markdown_cell
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

NUMBER_COLUMNS = (
    "claim kind quantity variants test value low high above below equals n_seeds holm_p verdict leaning "
    "seeds_to_settle reason"
).split()


def claim_rows(evidence: Evidence, claims: list[JudgedClaim]) -> list[dict[str, str]]:
    """Return all claims in words: name, words, reading, verdict, measured, where, section and rule; and of the report
    with the figures behind it folder, anchor in the page, and place below reports/; all empty if that is this report.
    """
    return [
        {
            "name": one.name,
            "words": one.claim.words,
            "reading": one.claim.reading,
            "verdict": one.verdict,
            "measured": measured_words(evidence, one),
            "where": where_words(evidence, one),
            "section": one.claim.section,
            "rule": one.claim.rule,
            **_reference(evidence, one),
        }
        for one in claims
    ]


def _reference(evidence: Evidence, judged: JudgedClaim) -> dict[str, str]:
    """Return folder, anchor and place of the report behind a claim."""
    for place in map(evidence.place, judged.claim.named):
        if place is None or place.data is evidence.data:
            continue
        folder = place.data.view.folder
        switches = [name for name, members in place.data.plan.switches.items() if place.variant in members]
        anchor = f"switch-{switches[0]}" if switches else "main"
        beside = folder.parent == evidence.data.view.folder.parent
        return {"folder": folder.name, "anchor": anchor, "place": "" if beside else "official/"}
    return {"folder": "", "anchor": "", "place": ""}


def claims_markdown(rows: list[dict[str, str]], reports: str) -> Markup:
    """Return the table of claims as Markdown. reports: path from the page to the reports beside this study's own."""
    lines = ["| statement | verdict | measured | open, missing | study |", "|---|---|---|---|---|"]
    for row in rows:
        link = f"[{row['folder']}]({reports}{row['place']}{row['folder']}/report.md)" if row["folder"] else NONE
        cells = (statement(row), row["verdict"], row["measured"], row["where"] or NONE)
        lines.append(f"| {' | '.join(map(markdown_cell, cells))} | {link} |")
    return Markup("\n".join(lines))


def statement(row: dict[str, str]) -> str:
    """Return a statement with the way it is read."""
    return f"{row['words']} ({row['reading']})" if row["reading"] else row["words"]


def claims_csv(rows: list[dict[str, str]]) -> ReportTable:
    """Return all claims as a table for claims.csv."""
    frame = pd.DataFrame(rows).drop(columns=["folder", "anchor", "place"], errors="ignore")
    return ReportTable("claims", CLAIMS, frame, frame)


def rules_table(rows: list[dict[str, str]]) -> ReportTable:
    """Return the rule of each claim and where it stands in the document."""
    frame = pd.DataFrame(
        [
            {"statement": statement(row), "section of the document": row["section"], "rule": row["rule"] or NONE}
            for row in rows
        ]
    )
    return ReportTable("rules", "Rules, written before the results that they judge were read.", frame, frame)


def numbers_table(evidence: Evidence, claims: list[JudgedClaim]) -> ReportTable:
    """Return every part of every claim with its number."""
    pairs = [(claim, one) for claim in claims for one in claim.parts]
    numbers = pd.DataFrame([_numbers(claim, one) for claim, one in pairs], columns=NUMBER_COLUMNS)
    words = pd.DataFrame([_words(evidence, claim, one) for claim, one in pairs])
    return ReportTable("numbers", NUMBERS, numbers, words)


def _numbers(claim: JudgedClaim, one: JudgedPart) -> dict[str, object]:
    """Return what is known of NUMBER_COLUMNS."""
    number, part = one.number, one.part
    row = {"claim": claim.name, "variants": " ".join(part.named), "test": one.test, "n_seeds": 0, "reason": one.reason}
    row |= {name: getattr(part, name) for name in ("kind", "quantity", "equals")}
    row |= {"verdict": one.outcome or one.missing, **(vars(one.decision) if one.decision else {})}
    if number:
        row |= {"value": number.value, "n_seeds": number.n_seeds, **vars(number.statement)}
        if number.interval:
            row |= {"low": number.interval.low, "high": number.interval.high}
    return row


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
    except NotMeasured as reason:
        return reason.verdict
