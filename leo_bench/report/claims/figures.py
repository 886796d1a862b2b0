"""Figures of a report on claims: for each section of the document the numbers behind its statements."""

import math
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from leo_bench.figures.claim_numbers import claim_numbers
from leo_bench.records.claims import Part
from leo_bench.report.claims.words import briefs, is_change, number_of, quantity_words, value_words
from leo_bench.report.pages import anchor
from leo_bench.report.panels import Panel, Plot
from leo_bench.report.study.captions import rows_height
from leo_bench.statistics.claims.evidence import Evidence
from leo_bench.statistics.claims.judged import JudgedClaim, JudgedPart

LABEL_WIDTH = 60
HOW_TO_READ = (
    "For each section of the document the numbers behind its statements: means over seeds with their 95% intervals, "
    "each for its number alone. Shaded: the values for which the statement holds. Blue circle: it holds; orange "
    "square: it does not; grey diamond: inconclusive. Arrowheads: beyond the axis. Exact numbers are not drawn."
)


def claim_plots(evidence: Evidence, claims: list[JudgedClaim]) -> dict[str, Plot]:
    """Return section of the document -> figure of the numbers behind its statements, a panel for each unit.

    Exact numbers are not drawn. A section without another number has no figure.
    """
    rows = [
        {"section": claim.claim.section, "name": claim.name, **_scale(judged.part), **_row(claim, judged, brief)}
        for claim in claims
        for judged, brief in zip(claim.parts, briefs(evidence, claim), strict=True)
        if is_drawn(judged)
    ]
    if not rows:
        return {}
    sections = pd.DataFrame(rows).groupby("section", sort=False)
    return {
        str(section): Plot(
            figure_name(str(section)),
            str(section),
            f"{section}: the numbers behind its statements.",
            _panels(str(section), frame),
            columns=1,
        )
        for section, frame in sections
    }


def is_drawn(judged: JudgedPart) -> bool:
    """Return True if the number of a part stands in the figure of its section."""
    return judged.number is not None and judged.outcome is not None and not judged.part.is_exact


def figure_name(section: str) -> str:
    """Return the name of the figure of a section: `numbers-inner-steps`."""
    return f"numbers-{anchor(section)}"


def _panels(section: str, frame: pd.DataFrame) -> list[Panel]:
    panels = []
    for unit, rows in frame.groupby("unit", sort=False):
        same, log = rows["same"].iloc[0], bool(rows["log"].iloc[0])
        draw = partial(
            claim_numbers, rows, xlabel=str(unit), same=None if np.isnan(same) else float(same), log=log,
            label_width=LABEL_WIDTH,
        )  # fmt: skip
        alt = "; ".join(f"{row['label']} {row['words']} ({row['outcome']})" for row in rows.to_dict("records"))
        height = rows_height(list(rows["label"]), LABEL_WIDTH)
        panels.append(Panel(draw, section, "", width=7.6, height=height, alt=alt))
    return panels


def _scale(part: Part) -> dict[str, Any]:
    """Return the axis of the number of a part: its unit, the value that means no difference (NaN if none does), and
    whether it is logarithmic."""
    if part.kind == "ratio":
        return {"unit": "ratio (log scale)", "same": 1.0, "log": True}
    if is_change(part):
        along = f" for each unit of {quantity_words(part.along)}" if part.along else ""
        return {"unit": f"points of accuracy{along}", "same": 0.0, "log": False}
    if part.quantity in ("accuracy", "accuracy_before"):
        return {"unit": "accuracy, %", "same": np.nan, "log": False}
    changes = part.kind != "level" or part.minus
    return {"unit": number_of(part), "same": 0.0 if changes else np.nan, "log": False}


def _row(claim: JudgedClaim, judged: JudgedPart, brief: str) -> dict[str, Any]:
    """Return label, value, interval, bounds, outcome and words of a number, as `claim_numbers` draws them."""
    number, part = judged.number, judged.part
    assert number is not None
    reading = f" ({claim.claim.reading})" if claim.claim.reading else ""
    ends = number.interval
    values = {
        "value": number.value,
        "low": ends.low if ends else None,
        "high": ends.high if ends else None,
        "above": number.statement.above,
        "below": number.statement.below,
    }
    return {
        "label": f"{claim.claim.words}{reading}" + (f": {brief}" if brief else ""),
        **{name: _shown(part, value) for name, value in values.items()},
        "outcome": judged.outcome,
        "words": value_words(part, number.value),
    }


def _shown(part: Part, value: float | None) -> float:
    """Return a value in the unit of its axis. NaN if there is none."""
    if value is None:
        return math.nan
    if part.kind == "ratio":
        return math.exp(value)
    return 100 * value if is_change(part) or part.quantity in ("accuracy", "accuracy_before") else value
