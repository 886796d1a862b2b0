"""Figure of one switch: accuracy at each of its settings."""

from functools import partial
from typing import NamedTuple

import pandas as pd

from leo_bench.figures.accuracy_axis import near_ceiling
from leo_bench.figures.accuracy_by_setting import accuracy_by_setting
from leo_bench.figures.style import LABEL_WIDTH, variant_styles
from leo_bench.report.panels import Panel, Plot, alt_text
from leo_bench.report.study.captions import OVER_SEEDS, episode_words, n_words, rows_height, subtitle
from leo_bench.report.study.documented import Band, band_words, documented_band
from leo_bench.report.study.switches import setting_names, switch_variants
from leo_bench.report.table import percent
from leo_bench.statistics.studies.comparable import why_not_comparable
from leo_bench.statistics.studies.study import Cell, StudyData, cell_name

MOST_CELLS = 4
BAND_LINE = 0.13
"""Height of the line above the Axes that says what the band is, in inches."""
FREE = ("n_train_images", "train_classes")
"""Columns of MUST_EQUAL in which a reference may differ from the variants of a switch."""


class _Drawn(NamedTuple):
    """Panel of one test, and what is drawn in it."""

    panel: Panel
    rows: pd.DataFrame
    """Score rows of the variants of the switch, without the references."""
    references: list[str]
    bands: list[Band]


def switch_plot(data: StudyData, switch: str) -> Plot | None:
    """Return the figure of accuracy against a switch, a panel per test; None with fewer than two measured settings."""
    drawn = [one for cell in data.cells[:MOST_CELLS] if (one := _drawn(data, switch, cell))]
    if not drawn:
        return None
    rows = pd.concat([one.rows for one in drawn], ignore_index=True)
    caption = (
        f"Accuracy against {switch}. Large marks: means over {n_words(rows)}, {episode_words(rows)}; small marks: "
        f"single seeds; bars: {OVER_SEEDS}; dotted, with one seed: over the test episodes of that model."
    )
    if any(one.bands for one in drawn):
        caption += " Shaded: accuracy that the source document expects after 2,000 5-way training episodes."
    if any(one.references for one in drawn):
        caption += " Below the line: references, whose training budget may differ; an arrowhead: beyond the axis."
    return Plot(f"switch-{switch}", f"Accuracy against {switch}", caption, [one.panel for one in drawn])


def _drawn(data: StudyData, switch: str, cell: Cell) -> _Drawn | None:
    """Return the panel of a test; None if fewer than two settings are scored on it."""
    variants = switch_variants(data, switch)
    names = setting_names(data, switch, variants)
    scored = {name: own for name in variants if len(own := data.rows(cell, name))}
    if len(scored) < 2:
        return None
    rows = pd.concat([own.assign(label=names[name]) for name, own in scored.items()], ignore_index=True)
    references = [name for name in _references(data, cell, rows) if name not in scored]
    found = [documented_band(data, cell, name) for name in scored]
    bands = [band for band in found if band]
    frame = pd.concat([rows, *(data.rows(cell, name) for name in references)], ignore_index=True)
    draw = partial(
        accuracy_by_setting,
        frame,
        variant_styles(data.plan),
        references=references,
        bands=[band and band[:2] for band in found],
        band_words=f"document: {band_words(bands)}",
        chance=1 / cell[0],
        error=near_ceiling(rows),
    )
    labels = [str(label) for label in frame.drop_duplicates("variant")["label"]]
    means = frame.groupby("label", sort=False)["accuracy"].mean()
    alt = alt_text(
        f"{cell_name(cell)} accuracy against {switch}", (f"{label} {percent(mean)}%" for label, mean in means.items())
    )
    top = Panel.top + (BAND_LINE if bands else 0)
    height = rows_height(labels, LABEL_WIDTH) + top - Panel.top
    text = cell_name(cell), subtitle(data, *variants)
    return _Drawn(Panel(draw, *text, width=4.4, height=height, top=top, alt=alt), rows, references, bands)


def _references(data: StudyData, cell: Cell, rows: pd.DataFrame) -> list[str]:
    """Return the reference variants measured on the test drawn; their training budget may differ."""
    drawn = [row for _, row in rows.drop_duplicates("variant").iterrows()]
    return [
        name
        for name in data.plan.references
        if len(own := data.rows(cell, name)) and not any(why_not_comparable(own.iloc[0], row, FREE) for row in drawn)
    ]
