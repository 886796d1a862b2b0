"""The statements of the document as rows, and the tables that are made of these rows."""

from collections import Counter

import pandas as pd
from markupsafe import Markup

from leo_bench.report.claims.figures import figure_names, is_drawn
from leo_bench.report.claims.words import measured_words, where_words
from leo_bench.report.pages import anchor, markdown_cell
from leo_bench.report.study.adaptation_gain import steps_plot
from leo_bench.report.table import NONE, ReportTable
from leo_bench.statistics.claims.evidence import Evidence
from leo_bench.statistics.claims.judged import VERDICTS, JudgedClaim
from leo_bench.statistics.studies.study import StudyData

CLAIMS = (
    "A row for each statement of the document, in our words, with the LEO that is measured. Measured: means over seeds "
    "with their 95% intervals, each for its number alone; the verdict is stricter, as it allows for all the others. "
    '"3 seeds of about 12": so many would settle it. Leaning: the side of its bound on which the own 95% interval of '
    "the number lies. "
    "Differs too: a condition that the two variants do not share, beside what the statement is about. "
    "Figure: what the study shows of the variants; numbers: those of the section, beside what its rules ask."
)
RULES = (
    "The rules. Written before: the rule was fixed before results of its runs were published. Written after: results "
    "of its runs were known, those of the preset itself or of these very runs, so the bound may have been chosen with "
    "the answer in view."
)
READINGS = ("as written", "as meant", "at its best", "the paper's LEO")
"""Columns of the table that opens the page of claims: beginnings of the readings."""


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
