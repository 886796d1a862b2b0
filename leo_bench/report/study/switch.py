"""Figure and table of one switch: accuracy at each of its settings."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from leo_bench import figures
from leo_bench.report.panels import Panel, Plot
from leo_bench.report.sentences import error_words
from leo_bench.report.study.captions import cut_words, interval_caption, subtitle
from leo_bench.report.study.comparable import why_not_comparable
from leo_bench.report.study.data import Cell, StudyData, cell_name, not_comparable
from leo_bench.report.study.differences import effects, mean_accuracy
from leo_bench.report.study.documented import documented_band
from leo_bench.report.study.main_table import DASH
from leo_bench.report.study.switches import setting_names, switch_variants
from leo_bench.report.table import NONE, ReportTable, difference, percent, with_interval

MOST_CELLS = 4


def switch_plot(data: StudyData, switch: str) -> Plot | None:
    """Return the figure of accuracy against a switch, a panel per test; None with fewer than two measured settings."""
    variants = switch_variants(data, switch)
    if data.rows(data.headline, *variants)["variant"].nunique() < 2:
        return None
    names = setting_names(data, switch, variants)
    order = list(dict.fromkeys(names.values()))
    first = {setting: next(name for name in variants if names[name] == setting) for setting in order}
    panels, errors = [], []
    for cell in data.cells[:MOST_CELLS]:
        rows = data.rows(cell, *variants)
        if rows["variant"].nunique() < 2:
            continue
        rows = rows.assign(setting=rows["variant"].map(names))
        errors.append(figures.near_ceiling(rows))
        bands = [documented_band(data, cell, name) for name in first.values()]
        lines = reference_lines(data, cell, rows)
        draw = partial(
            figures.accuracy_by_setting,
            rows,
            order,
            data.styles,
            references=lines,
            bands=bands,
            chance=1 / cell[0],
            xlabel=switch,
            error=errors[-1],
        )
        alt = f"{cell_name(cell)} accuracy against {switch}: " + ", ".join(
            f"{names[name]} {percent(interval.mean)}%"
            for name in variants
            if (interval := mean_accuracy(data, cell, name))
        )
        right = 1.2 if lines else 0.3
        width = max(2.4, 0.13 * len(order)) + 0.6 + right
        upright = 0.07 * max(map(len, order)) if sum(map(len, order)) > 36 and len(order) > 4 else 0.0
        panels.append(
            Panel(
                draw,
                cell_name(cell),
                subtitle(data, *variants),
                width=width,
                height=2.75 + upright,
                left=0.6,
                right=right,
                bottom=0.5 + upright,
                alt=alt,
            )
        )
    if not panels:
        return None
    rows = data.rows(data.headline, *variants)
    marks = "Large marks: means; small marks beside them: single seeds."
    caption = f"Accuracy against {switch}. {marks} {interval_caption(rows)}."
    if any(documented_band(data, data.headline, name) for name in variants):
        caption += " Shaded: what the source document expects on Omniglot after 2,000 episodes."
    others = {names[name]: why for name, why in not_comparable(data, data.headline).items() if name in variants}
    if others:
        reasons = "; ".join(f"{setting} ({why})" for setting, why in others.items())
        caption += f" Measured under other conditions than the baseline, so no difference is taken: {reasons}."
    everywhere = pd.concat([data.rows(cell, *variants) for cell in data.cells[:MOST_CELLS]])
    caption += cut_words(everywhere, ["variant", "n_way", "episode_mode"]) + error_words(errors)
    return Plot(f"switch-{switch}", f"Accuracy against {switch}", caption, panels)


def reference_lines(data: StudyData, cell: Cell, rows: pd.DataFrame) -> dict[str, tuple[str, float]]:
    """Return reference variant -> (label, mean accuracy) on the test drawn; its training budget may differ."""
    lines = {}
    for name in data.plan.references:
        own = data.rows(cell, name)
        free = ("n_train_images", "train_classes")
        if not own.empty and all(
            not why_not_comparable(own.iloc[0], row, skip=free) for _, row in rows.drop_duplicates("variant").iterrows()
        ):
            lines[name] = (data.label(name), float(own["accuracy"].mean()))
    return lines


def switch_table(data: StudyData, switch: str) -> ReportTable:
    """Return accuracy on each test, paired difference and verdict for every setting of a switch."""
    variants = switch_variants(data, switch)
    names = setting_names(data, switch, variants)
    numbers: list[dict[str, Any]] = []
    words: list[dict[str, str]] = []
    effect = {cell: effects(data, cell).set_index("variant") for cell in data.cells}
    for variant in variants:
        row: dict[str, Any] = {"setting": names[variant], "variant": variant}
        text = {switch: row["setting"] + (" (baseline)" if variant == data.plan.baseline else "")}
        text |= {f"{cell_name(data.headline)}, %": NONE, "difference, points": NONE}
        if data.names_pairs:
            text["compared with"] = NONE if variant == data.plan.baseline else data.label(data.compared_with(variant))
        text |= {"verdict": "baseline" if variant == data.plan.baseline else NONE, "seeds": "0"}
        for cell in data.cells:
            name, interval = f"{cell[0]}way_{cell[1]}", mean_accuracy(data, cell, variant)
            row |= {f"accuracy_{name}": np.nan, f"low_{name}": np.nan, f"high_{name}": np.nan}
            text[f"{cell_name(cell)}, %"] = NONE
            if interval is not None:
                row |= {f"accuracy_{name}": interval.mean, f"low_{name}": interval.low, f"high_{name}": interval.high}
                row["n_seeds"] = data.rows(cell, variant)["seed"].nunique()
                text["seeds"] = str(row["n_seeds"])
                text[f"{cell_name(cell)}, %"] = with_interval(interval.mean, interval.low, interval.high, interval.kind)
        for cell in data.cells:
            if variant in effect[cell].index:
                found = effect[cell].loc[variant]
                suffix = f"{cell[0]}way_{cell[1]}"
                row |= {f"difference_{suffix}": found["difference"], f"verdict_{suffix}": found["verdict"]}
        if data.headline in effect and variant in effect[data.headline].index:
            own: Any = effect[data.headline].loc[variant]
            text["difference, points"] = difference(own["difference"], own["low"], own["high"], own["kind"])
            text["verdict"] = own["verdict"]
        numbers.append(row)
        words.append(text)
    headline = cell_name(data.headline)
    caption = (
        f"Settings of {switch}; difference and verdict on {headline}, those on other tests under paired differences. "
        f"Intervals: 95% over seeds (e: over episodes).{DASH}"
    )
    return ReportTable(f"switch-{switch}", caption, pd.DataFrame(numbers), pd.DataFrame(words))
