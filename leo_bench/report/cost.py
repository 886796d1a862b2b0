"""Figure of accuracy against time, memory and parameters, with the Pareto front."""

from functools import partial

import pandas as pd

from leo_bench import figures
from leo_bench.figures.cost import COSTS, front
from leo_bench.report.captions import Plot, error_words, headline_and_hardest, n_words, subtitle
from leo_bench.report.drawing import Panel
from leo_bench.report.gather import Cell, StudyData, cell_name, why_not
from leo_bench.report.tables import percent

FREE = ("n_train_images", "train_classes")
"""May differ here: a budget is a cost. Everything else that two accuracies must share, they must share here too."""


def cost_plot(data: StudyData) -> Plot | None:
    """Accuracy against each cost, on the headline test and on the hardest mixed one."""
    panels, errors, left_out = [], [], set[str]()
    for cell in headline_and_hardest(data):
        rows, others = same_test(data, cell)
        left_out |= others
        if rows.empty:
            continue
        error = figures.near_ceiling(rows)
        errors.append(error)
        labels = [str(label) for label in rows.drop_duplicates("variant")["label"]]
        longest = max(map(len, labels))
        lines = sum(1 + (len(label) + 5) // 24 for label in labels)
        for cost, (words, factor) in COSTS.items():
            panels.append(
                Panel(
                    partial(figures.accuracy_by_cost, rows, data.styles, cost=cost, error=error),
                    f"{words.split(',')[0].split(' of ')[0].capitalize()}, {cell_name(cell)}",
                    subtitle(data, *rows["variant"].unique()),
                    height=max(2.75, 1.0 + 0.117 * lines),
                    right=min(0.5 + 0.06 * (longest + 5), 1.75),
                    alt=cost_words(rows, cell, cost, words, factor),
                )
            )
    if not panels:
        return None
    caption = (
        f"Large marks: means over {n_words(data.rows(data.headline))}; small: single runs. The line and the bold "
        "entries of the key: the Pareto front, variants that no other beats in both accuracy and cost; it is of means, "
        "so a place on it is no verdict. Time is of training alone. The records do not say how busy the machine was, "
        "so read times as upper bounds."
    )
    if left_out:
        names = ", ".join(sorted(data.label(name) for name in left_out))
        caption += f" Left out, because their test is another: {names}."
    title = "Accuracy against time, memory and parameters"
    return Plot("cost", title, caption + error_words(errors), panels, columns=3)


def same_test(data: StudyData, cell: Cell) -> tuple[pd.DataFrame, set[str]]:
    """Score rows of a test that may stand in one figure of costs, and the variants whose rows may not: the baseline's
    conditions decide, or the first variant's while the baseline has no run.
    """
    rows = data.rows(cell)
    base = data.rows(cell, data.plan.baseline)
    against = (base if len(base) else rows).iloc[:1]
    others = {
        str(row["variant"])
        for _, row in rows.drop_duplicates("variant").iterrows()
        if why_not(row, against.iloc[0], skip=FREE)
    }
    return rows[~rows["variant"].isin(others)], others


def cost_words(rows: pd.DataFrame, cell: Cell, cost: str, words: str, factor: float) -> str:
    """Alternative text: the front, from cheap to dear."""
    means = rows.groupby("label", sort=False)[[cost, "accuracy"]].mean()
    best = means.iloc[front(list(means[cost]), list(means["accuracy"]))]
    points = ", ".join(
        f"{label} {percent(accuracy)}% at {factor * value:,.4g}" for label, value, accuracy in best.itertuples()
    )
    return f"{cell_name(cell)} accuracy against {words}, {len(means)} variants; on the Pareto front: {points}"
