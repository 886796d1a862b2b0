"""docs/findings.md: results of the published studies and searches as tables, made from their records."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from leo_bench.records import find_studies, write_atomic
from leo_bench.records.search import find_searches
from leo_bench.report.pages import markdown_table
from leo_bench.report.search.answer import answer as search_answer
from leo_bench.report.search.data import SearchData, load_search_data
from leo_bench.report.search.tables import choices_table
from leo_bench.report.study.data import Cell, StudyData, cell_name, load_study_data
from leo_bench.report.study.differences import effects, mean_accuracy
from leo_bench.report.study.sentences import answer, notices
from leo_bench.report.study.waterfall import STEP, step_table
from leo_bench.report.table import NONE, ReportTable, difference, notes_of, with_interval

HEAD = """# Findings

This page is made from the rows in `results/official/` by `make publish` and `make report`. No number here is typed.

How to read the tables:

- "Accuracy" is on the first test. The last columns are the tests. The first row is the baseline, with its accuracy on
  each test in percent. Every other row is a variant, with its difference from the baseline on each test in points of
  accuracy, paired by seed and test episodes. Intervals are 95%, over seeds.
- **Bold**: a verdict of better or worse on that test. The whole interval lies beyond the margin that matters, and
  Holm's p is below 0.05 over all variants compared on that test. *Italic*: a verdict of no difference that matters.
  Plain: inconclusive. "e": one seed, so the interval is over test episodes. "-": not scored on that test, or not
  comparable.
- Finding: a variant *helps* or *hurts* if at least one test says so and no test says the opposite. Every test is judged
  on its own. With four tests, a false alarm on one of them is up to four times as likely. *Open*: these seeds do not
  show an effect, which is not the same as no effect.
- The studies `presets`, `waterfall`, `ten_times` and `full_size` and the search `search_tuned` say *tuned* for the
  preset `prototype_start`, which had that name when they were measured. The preset `tuned` of today is another one.
- The files in `studies/` have the settings of every variant. [The glossary](glossary.md) explains the words.
"""

FINDINGS = {
    "helps": "helps",
    "hurts": "hurts",
    "both": "helps on one test, hurts on another",
    "nothing": "no difference that matters",
    "open": "open",
    "one seed": "one seed",
    "not compared": "not compared",
}
"""Kinds of findings, in the order of a table's rows, and their words."""

EMPHASIS = {"better": "**", "worse": "**", "no difference that matters": "*"}


@dataclass(frozen=True)
class Question:
    """A question of the summary, answered by one variant of a study at profile cpu."""

    text: str
    study: str
    variant: str


QUESTIONS = (
    Question("Does the source document's LEO learn the task as it is written?", "presets", "documented"),
    Question("Does LEO add to a prototype classifier trained by the same recipe?", "presets", "protonet"),
    Question("Do the inner steps of `prototype_start` add to it?", "waterfall", "minus_no_inner_steps"),
    Question("Does the paper's LEO need adaptation?", "paper", "generator_only"),
    Question("Does the paper's LEO do better than Meta-SGD on the head, by the paper's recipe?", "paper", "meta_sgd"),
    Question("With ten times the budget, does LEO add to a prototype classifier?", "ten_times", "protonet"),
    Question("At 105x105 pixels, does `prototype_start` need every pixel?", "full_size", "all_pixels"),
)


def write_findings(results: Path, page: Path) -> Path:
    """Write the page from every published study and search. Raises LeoBenchError if one cannot be read."""
    studies = {path.name: load_study_data(path) for path in find_studies(results) if path.parent.name == "official"}
    searches = {path.name: load_search_data(path) for path in find_searches(results) if path.parent.name == "official"}
    blocks = [HEAD, summary(studies.values())]
    blocks += [study_findings(data, _link(name)) for name, data in studies.items()]
    blocks += [search_findings(data, _link(name)) for name, data in searches.items()]
    write_atomic(page, "\n".join(block for block in blocks if block).encode())
    return page


def _link(folder: str) -> str:
    return f"../reports/official/{folder}/report.md"


def summary(studies: Iterable[StudyData]) -> str:
    """Return the table that answers QUESTIONS; an empty text if no study answers one."""
    by_name = {data.plan.study: data for data in studies}
    rows = []
    for question in QUESTIONS:
        data = by_name.get(question.study)
        found = verdicts(data, question.variant) if data is not None else {}
        if data is None or not found:
            continue
        rows.append(
            {
                "question": question.text,
                "variant": data.label(question.variant),
                "compared with": data.label(data.plan.baseline),
                "the variant is": count_words([str(row["verdict"]) for row in found.values()]),
                "difference, points": "; ".join(f"{cell_name(cell)} {_difference(row)}" for cell, row in found.items()),
                "study": f"`{question.study}`",
            }
        )
    return "\n".join(["## In short", "", markdown_table(pd.DataFrame(rows)), ""]) if rows else ""


def count_words(found: Sequence[str]) -> str:
    """Return `better on 4 of 4 tests`, or `no difference that matters on 3 of 4 tests, inconclusive on 1`."""
    counts = {verdict: list(found).count(verdict) for verdict in dict.fromkeys(found)}
    ordered = sorted(counts.items(), key=lambda entry: -entry[1])
    tests = "test" if len(found) == 1 else "tests"
    (first, count), *others = ordered
    return ", ".join([f"{first} on {count} of {len(found)} {tests}", *(f"{name} on {n}" for name, n in others)])


def study_findings(data: StudyData, link: str) -> str:
    """Return one study as Markdown: question, answer, warnings and tables. link: to the whole report."""
    lines = [f"## {data.plan.question}", ""]
    for notice in notices(data):
        lines += [f"> **Note.** {notice}", ""]
    lines += [*answer(data), "", markdown_table(findings_table(data)), ""]
    notes = _notes(data)
    lines += [*(f"- {note}" for note in notes), ""] if notes else []
    if STEP in data.plan.switches:
        lines += ["### From step to step", "", *_table_lines(step_table(data))]
    plan = data.plan
    lines += [f"[The whole report]({link}) (study `{plan.study}`, profile `{plan.profile}`).", ""]
    return "\n".join(lines)


def search_findings(data: SearchData, link: str) -> str:
    """Return one search as Markdown: question, answer, and what the choices reach on test. link: to the report."""
    lines = [f"## {data.plan.question}", ""]
    for paragraph in search_answer(data):
        lines += [paragraph, ""]
    table = choices_table(data)
    if table is not None:
        lines += _table_lines(table)
    lines += [f"[The whole report]({link}) (search `{data.plan.search}`, profile `{data.plan.profile}`).", ""]
    return "\n".join(lines)


def findings_table(data: StudyData) -> pd.DataFrame:
    """Return every measured variant as words, a row each: accuracy, finding, and differences on every test.

    The baseline comes first, with its accuracies; the others follow by FINDINGS.
    """
    rows: list[tuple[int, dict[str, str]]] = []
    for variant in data.variants:
        interval = mean_accuracy(data, data.headline, variant)
        if interval is None:
            continue
        words = {
            "variant": data.label(variant),
            "accuracy, %": with_interval(interval.mean, interval.low, interval.high, interval.kind),
            "seeds": str(data.rows(data.headline, variant)["seed"].nunique()),
        }
        if variant == data.plan.baseline:
            cells = {cell: _accuracy(data, cell) for cell in data.cells}
            rows.append((-1, {**words, "finding": "baseline", **_columns(cells)}))
            continue
        found = verdicts(data, variant)
        kind = judgement([str(row["verdict"]) for row in found.values()])
        cells = {cell: _difference(found[cell]) if cell in found else NONE for cell in data.cells}
        rows.append((list(FINDINGS).index(kind), {**words, "finding": FINDINGS[kind], **_columns(cells)}))
    return pd.DataFrame([words for _, words in sorted(rows, key=lambda row: row[0])])


def judgement(found: Sequence[str]) -> str:
    """Return the key of FINDINGS that a variant's verdicts on its tests amount to."""
    better, worse = "better" in found, "worse" in found
    if better or worse:
        return "both" if better and worse else "helps" if better else "hurts"
    if not found:
        return "not compared"
    if set(found) == {"one seed"}:
        return "one seed"
    return "nothing" if set(found) == {"no difference that matters"} else "open"


def verdicts(data: StudyData, variant: str) -> dict[Cell, dict[str, Any]]:
    """Return test -> effect of a variant, for the tests on which it is compared with the baseline."""
    found = {}
    for cell in data.cells:
        frame = effects(data, cell)
        rows = frame[(frame["variant"] == variant) & frame["compared"].astype(bool)].to_dict("records")
        if rows:
            found[cell] = {str(name): value for name, value in rows[0].items()}
    return found


def _columns(cells: dict[Cell, str]) -> dict[str, str]:
    return {cell_name(cell): words for cell, words in cells.items()}


def _accuracy(data: StudyData, cell: Cell) -> str:
    """Return `94.0 ± 0.1 %`: the baseline's accuracy on one test."""
    interval = mean_accuracy(data, cell, data.plan.baseline)
    if interval is None:
        return NONE
    return with_interval(interval.mean, interval.low, interval.high, interval.kind) + " %"


def _difference(row: dict[str, Any]) -> str:
    """Return `**+4.5 [+3.9, +5.1]**`: an effect, emphasised by its verdict."""
    mark = EMPHASIS.get(str(row["verdict"]), "")
    return f"{mark}{difference(row['difference'], row['low'], row['high'], row['kind'])}{mark}"


def _notes(data: StudyData) -> list[str]:
    """Return the notes on variants on the headline test, without those that have no run."""
    frame = effects(data, data.headline)
    measured = set(data.rows(data.headline)["variant"])
    return notes_of(frame[frame["variant"].isin(measured)])


def _table_lines(table: ReportTable) -> list[str]:
    lines = [markdown_table(table.words), "", table.caption, ""]
    return [*lines, *(f"- {note}" for note in table.notes), ""] if table.notes else lines
