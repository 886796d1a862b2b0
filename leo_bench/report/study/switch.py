"""Figure of one switch: accuracy at each of its settings."""

from functools import partial

import pandas as pd

from leo_bench.figures.accuracy_axis import near_ceiling
from leo_bench.figures.accuracy_by_setting import accuracy_by_setting
from leo_bench.figures.style import LABEL_WIDTH, variant_styles
from leo_bench.report.panels import Panel, Plot
from leo_bench.report.study.captions import OVER_SEEDS, episode_words, n_words, rows_height, subtitle
from leo_bench.report.study.documented import band_words, documented_band
from leo_bench.report.study.switches import setting_names, switch_variants
from leo_bench.report.table import percent
from leo_bench.statistics.studies.comparable import why_not_comparable
from leo_bench.statistics.studies.study import Cell, StudyData, cell_name

MOST_CELLS = 4
BAND_LINE = 0.13
"""Height of the line above the Axes that says what the band is, in inches."""
FREE = ("n_train_images", "train_classes")
"""Columns of MUST_EQUAL in which a reference may differ from the variants of a switch."""


def switch_plot(data: StudyData, switch: str) -> Plot | None:
    """Return the figure of accuracy against a switch, a panel per test; None with fewer than two measured settings."""
    variants = switch_variants(data, switch)
    names, cells = setting_names(data, switch, variants), data.cells[:MOST_CELLS]
    panels, drawn = [], []
    for cell in cells:
        rows = data.rows(cell, *variants)
        if rows["variant"].nunique() < 2:
            continue
        order = [name for name in variants if name in set(rows["variant"])]
        rows = rows.assign(label=rows["variant"].map(names)).set_index("variant", drop=False).loc[order]
        drawn.append(rows)
        references = [name for name in _references(data, cell, rows) if name not in order]
        found = [documented_band(data, cell, name) for name in order]
        frame = pd.concat([rows, *(data.rows(cell, name) for name in references)], ignore_index=True)
        draw = partial(
            accuracy_by_setting,
            frame,
            variant_styles(data.plan),
            references=references,
            bands=[band and band[:2] for band in found],
            band_words=f"document: {band_words(band for band in found if band)}",
            chance=1 / cell[0],
            error=near_ceiling(rows.reset_index(drop=True)),
        )
        labels = [str(label) for label in frame.drop_duplicates("variant")["label"]]
        means = frame.groupby("label", sort=False)["accuracy"].mean()
        alt = f"{cell_name(cell)} accuracy against {switch}: "
        alt += ", ".join(f"{label} {percent(mean)}%" for label, mean in means.items())
        top = Panel.top + (BAND_LINE if any(found) else 0)
        height = rows_height(labels, LABEL_WIDTH) + top - Panel.top
        text = cell_name(cell), subtitle(data, *variants)
        panels.append(Panel(draw, *text, width=4.4, height=height, top=top, alt=alt))
    if not panels:
        return None
    rows = pd.concat(drawn, ignore_index=True)
    caption = (
        f"Accuracy against {switch}. Large marks: means over {n_words(rows)}, {episode_words(rows)}; small marks: "
        f"single seeds; bars: {OVER_SEEDS}; dotted, with one seed: over the test episodes of that model."
    )
    if any(documented_band(data, cell, name) for cell in cells for name in variants):
        caption += " Shaded: accuracy that the source document expects after 2,000 5-way training episodes."
    if any(len(data.rows(cell, name)) for cell in cells for name in data.plan.references):
        caption += " Below the line: references, whose training budget may differ; an arrowhead: beyond the axis."
    return Plot(f"switch-{switch}", f"Accuracy against {switch}", caption, panels)


def _references(data: StudyData, cell: Cell, rows: pd.DataFrame) -> list[str]:
    """Return the reference variants measured on the test drawn; their training budget may differ."""
    drawn = [row for _, row in rows.drop_duplicates("variant").iterrows()]
    return [
        name
        for name in data.plan.references
        if len(own := data.rows(cell, name)) and not any(why_not_comparable(own.iloc[0], row, FREE) for row in drawn)
    ]
