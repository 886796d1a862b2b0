"""Figures of a report on claims: for each section of the document the numbers behind its statements."""

import math
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from leo_bench.figures.claim_numbers import claim_numbers
from leo_bench.records.claims import DIVERGED, MEASURE, Part
from leo_bench.report.claims.words import UNITS, briefs, is_change, number_of, quantity_words, reported, value_words
from leo_bench.report.pages import anchor
from leo_bench.report.panels import Panel, Plot, alt_text
from leo_bench.report.study.captions import rows_height
from leo_bench.statistics.claims.evidence import Evidence
from leo_bench.statistics.claims.judged import JudgedClaim, JudgedPart

LABEL_WIDTH = 60
LONGEST_NAME = 60
"""Characters of a section that are part of the name of its figure."""
PERCENT = ("accuracy", "accuracy_before", "own_share")
"""Quantities whose levels are shares, shown in percent."""
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
    names = figure_names(claims)
    return {
        str(section): Plot(
            names[str(section)],
            str(section),
            f"{section}: the numbers behind its statements.",
            _panels(str(section), frame),
            columns=1,
        )
        for section, frame in pd.DataFrame(rows).groupby("section", sort=False)
    }


def is_drawn(judged: JudgedPart) -> bool:
    """Return True if the number of a part stands in the figure of its section."""
    return judged.number is not None and judged.outcome is not None and not judged.part.is_exact


def figure_names(claims: list[JudgedClaim]) -> dict[str, str]:
    """Return section of the document -> name of its figure, `numbers-inner-steps`; no two are the same."""
    found: dict[str, str] = {}
    for section in dict.fromkeys(claim.claim.section for claim in claims):
        name = f"numbers-{anchor(section)[:LONGEST_NAME]}"
        again = sum(other == name or other.startswith(f"{name}-again-") for other in found.values())
        found[section] = f"{name}-again-{again}" if again else name
    return found


def _panels(section: str, frame: pd.DataFrame) -> list[Panel]:
    panels = []
    for unit, rows in frame.groupby("unit", sort=False):
        same, log, most = rows[["same", "log", "most"]].iloc[0]
        draw = partial(
            claim_numbers, rows, xlabel=str(unit), same=None if np.isnan(same) else float(same), log=bool(log),
            most=float(most), label_width=LABEL_WIDTH,
        )  # fmt: skip
        judged = (f"{row['label']} {row['words']} ({row['outcome']})" for row in rows.to_dict("records"))
        alt = alt_text(f"{section}, {unit}", judged, between="; ")
        height = rows_height(list(rows["label"]), LABEL_WIDTH)
        panels.append(Panel(draw, section, "", width=7.6, height=height, alt=alt))
    return panels


def _scale(part: Part) -> dict[str, Any]:
    """Return the axis of the number of a part: its unit, the value that means no difference (NaN if none does), whether
    it is logarithmic, and the largest possible value."""
    axis = {"same": np.nan, "log": False, "most": np.inf}
    if part.kind == "ratio":
        return axis | {"unit": "ratio (log scale)", "same": 1.0, "log": True}
    if is_change(part):
        along = f" for each unit of {quantity_words(part.along)}" if part.along else ""
        return axis | {"unit": f"points of accuracy{along}", "same": 0.0}
    if part.quantity == DIVERGED:
        return axis | {"unit": f"{number_of(part)}, points of the share of seeds", "same": 0.0}
    if part.quantity in PERCENT:
        return axis | {"unit": f"{number_of(part)}, %", "most": 100.0}
    unit = f"{number_of(part)}{',' if part.quantity in UNITS else ''}{UNITS.get(part.quantity, '')}"
    if part.kind != "level":
        return axis | {"unit": f"{unit}: difference", "same": 0.0}
    cosine = part.quantity.startswith(f"{MEASURE}update_direction_similarity") and not part.minus
    return axis | {"unit": unit, "same": 0.0 if part.minus else np.nan, "most": 1.0 if cosine else np.inf}


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
    in_percent = part.kind != "ratio" and (is_change(part) or part.quantity in (*PERCENT, DIVERGED))
    return 100 * value if in_percent else reported(part, value)
