"""The figures of a report that show accuracies and effects, and the list of all figures."""

from functools import partial

import pandas as pd

from leo_bench import figures
from leo_bench.report.across import profiles_plot
from leo_bench.report.captions import (
    Plot,
    cut_words,
    error_words,
    headline_and_hardest,
    interval_caption,
    subtitle,
)
from leo_bench.report.compare import effects, mean_accuracy
from leo_bench.report.cost import cost_plot
from leo_bench.report.course import curves_plot, steps_plot
from leo_bench.report.drawing import Panel
from leo_bench.report.gather import Cell, StudyData, apart, cell_name, setting_names, switch_variants, why_not
from leo_bench.report.hardest import hardest_plot
from leo_bench.report.tables import documented_band, percent
from leo_bench.report.waterfall import STEP, waterfall_plot

MOST_CELLS = 4


def switch_plot(data: StudyData, switch: str) -> Plot | None:
    """Accuracy against one switch's setting, a panel per test; None before two settings have a done run."""
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
    others = {names[name]: why for name, why in apart(data, data.headline).items() if name in variants}
    if others:
        reasons = "; ".join(f"{setting} ({why})" for setting, why in others.items())
        caption += f" Measured under other conditions than the baseline, so no difference is taken: {reasons}."
    everywhere = pd.concat([data.rows(cell, *variants) for cell in data.cells[:MOST_CELLS]])
    caption += cut_words(everywhere, ["variant", "n_way", "episode_mode"]) + error_words(errors)
    return Plot(f"switch-{switch}", f"Accuracy against {switch}", caption, panels)


def reference_lines(data: StudyData, cell: Cell, rows: pd.DataFrame) -> dict[str, tuple[str, float]]:
    """Reference variant -> (label, mean accuracy) where its test is the one drawn; its training budget may differ,
    that is its point.
    """
    lines = {}
    for name in data.plan.references:
        own = data.rows(cell, name)
        free = ("n_train_images", "train_classes")
        if not own.empty and all(
            not why_not(own.iloc[0], row, skip=free) for _, row in rows.drop_duplicates("variant").iterrows()
        ):
            lines[name] = (data.label(name), float(own["accuracy"].mean()))
    return lines


def forest_plot(data: StudyData) -> Plot | None:
    """Paired effects of all variants on the headline test and on the hardest one."""
    panels = []
    for cell in headline_and_hardest(data):
        frame = effects(data, cell)
        frame = frame[frame["compared"].astype(bool)]
        if frame.empty:
            continue
        draw = partial(figures.effects_forest, frame, data.styles, margin=data.plan.margin)
        alt = f"Paired differences with the baseline, {cell_name(cell)}: " + ", ".join(
            f"{row['label']} {figures.signed(100 * row['difference'])} points ({row['verdict']})"
            for row in frame.to_dict("records")
        )
        longest = max(len(str(label)) for label in frame["label"])
        height = 1.05 + (0.2 if longest <= figures.LABEL_WIDTH else 0.29) * len(frame)
        panels.append(
            Panel(
                draw,
                cell_name(cell),
                subtitle(data, data.plan.baseline),
                height=height,
                left=0.3 + 0.071 * min(longest, figures.LABEL_WIDTH),
                right=0.5,
                alt=alt,
            )
        )
    if not panels:
        return None
    kinds = set(effects(data, data.headline).query("compared == True")["kind"])
    over = (
        "over seeds"
        if kinds == {"seeds"}
        else "over test episodes of two trained models (dotted), which says nothing about other seeds"
    )
    over = over if len(kinds) < 2 else "over seeds (solid), or with one seed over test episodes (dotted)"
    caption = (
        f"Paired difference with {data.label(data.plan.baseline)}, in points of accuracy, same seeds and same test "
        f"episodes; bars: 95% interval "
        f"{over}; shaded: the {100 * data.plan.margin:g} points either way that do not matter. Arrowheads: "
        f"the difference or its interval goes on beyond the axis."
    )
    caption += "".join(unscored_words(data, cell) for cell in headline_and_hardest(data))
    return Plot("effects", "What each change is worth", caption, panels)


def unscored_words(data: StudyData, cell: Cell) -> str:
    """Names variants that other tests scored and this one did not."""
    frame = effects(data, cell)
    missing = [
        str(row["label"])
        for row in frame.to_dict("records")
        if not data.scores[data.scores["variant"] == row["variant"]].empty and data.rows(cell, row["variant"]).empty
    ]
    return f" Not scored on {cell_name(cell)}, so missing there: {', '.join(missing)}." if missing else ""


def all_plots(data: StudyData) -> dict[str, Plot]:
    """Every figure that the study's runs allow, by name, in the report's order."""
    if data.scores.empty:
        return {}
    plots = [forest_plot(data)]
    plots += [waterfall_plot(data) if switch == STEP else switch_plot(data, switch) for switch in data.plan.switches]
    plots += [profiles_plot(data), steps_plot(data), curves_plot(data), cost_plot(data), hardest_plot(data)]
    return {plot.name: plot for plot in plots if plot is not None}
