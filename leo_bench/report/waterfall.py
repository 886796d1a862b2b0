"""From the first to the last variant of the switch `step`, one change at a time; and without the parts of the switch
`part`."""

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from leo_bench import figures
from leo_bench.report.captions import Plot, over_seeds, subtitle
from leo_bench.report.compare import EFFECT_COLUMNS, Side, effects, judged, mean_accuracy, paired
from leo_bench.report.drawing import Panel
from leo_bench.report.gather import Cell, StudyData, cell_name
from leo_bench.report.tables import DASH, NONE, Table, difference, documented_band, with_interval

STEP, PART = "step", "part"
"""The switches that make a waterfall: each variant of the first keeps the changes of those before it, each of the
second is the baseline without something."""
UNSCORED = "not scored here"


def step_effects(data: StudyData, cell: Cell) -> pd.DataFrame:
    """Paired difference of each step with the step before it on one test (columns EFFECT_COLUMNS), without the first.
    Holm's family: the steps."""
    steps = data.plan.switches[STEP]
    rows = [
        {
            "variant": own,
            "label": data.label(own),
            **paired(Side(data, cell, own), Side(data, cell, before), data.label(before)),
        }
        for before, own in pairwise(steps)
    ]
    return judged(pd.DataFrame(rows, columns=EFFECT_COLUMNS), data.plan.margin)


def waterfall_rows(data: StudyData, cell: Cell) -> pd.DataFrame:
    """What `figures.waterfall` draws of one test: the steps, then the parts."""
    found = {STEP: step_effects(data, cell), PART: effects(data, cell)}
    steps = data.plan.switches[STEP]
    starts = dict(zip(steps[1:], steps, strict=False))
    rows = []
    for group in (STEP, PART):
        for variant in data.plan.switches.get(group, []):
            if group == PART and variant == data.plan.baseline:
                continue
            own = mean_accuracy(data, cell, variant)
            from_variant = starts.get(variant) if group == STEP else data.plan.baseline
            before = mean_accuracy(data, cell, from_variant) if from_variant else None
            row: dict[str, Any] = {
                "group": group,
                "variant": variant,
                "label": data.label(variant),
                "accuracy": np.nan,
                "low": np.nan,
                "high": np.nan,
                "start": np.nan if before is None else before.mean,
                "change": np.nan,
                "change_low": np.nan,
                "change_high": np.nan,
                "change_over": "",
                "verdict": "",
                "words": UNSCORED,
            }
            if own is not None:
                row["accuracy"] = own.mean
                if own.kind == "seeds" and own.n >= figures.LEAST_SEEDS:
                    row |= {"low": own.low, "high": own.high}
                row["words"] = f"{100 * own.mean:.1f}"
            effect = found[group][found[group]["variant"] == variant].to_dict("records")
            if effect and effect[0]["compared"]:
                one = effect[0]
                row |= {"change": one["difference"], "change_low": one["low"], "change_high": one["high"]}
                row |= {"change_over": one["kind"], "verdict": one["verdict"]}
                row["words"] += f"  ({difference(one['difference'], one['low'], one['high'], one['kind'])})"
            rows.append(row)
    return pd.DataFrame(rows)


def waterfall_plot(data: StudyData) -> Plot | None:
    """Steps and parts as one figure, a panel for the ways of mixed episodes; None before two steps have a done run."""
    panels = []
    for cell in (cell for cell in data.cells if cell[1] == "mixed"):
        frame = waterfall_rows(data, cell)
        if frame[frame["group"] == STEP]["accuracy"].notna().sum() < 2:
            continue
        measured = frame[frame["accuracy"].notna()].to_dict("records")
        alt = f"{cell_name(cell)} accuracy by step: " + ", ".join(
            f"{row['label']} {100 * row['accuracy']:.1f}%" for row in measured
        )
        panels.append(
            Panel(
                partial(figures.waterfall, frame, band=documented_band(data, cell, data.plan.baseline)),
                cell_name(cell),
                subtitle(data, data.plan.baseline),
                width=7.4,
                height=1.0 + 0.235 * len(frame),
                left=0.25 + 0.072 * max(len(label) for label in frame["label"]),
                right=1.75,
                alt=alt,
            )
        )
    if not panels:
        return None
    rows = data.rows(data.headline, *data.plan.switches[STEP])
    ends = f"{data.label(data.plan.switches[STEP][0])} to {data.label(data.plan.baseline)}"
    parts = PART in data.plan.switches
    caption = (
        f"From {ends}, each step with the changes of those above it"
        + (f"; below the line {data.label(data.plan.baseline)} without one of its parts" if parts else "")
        + f". Point and line: accuracy and 95% interval; {over_seeds(rows, 'lines')}. Bar: the change from the step "
        "above"
        + (", below the line from all parts together" if parts else "")
        + ", pale without a verdict of better or worse; in brackets in points, paired seed by seed on the same test "
        "episodes, with its 95% interval."
    )
    if any(documented_band(data, cell, data.plan.baseline) for cell in data.cells):
        caption += " Shaded: what the source document expects."
    return Plot(f"switch-{STEP}", "From step to step", caption, panels, columns=1)


def step_table(data: StudyData) -> Table:
    """Each step: accuracy on each test and the change from the step before it."""
    numbers = [waterfall_rows(data, cell).assign(test=cell_name(cell)) for cell in data.cells]
    frames = {cell: frame[frame["group"] == STEP] for cell, frame in zip(data.cells, numbers, strict=True)}
    words = []
    for index, variant in enumerate(data.plan.switches[STEP]):
        row = {"step": data.label(variant)}
        for cell, frame in frames.items():
            own, name = frame.iloc[index], cell_name(cell)
            interval = mean_accuracy(data, cell, variant)
            row[f"{name}, %"] = (
                NONE if interval is None else with_interval(interval.mean, interval.low, interval.high, interval.kind)
            )
            row[f"{name}, change"] = difference(
                own["change"], own["change_low"], own["change_high"], own["change_over"]
            )
            row[f"{name}, verdict"] = own["verdict"] or NONE
        words.append(row)
    caption = (
        "Each step keeps the changes of those above it; change: paired difference with the step above, in points, "
        f"Holm's family being the steps. Intervals: 95% over seeds (e: over episodes).{DASH}"
    )
    table = pd.concat(numbers, ignore_index=True) if numbers else pd.DataFrame()
    return Table(f"switch-{STEP}", caption, table.drop(columns="words", errors="ignore"), pd.DataFrame(words))
