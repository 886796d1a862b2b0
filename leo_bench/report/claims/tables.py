"""Tables of a report on claims: all claims, the document's comparison tables, every number with its rule."""

from collections import Counter
from typing import Literal

import pandas as pd
from markupsafe import Markup

from leo_bench.records import Result, listed
from leo_bench.records.claims import COUNTS, DIVERGED, ComparisonTable, Part, TableRow
from leo_bench.report.claims.figures import figure_names, is_drawn
from leo_bench.report.claims.words import (
    measured_words,
    number_words,
    quantity_words,
    reported,
    rule_words,
    subject,
    where_words,
)
from leo_bench.report.pages import anchor, markdown_cell
from leo_bench.report.study.adaptation_gain import steps_plot
from leo_bench.report.study.provenance import training_and_machine
from leo_bench.report.table import NONE, ReportTable, p_value
from leo_bench.statistics.claims.estimates import NotMeasured, measure
from leo_bench.statistics.claims.evidence import Evidence
from leo_bench.statistics.claims.judged import VERDICTS, JudgedClaim, JudgedPart
from leo_bench.statistics.studies.study import StudyData

CLAIMS = (
    "A row for each statement of the document, in our words, with the LEO that is measured. Measured: means over seeds "
    "with their 95% intervals, each for its number alone; the verdict is stricter, as it allows for all the others. "
    '"3 seeds of about 12": so many would settle it. Leaning: the side of its bound on which the own 95% interval of '
    "the number lies. "
    "Differs too: a condition that the two variants do not share, beside what the statement is about. "
    "Figure: what the study shows of the variants; numbers: those of the section, beside what its rules ask."
)
NUMBERS = (
    "Every number behind a verdict. Holds if: the rule as a bound. The p is the smaller one of 'it holds' and 'it does "
    "not hold', after Holm's adjustment over all numbers of this table but those that another study decides, as the "
    "remark says: these have its p. Exact numbers have none. Leaning: the side of its bound on which the own 95% "
    "interval of the number lies."
)
RULES = (
    "The rules. Written before: the rule was fixed before results of its runs were published. Written after: results "
    "of its runs were known, those of the preset itself or of these very runs, so the bound may have been chosen with "
    "the answer in view."
)
SOURCES = (
    "The studies whose runs the numbers above are of. Of each number, numbers.csv has studies, precision and numerics "
    "digests."
)

NUMBER_COLUMNS = (
    "claim kind quantity variants test value low high above below equals n_seeds holm_p verdict leaning "
    "seeds_to_settle reason studies precision numerics"
).split()


def claim_rows(evidence: Evidence, claims: list[JudgedClaim]) -> list[dict[str, str]]:
    """Return all claims in words: name, words, reading, verdict, measured, where, section, rule, written and picture.

    Also the name of the figure with its numbers in this report (numbers), and of the report with the figures behind
    each: folder, anchor in the page, figure, and place below reports/; all empty if that is this report.
    """
    figures = figure_names(claims)
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
            "written": one.claim.written,
            "picture": one.claim.picture,
            "numbers": figures[one.claim.section] if any(map(is_drawn, one.parts)) else "",
            **_reference(evidence, one),
        }
        for one in claims
    ]


def _reference(evidence: Evidence, judged: JudgedClaim) -> dict[str, str]:
    """Return folder, anchor, figure and place of the report behind a claim: of the switch with most of its variants."""
    places = [place for place in map(evidence.place, judged.claim.named) if place and place.data is not evidence.data]
    if not places:
        return {"folder": "", "anchor": "", "figure": "", "place": ""}
    data = places[0].data
    named = {place.variant for place in places if place.data is data}
    shown = {name: len(named.intersection(members)) for name, members in data.plan.switches.items()}
    switch = max(shown, key=lambda name: shown[name], default="")
    found = bool(switch and shown[switch])
    return {
        "folder": data.view.folder.name,
        "anchor": f"switch-{switch}" if found else "main",
        "figure": _figure(judged, data, f"switch-{switch}.png" if found else ""),
        "place": "" if data.view.folder.parent == evidence.data.view.folder.parent else "official/",
    }


def _figure(judged: JudgedClaim, data: StudyData, accuracies: str) -> str:
    """Return the figure of a study that shows what a claim measures: accuracies, gains by adapting or training time."""
    measured = {part.quantity for part in judged.claim.parts}
    if measured & {"accuracy", "error"}:
        return accuracies
    if "accuracy_gain" in measured:
        return "gain-by-step.png" if steps_plot(data) else ""
    return "cost.png" if measured & {"core_seconds", "train_seconds"} else ""


def claims_markdown(rows: list[dict[str, str]], reports: str, own: str = "") -> Markup:
    """Return the table of claims as Markdown.

    reports: path from the page to the reports beside this study's own; own: folder of its own report, if the page is
    that of docs/, which has pictures beside it.
    """
    lines = ["| statement | verdict | measured | open, missing | study |", "|---|---|---|---|---|"]
    for row in rows:
        folder = row["folder"] or (own if row["measured"] != NONE else "")
        place = f"{reports}{row['place']}{folder}"
        link = f"[{folder}]({place}/report.md)" if folder else NONE
        if row["figure"]:
            link += f", [figure]({place}/figures/{row['figure']})"
        if row["numbers"]:
            link += f", [numbers]({f'{reports}{own}/' if own else ''}figures/{row['numbers']}.png)"
        if own and row["picture"]:
            link += f", [figure]({row['picture']})"
        cells = (statement(row), row["verdict"], row["measured"], row["where"] or NONE)
        lines.append(f"| {' | '.join(map(markdown_cell, cells))} | {link} |")
    return Markup("\n".join(lines))


READINGS = ("as written", "as meant", "at its best", "the paper's LEO")
"""Columns of the table that opens the page of claims: beginnings of the readings."""


def opening_markdown(claims: list[JudgedClaim], rows: list[dict[str, str]], reports: str, own: str) -> Markup:
    """Return, as Markdown, the statements that open the page: a row for each, with verdict and first number of the
    first reading of each kind, linked to its figure. Empty if there are none.

    rows: claim_rows of the claims. reports and own: as in claims_markdown.
    """
    opening = dict.fromkeys(one.claim.words for one in claims if one.claim.opens)
    if not opening:
        return Markup("")
    lines = [f"| the document says | {' | '.join(READINGS)} |", "|---|" + "---|" * len(READINGS)]
    for words in opening:
        cells = []
        for reading in READINGS:
            found = [row for row in rows if row["words"] == words and row["reading"].startswith(reading)]
            cells.append(_opening_cell(found[0], reading, reports, own) if found else NONE)
        lines.append(f"| {' | '.join([markdown_cell(words), *cells])} |")
    return Markup("\n".join(lines))


def _opening_cell(row: dict[str, str], reading: str, reports: str, own: str) -> str:
    """Return verdict, first number and the rest of the reading of a claim, the verdict linked to what shows it."""
    if row["figure"]:
        link = f"{reports}{row['place']}{row['folder']}/figures/{row['figure']}"
    elif row["picture"]:
        link = row["picture"]
    else:
        link = f"{reports}{own}/figures/{row['numbers']}.png" if row["numbers"] else f"{reports}{own}/report.md"
    rest = row["reading"].removeprefix(reading).removeprefix(", ")
    words = f"{row['measured'].split('; ')[0]}{f' ({rest})' if rest else ''}"
    return f"[{row['verdict']}]({link}): {markdown_cell(words)}"


def by_section(rows: list[dict[str, str]]) -> dict[str, list[dict[str, str]]]:
    """Return the rows of each section of the document, in the order of first appearance."""
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        found.setdefault(row["section"], []).append(row)
    return found


def counts_markdown(rows: list[dict[str, str]]) -> Markup:
    """Return, as Markdown, how many statements of each section of the document have which verdict."""
    verdicts = [verdict for verdict in VERDICTS if any(row["verdict"] == verdict for row in rows)]
    lines = [f"| section of the document | {' | '.join(verdicts)} |", "|---|" + "---:|" * len(verdicts)]
    for section, own in by_section(rows).items():
        counts = Counter(row["verdict"] for row in own)
        cells = " | ".join(str(counts[verdict] or NONE) for verdict in verdicts)
        lines.append(f"| [{section}](#{anchor(section)}) | {cells} |")
    total = Counter(row["verdict"] for row in rows)
    lines.append(f"| all | {' | '.join(str(total[verdict]) for verdict in verdicts)} |")
    return Markup("\n".join(lines))


def statement(row: dict[str, str]) -> str:
    """Return a statement with the way it is read."""
    return f"{row['words']} ({row['reading']})" if row["reading"] else row["words"]


def claims_csv(rows: list[dict[str, str]]) -> ReportTable:
    """Return all claims as a table for claims.csv."""
    frame = pd.DataFrame(rows).drop(columns=["folder", "anchor", "figure", "place", "picture"], errors="ignore")
    return ReportTable("claims", CLAIMS, frame, frame)


def rules_table(rows: list[dict[str, str]]) -> ReportTable:
    """Return the rule of each claim and where it stands in the document."""
    frame = pd.DataFrame(
        [
            {
                "statement": statement(row),
                "section of the document": row["section"],
                "rule": row["rule"] or NONE,
                "written": row["written"] if row["rule"] else NONE,
            }
            for row in rows
        ]
    )
    return ReportTable("rules", RULES, frame, frame)


def numbers_table(evidence: Evidence, claims: list[JudgedClaim]) -> ReportTable:
    """Return every part of every claim with its number."""
    pairs = [(claim, one) for claim in claims for one in claim.parts]
    numbers = pd.DataFrame([_numbers(evidence, claim, one) for claim, one in pairs], columns=NUMBER_COLUMNS)
    words = pd.DataFrame([_words(evidence, claim, one) for claim, one in pairs])
    return ReportTable("numbers", NUMBERS, numbers, words)


def _numbers(evidence: Evidence, claim: JudgedClaim, one: JudgedPart) -> dict[str, object]:
    """Return what is known of NUMBER_COLUMNS."""
    number, part = one.number, one.part
    row = {"claim": claim.name, "variants": " ".join(part.named), "test": one.test, "n_seeds": 0, "reason": one.reason}
    row |= {name: getattr(part, name) for name in ("kind", "quantity", "equals")}
    row |= {"verdict": one.outcome or one.missing, **(vars(one.decision) if one.decision else {})}
    if number:
        ends = number.interval
        values = {"value": number.value, "low": ends and ends.low, "high": ends and ends.high, **vars(number.statement)}
        row |= {name: reported(part, value) for name, value in values.items() if value is not None}
        row["n_seeds"] = number.n_seeds
        runs = judged_runs(evidence, [one])
        row |= {
            "studies": " ".join(runs),
            "precision": _all(runs, "precision"),
            "numerics": _all(runs, "numerics digest"),
        }
    return row


def judged_runs(evidence: Evidence, parts: list[JudgedPart]) -> dict[str, list[Result]]:
    """Return folder of a study -> its runs behind the numbers of these parts, each once."""
    found: dict[str, dict[str, Result]] = {}
    for one in parts:
        ended = one.part.quantity == DIVERGED
        for place in [evidence.place(name, ended) for name in one.part.named] if one.number else []:
            if place:
                runs = found.setdefault(place.data.view.folder.name, {})
                runs |= {run.planned.run_key: run.result for run in place.runs.values() if run.result}
    return {name: list(runs.values()) for name, runs in found.items()}


def diverged_runs(evidence: Evidence, parts: list[JudgedPart]) -> Counter[str]:
    """Return folder of a study -> trainings with a NaN loss that these parts count, each once. They have no result."""
    found = set()
    for one in parts:
        for name in one.part.named if one.number and one.part.quantity == DIVERGED else []:
            if place := evidence.place(name, ended=True):
                seeds = [seed for seed, diverged in place.diverged.items() if diverged]
                found |= {(place.data.view.folder.name, place.variant, seed) for seed in seeds}
    return Counter(folder for folder, _, _ in found)


def _all(runs: dict[str, list[Result]], name: str) -> str:
    """Return one of the values of training_and_machine of these runs."""
    return dict(training_and_machine([run for own in runs.values() for run in own]))[name]


def sources_table(evidence: Evidence, claims: list[JudgedClaim]) -> ReportTable:
    """Return the provenance of the runs that were judged: a row for each study."""
    rows, parts = [], [one for claim in claims for one in claim.parts]
    diverged = diverged_runs(evidence, parts)
    for name, runs in judged_runs(evidence, parts).items():
        facts = dict(training_and_machine(runs))
        shown = ("precision", "batch norm", "numerics digest", "commit", "host")
        lost = f" and {diverged[name]} with a NaN loss" if diverged[name] else ""
        rows.append(
            {"runs of the study": name, "judged": f"{len(runs)}{lost}", **{what: facts[what] for what in shown}}
        )
    frame = pd.DataFrame(rows)
    return ReportTable("sources", SOURCES, frame, frame)


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
