"""Forest plot and table of paired differences."""

from functools import partial

import numpy as np
import pandas as pd

from leo_bench.figures.forest_plot import forest_plot, signed
from leo_bench.figures.style import LABEL_WIDTH, variant_styles
from leo_bench.report.panels import Panel, Plot, alt_text
from leo_bench.report.study.captions import compared_label, headline_and_hardest, rows_height, subtitle, without_against
from leo_bench.report.study.main_table import named_beside
from leo_bench.report.study.sentences import seeds_words
from leo_bench.report.table import NONE, ReportTable, difference, p_value
from leo_bench.statistics import OPEN
from leo_bench.statistics.studies.differences import all_effects
from leo_bench.statistics.studies.study import StudyData, cell_name

WIDE = 56
"""Characters of a label on one line, in a wide panel."""


def effects_plot(data: StudyData) -> Plot | None:
    """Return the forest plot of all variants on the headline test and on the mixed test with most ways."""
    panels = []
    for cell in headline_and_hardest(data):
        frame = all_effects(data, cell)
        frame = frame[frame["compared"]]
        if frame.empty:
            continue
        frame = frame.assign(label=[compared_label(data, variant) for variant in frame["variant"]])
        labels = [str(label) for label in frame["label"]]
        wide = max(map(len, labels)) > 2 * LABEL_WIDTH
        label_width = WIDE if wide else LABEL_WIDTH
        margin = data.plan.margin if frame["margin"].isna().all() else float(frame["margin"].min())
        draw = partial(forest_plot, frame, variant_styles(data.plan), margin=margin, label_width=label_width)
        differences = (
            f"{row['label']} {signed(100 * row['difference'])} points ({row['verdict']})"
            for row in frame.to_dict("records")
        )
        alt = alt_text(f"Paired differences with the baseline, {cell_name(cell)}", differences)
        title = cell_name(cell), subtitle(data, data.plan.baseline)
        width, height = 7.4 if wide else 3.9, rows_height(labels, label_width)
        panels.append(Panel(draw, *title, width=width, height=height, alt=alt))
    if not panels:
        return None
    caption = (
        f"Paired difference with {data.label(data.plan.baseline)}"
        + (", or with the variant that the row names" if data.names_pairs else "")
        + ", in points of accuracy, same seeds and same test episodes; bars: 95% interval "
        "over seeds (solid), or with one seed over test episodes of two trained models (dotted), which says nothing "
        "about other seeds; shaded: differences that do not matter on this test (the least margin of its rows). Each "
        "interval is for its row alone; verdicts allow for all. Arrowheads: beyond the axis."
    )
    columns = 1 if any(panel.width > 4 for panel in panels) else 2
    return Plot("effects", "What each change is worth", caption, panels, columns)


def effects_table(data: StudyData) -> ReportTable:
    """Return the table of paired differences on every test of the study."""
    tests = {cell_name(cell): all_effects(data, cell) for cell in data.cells}
    frames = [frame.assign(test=name) for name, frame in tests.items()]
    numbers = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    words = [
        {
            "test": row["test"],
            "variant": row["label"],
            **({"compared with": row["against"]} if data.names_pairs else {}),
            "difference, points": difference(row["difference"], row["low"], row["high"], row["kind"], 2),
            "verdict": row["verdict"],
            "matters from, points": NONE if np.isnan(row["margin"]) else f"{100 * row['margin']:.2f}",
            "Holm's p": p_value(row["holm_p"]),
            "seeds": str(row["n_seeds"]),
            "seeds to settle": seeds_words(row).removesuffix(" seeds") if row["verdict"] in OPEN else NONE,
        }
        for row in numbers.to_dict("records")
        if row["compared"]
    ]
    caption = (
        f"Paired differences with the baseline{named_beside(data)} on every test. Holm's family is one test"
        + (", and the steps of the chain on one test" if data.before else "")
        + ". Intervals are for one difference alone; Holm's p decides."
    )
    return ReportTable("effects", caption, without_against(data, numbers), pd.DataFrame(words))
