"""Figure of adaptation: accuracy before and after each inner step."""

import pandas as pd

from leo_bench import figures
from leo_bench.report.panels import Panel, Plot
from leo_bench.report.sentences import error_words
from leo_bench.report.study.captions import (
    cut_words,
    lines_panel,
    n_words,
    over_seeds,
    rows_of,
    variant_groups,
)
from leo_bench.report.study.data import Cell, StudyData, cell_name, not_comparable
from leo_bench.report.study.switches import switch_variants
from leo_bench.report.table import percent


def adaptation_plot(data: StudyData) -> Plot | None:
    """Return the figure of accuracy before adaptation and after each inner step, a panel per switch."""
    mixed = [cell for cell in data.cells if cell[1] == "mixed"] or [data.headline]
    frames = {cell: step_frame(data, cell) for cell in mixed}
    panels: list[Panel] = []
    errors: list[bool] = []
    drawn: list[pd.DataFrame] = []
    shown: dict[str, tuple[Cell, set[str]]] = {}
    for group in variant_groups(data):
        most = max(frames[cell]["variant"].isin(group.variants).sum() for cell in mixed)
        cell = [cell for cell in mixed if frames[cell]["variant"].isin(group.variants).sum() == most][-1]
        rows = rows_of(data, frames[cell], group)
        if rows.empty or rows["step"].max() == 0:
            continue
        errors.append(figures.near_ceiling(rows[rows["step"] == rows.groupby("variant")["step"].transform("max")]))
        if len(group.variants) > 1:
            shown[group.switch] = cell, set(rows["variant"])
        drawn.append(rows.assign(panel=len(panels)))
        means = rows.groupby(["variant", "step"], sort=False)["accuracy"].mean()
        alt = f"Accuracy by inner step for {group.title}: " + ", ".join(
            f"{data.label(str(name))} from {percent(steps.iloc[0])} to {percent(steps.iloc[-1])}%"
            for name, steps in means.groupby(level="variant", sort=False)
        )
        panels.append(
            lines_panel(
                data, group, rows, f"{group.title}, {cell_name(cell)}", figures.accuracy_by_step, errors[-1], alt
            )
        )
    if not panels:
        return None
    caption = (
        "Accuracy before adaptation (step 0), after each inner step on the codes, and after each fine-tuning step on "
        "the decoded weights, if there are any; on the test with most ways that most settings of the switch were "
        f"scored on; means over {n_words(frames[mixed[0]])}; "
        f"{over_seeds(frames[mixed[0]], 'shaded')}."
        f"{skipped_words(data, frames[mixed[0]])}{absent_words(data, shown)}"
        f"{cut_words(pd.concat(drawn), ['panel', 'variant', 'step'])}"
    )
    return Plot("inner-steps", "Before and after adaptation", caption + error_words(errors), panels, columns=3)


def skipped_words(data: StudyData, frame: pd.DataFrame) -> str:
    """Return a sentence that names variants not scored after every step; their lines are dotted."""
    steps = frame.groupby("variant", sort=False)["step"].agg(lambda column: sorted(set(column)))
    found = [
        f"{data.label(str(name))} (steps {', '.join(map(str, own))})"
        for name, own in steps.items()
        if own != list(range(len(own)))
    ]
    return f" Dotted, because the steps between were not scored: {'; '.join(found)}." if found else ""


def absent_words(data: StudyData, shown: dict[str, tuple[Cell, set[str]]]) -> str:
    """Return sentences on settings of a switch that its panel does not show. shown: switch -> (test of its panel,
    variants drawn)."""
    reasons: dict[str, list[str]] = {}
    for switch, (cell, drawn) in shown.items():
        for name in switch_variants(data, switch) if switch else data.variants:
            rows = data.rows(cell, name)
            if name in drawn or data.rows(data.headline, name).empty or name in not_comparable(data, data.headline):
                continue
            why = f"not scored on {cell_name(cell)}" if rows.empty else "takes no inner steps"
            reasons.setdefault(why, []).append(data.label(name))
    return "".join(f" Not drawn ({why}): {', '.join(dict.fromkeys(names))}." for why, names in reasons.items())


def step_frame(data: StudyData, cell: Cell) -> pd.DataFrame:
    """Return accuracy by inner step, for variants that adapt: columns variant, label, seed, step, accuracy."""
    rows = []
    for row in data.rows(cell).itertuples():
        _, test = data.test(str(row.variant), int(row.seed), cell)  # type: ignore[arg-type]
        if len(test.steps) > 1:
            for step, accuracy in zip(test.steps, test.accuracy_by_step, strict=True):
                rows.append(
                    {"variant": row.variant, "label": row.label, "seed": row.seed, "step": step, "accuracy": accuracy}
                )
    return pd.DataFrame(rows, columns=["variant", "label", "seed", "step", "accuracy"])
