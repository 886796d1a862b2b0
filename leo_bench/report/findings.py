"""docs/findings.md: what the published studies say, in plain words. A block a study, made from its records."""

from pathlib import Path

from leo_bench.figures import signed
from leo_bench.records import find_studies, write_atomic
from leo_bench.report.sentences import listed
from leo_bench.report.study.data import Cell, StudyData, cell_name
from leo_bench.report.study.data import load_study_data as gather
from leo_bench.report.study.differences import effects
from leo_bench.report.study.sentences import answer

HEAD = """# What came out so far

Made from the rows in `results/official/` by `make publish`; no number here is typed.

A change *helps* or *hurts* where at least one test says so, with its whole 95% interval beyond the margin that matters
and Holm's p below 0.05 over the variants compared on that test, and no test says the opposite. Each test is judged on
its own: with four tests a false alarm on one of them is up to four times as likely, so read what a single test says
with that in mind. What has no such verdict is *open*: the seeds there are do not show it either way, which is not the
same as no effect.
"""

NAMES = {
    "helps": "Helps",
    "hurts": "Hurts",
    "both": "Helps on one test and hurts on another",
    "nothing": "Makes no difference that matters, on any test",
    "open": "Open",
    "one seed": "One seed, so no verdict on the change itself",
}


def write_findings(results: Path, page: Path) -> Path:
    """Write the page from every published study below results/official. Raises LeoBenchError where one cannot be
    read."""
    studies = [folder for folder in find_studies(results) if folder.parent.name == "official"]
    blocks = [findings(gather(folder), f"../reports/official/{folder.name}/report.md") for folder in studies]
    write_atomic(page, "\n".join([HEAD, *blocks]).encode())
    return page


def findings(data: StudyData, link: str) -> str:
    """One study as Markdown: its question and answer, and its variants sorted by what their tests say. link: to the
    whole report."""
    groups: dict[str, list[str]] = {}
    for variant in data.variants:
        verdicts = {cell: row for cell in data.cells if (row := _effect(data, cell, variant))}
        if verdicts:
            kind = judgement([str(row["verdict"]) for row in verdicts.values()])
            groups.setdefault(kind, []).append(_line(data, variant, kind, verdicts))
    lines = [f"## {data.plan.question}", "", *answer(data), ""]
    for kind, name in NAMES.items():
        if kind in groups:
            lines += [f"**{name}:**", "", *groups[kind], ""]
    plan = data.plan
    lines += [f"[The whole report]({link}) (study `{plan.study}`, profile `{plan.profile}`).", ""]
    return "\n".join(lines)


def judgement(verdicts: list[str]) -> str:
    """What a variant's verdicts on all its tests come to: a key of NAMES."""
    better, worse = "better" in verdicts, "worse" in verdicts
    if better or worse:
        return "both" if better and worse else "helps" if better else "hurts"
    if set(verdicts) == {"one seed"}:
        return "one seed"
    return "nothing" if set(verdicts) == {"no difference that matters"} else "open"


def _effect(data: StudyData, cell: Cell, variant: str) -> dict[str, object] | None:
    """The variant's effect on a test, where it is compared with the baseline there."""
    frame = effects(data, cell)
    rows = frame[(frame["variant"] == variant) & frame["compared"].astype(bool)].to_dict("records")
    return {str(key): value for key, value in rows[0].items()} if rows else None


def _line(data: StudyData, variant: str, kind: str, verdicts: dict[Cell, dict[str, object]]) -> str:
    """`- 10 inner steps: 20-way mixed +14.7 [+2.0, +27.4].`: the tests that decide, or all of them."""
    deciding = {cell: row for cell, row in verdicts.items() if row["verdict"] in ("better", "worse")} or verdicts
    parts = []
    for cell, row in deciding.items():
        difference, low, high = (100 * float(str(row[name])) for name in ("difference", "low", "high"))
        parts.append(f"{cell_name(cell)} {signed(difference)} [{signed(low)}, {signed(high)}]")
    return f"- {data.label(variant)}: {listed(parts, most=len(parts))} points."
