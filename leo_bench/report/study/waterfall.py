"""Waterfall: the variants of the switch `step`, one change at a time, and those of `part`, the baseline without
one component each.
"""

from functools import partial
from typing import Any

import pandas as pd

from leo_bench.figures.intervals import LEAST_SEEDS
from leo_bench.figures.waterfall import waterfall
from leo_bench.report.panels import Panel, Plot, alt_text
from leo_bench.report.study.captions import OVER_SEEDS, episode_words, n_words, subtitle
from leo_bench.report.study.documented import band_words, documented_band
from leo_bench.report.table import difference, percent
from leo_bench.statistics.studies.differences import all_effects, mean_accuracy
from leo_bench.statistics.studies.study import STEP, Cell, StudyData, cell_name

PART = "part"
"""Switch whose variants are the baseline without one component each."""
UNSCORED = "not scored here"
COLUMNS = "group variant label accuracy low high start change_verdict words".split()


def waterfall_rows(data: StudyData, cell: Cell) -> pd.DataFrame:
    """Return the rows that `figures.waterfall` draws for one test, COLUMNS: the steps, then the parts. Fractions.

    start is accuracy minus change. It is the accuracy of the step before if both have the same seeds.
    """
    changes = {str(row["variant"]): row for row in all_effects(data, cell).to_dict("records") if row["compared"]}
    rows = []
    for group in (STEP, PART):
        for variant in step_variants(data, group):
            own = mean_accuracy(data, cell, variant)
            row: dict[str, Any] = {"group": group, "variant": variant, "label": data.label(variant), "words": UNSCORED}
            if own is not None:
                row |= {"accuracy": own.mean, "words": percent(own.mean)}
                if own.kind == "seeds" and own.n >= LEAST_SEEDS:
                    row |= {"low": own.low, "high": own.high}
            if own is not None and variant in changes and (group == PART or variant in data.before):
                change = changes[variant]
                named = f" against {change['against']}" if group == PART and variant in data.plan.against else ""
                ends = (change[name] for name in ("difference", "low", "high", "kind"))
                row |= {"start": own.mean - change["difference"], "change_verdict": change["verdict"]}
                row["words"] += f"  ({difference(*ends)}{named})"
            rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def step_variants(data: StudyData, group: str) -> list[str]:
    """Return the variants of one of the two switches; the baseline is not among the parts."""
    variants = data.plan.switches.get(group, [])
    return [name for name in variants if group == STEP or name != data.plan.baseline]


def waterfall_plot(data: StudyData) -> Plot | None:
    """Return steps and parts as one figure, a panel per number of ways; None with fewer than two measured steps."""
    variants = [*step_variants(data, STEP), *step_variants(data, PART)]
    panels, drawn = [], []
    for cell in (cell for cell in data.cells if cell[1] == "mixed"):
        frame = waterfall_rows(data, cell)
        measured = frame[frame["accuracy"].notna()]
        if (measured["group"] == STEP).sum() < 2:
            continue
        drawn.append(data.rows(cell, *variants))
        reached = (f"{row['label']} {percent(row['accuracy'])}%" for row in measured.to_dict("records"))
        alt = alt_text(f"{cell_name(cell)} accuracy by step", reached)
        draw = partial(waterfall, frame, band=documented_band(data, cell, data.plan.baseline))
        text, height = (cell_name(cell), subtitle(data, *variants)), 1.0 + 0.235 * len(frame)
        panels.append(Panel(draw, *text, width=7.4, height=height, alt=alt))
    if not panels:
        return None
    return Plot(f"switch-{STEP}", "From step to step", _caption(data, pd.concat(drawn)), panels, columns=1)


def _caption(data: StudyData, rows: pd.DataFrame) -> str:
    """Return the caption. rows: score rows of all that is drawn."""
    steps, parts = step_variants(data, STEP), step_variants(data, PART)
    caption = (
        f"From {data.label(steps[0])} to {data.label(steps[-1])}; each step keeps the changes of the steps above it"
        + (f". Below the line, {data.label(data.plan.baseline)} lacks one component" if parts else "")
        + f". Points: accuracy, n = {n_words(rows)}, {episode_words(rows)}; lines: {OVER_SEEDS}. Bars, and in brackets "
        "in points: the paired change from the step above, or below the line from the baseline or the variant that the "
        "row names, with its 95% interval over seeds (e: over the test episodes of two models). Verdicts allow for all "
        "steps, and those below the line for all variants."
    )
    bands = [documented_band(data, cell, data.plan.baseline) for cell in data.cells]
    if any(bands):
        caption += f" Shaded: what the source document expects, {band_words(filter(None, bands))}."
    return caption
