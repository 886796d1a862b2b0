"""Figure of accuracy against time, memory and parameters, with the Pareto front."""

from functools import partial

import pandas as pd

from leo_bench import figures
from leo_bench.figures.accuracy_by_cost import COSTS, NOTHING, cost_front, seed_spread, spans_decades
from leo_bench.report.panels import Panel, Plot
from leo_bench.report.sentences import error_words
from leo_bench.report.study.captions import headline_and_hardest, n_words, subtitle
from leo_bench.report.study.comparable import why_not_comparable
from leo_bench.report.study.data import Cell, StudyData, cell_name
from leo_bench.report.study.main_table import BUSY
from leo_bench.report.table import percent

FREE = ("n_train_images", "train_classes")
"""Columns of MUST_EQUAL that may differ in this figure, because a training budget is a cost."""


def cost_plot(data: StudyData) -> Plot | None:
    """Return the figure of accuracy against each cost, on the headline test and on the mixed test with most ways."""
    panels, errors, left_out = [], [], set[str]()
    drawn: dict[Cell, pd.DataFrame] = {}
    for cell in headline_and_hardest(data):
        rows, others = comparable_rows(data, cell)
        left_out |= others
        if not rows.empty:
            drawn[cell] = rows
    if not drawn:
        return None
    everything = pd.concat(drawn.values())
    for cell, rows in drawn.items():
        error = figures.near_ceiling(rows)
        errors.append(error)
        labels = [str(label) for label in rows.drop_duplicates("variant")["label"]]
        longest = max(map(len, labels))
        lines = sum(1 + (len(label) + 5) // 24 for label in labels)
        for cost, (words, factor) in COSTS.items():
            panels.append(
                Panel(
                    partial(
                        figures.accuracy_by_cost,
                        rows,
                        data.styles,
                        cost=cost,
                        logarithmic=spans_decades(everything, cost),
                        error=error,
                    ),
                    f"{cost_name(cost).capitalize()}, {cell_name(cell)}",
                    subtitle(data, *rows["variant"].unique()),
                    height=max(2.75, 1.0 + 0.117 * lines),
                    right=min(0.5 + 0.06 * (longest + 5), 1.75),
                    alt=cost_words(rows, cell, cost, words, factor),
                )
            )
    caption = (
        f"Large marks: means over {n_words(data.rows(data.headline))}; small: single runs. "
        f"{front_words(drawn)}{scale_words(everything)} Time is of training alone. {BUSY}"
    )
    if left_out:
        names = ", ".join(sorted(data.label(name) for name in left_out))
        caption += f" Left out, because their test differs: {names}."
    title = "Accuracy against time, memory and parameters"
    return Plot("cost", title, caption + error_words(errors), panels, columns=3)


def comparable_rows(data: StudyData, cell: Cell) -> tuple[pd.DataFrame, set[str]]:
    """Return the score rows of a test that may share a figure of costs, and the variants left out.

    Rows are compared with the baseline's, or with those of the first variant if the baseline has no run.
    """
    rows = data.rows(cell)
    base = data.rows(cell, data.plan.baseline)
    against = (base if len(base) else rows).iloc[:1]
    others = {
        str(row["variant"])
        for _, row in rows.drop_duplicates("variant").iterrows()
        if why_not_comparable(row, against.iloc[0], skip=FREE)
    }
    return rows[~rows["variant"].isin(others)], others


def cost_words(rows: pd.DataFrame, cell: Cell, cost: str, words: str, factor: float) -> str:
    """Return the alternative text: the Pareto front, from low to high cost."""
    means = rows.groupby("label", sort=False)[[cost, "accuracy"]].mean()
    labels = rows.drop_duplicates("variant").set_index("variant")["label"]
    best = means.loc[[labels[name] for name in cost_front(rows, cost)]]
    points = ", ".join(
        f"{label} {percent(accuracy)}% at {factor * value:,.4g}" for label, value, accuracy in best.itertuples()
    )
    shown = f"on the Pareto front: {points}" if points else "no front is drawn"
    return f"{cell_name(cell)} accuracy against {words}, {len(means)} variants; {shown}"


def cost_name(cost: str) -> str:
    """Return `training time`, `peak memory` or `parameters`."""
    return COSTS[cost][0].split(",")[0].split(" of ")[0]


def front_words(drawn: dict[Cell, pd.DataFrame]) -> str:
    """Return the caption's sentences on the Pareto fronts: which are drawn, and why others are not."""
    said = (
        "The line and the bold entries of the key: the Pareto front, variants that no other beats in both accuracy and "
        "cost. It compares means, so a place on it is no verdict."
    )
    for cost in COSTS:
        spreads = [seed_spread(rows, cost) for rows in drawn.values()]
        by = " and ".join(dict.fromkeys(f"{spread:.2f}" for spread in spreads if spread is not None))
        if None in spreads:
            said += f" No front in {cost_name(cost)}: with one seed each, its variation between seeds is not known."
        elif not all(cost_front(rows, cost) for rows in drawn.values()):
            said += f" No front in {cost_name(cost)}: seeds of one variant differ by as much (by a factor of {by})."
        elif max(filter(None, spreads)) > 1:
            said += (
                f" In {cost_name(cost)} seeds of one variant differ by a factor of up to {by}: less counts as equal."
            )
    return said


def scale_words(rows: pd.DataFrame) -> str:
    """Return the caption's sentence on logarithmic axes, which are the same in all panels."""
    found = [cost for cost in COSTS if spans_decades(rows, cost)]
    if not found:
        return ""
    zero = any((rows[cost] <= NOTHING * rows[cost].max()).any() for cost in found)
    at = "; costs of zero, or next to it, are at the left edge" if zero else ""
    return f" Log scale: {' and '.join(cost_name(cost) for cost in found)}{at}."
