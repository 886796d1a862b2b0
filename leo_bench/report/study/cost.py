"""Costs of each variant: a figure of accuracy against time and parameters, and a table."""

from functools import partial

import pandas as pd

from leo_bench.figures.accuracy_axis import near_ceiling
from leo_bench.figures.accuracy_by_cost import accuracy_by_cost
from leo_bench.figures.style import LABEL_WIDTH, variant_styles
from leo_bench.learners import has_own_cnn
from leo_bench.records.quantities import n_adapted, training_effort
from leo_bench.report.panels import Panel, Plot, alt_text
from leo_bench.report.study.captions import OVER_SEEDS, headline_and_hardest, lines_height, n_words, subtitle
from leo_bench.report.study.main_table import BUSY, Column
from leo_bench.report.table import ReportTable, percent
from leo_bench.statistics.studies.study import Cell, StudyData, cell_name, not_comparable

DRAWN = {
    "core_seconds": ("Training time", "training time, minutes of one core", 1 / 60),
    "train_seconds": ("Training time", "training time of one run, minutes", 1 / 60),
    "n_parameters": ("Parameters", "parameters, thousands", 1 / 1000),
}
"""Column of scores -> title of its panel, label of its axis, factor from the column to the axis. Wall time is drawn for
a GPU, and where the records of a variant lack processor time."""
COLUMNS = (
    Column("n_train_images", "training images", ","),
    Column("n_updates", "updates", ","),
    Column("n_query_losses", "query losses", ","),
    Column("train_seconds", "training, s", ",.0f", measured=True),
    Column("core_seconds", "training, s of one core", ",.0f", measured=True),
    Column("adapt_ms", "adapting, ms", ",.1f", measured=True),
    Column("peak_memory_mb", "memory, MB", ",.0f", measured=True),
    Column("n_parameters", "parameters", ","),
    Column("n_generated", "own weights", ","),
    Column("n_adapted", "adapted", ","),
)

OLDER = (
    " Where each episode has a CNN of its own, records up to 28 November 2026 also have the time of answering before "
    "adaptation and after the first step, up to half of it."
)
"""Sentence of the caption of the table of costs, if it shows such methods."""


def cost_plot(data: StudyData) -> Plot | None:
    """Return the figure of accuracy against costs, on the headline test and on the mixed test with most ways."""
    panels: list[Panel] = []
    cells = headline_and_hardest(data)
    shown = {cell: _comparable_rows(data, cell) for cell in cells}
    timed = all((rows["core_seconds"].notna() & (rows["device"] == "cpu")).all() for rows in shown.values())
    for cell, rows in shown.items():
        if rows.empty:
            continue
        error = near_ceiling(rows)
        labels = [str(label) for label in rows["label"].unique()]
        for cost, (title, xlabel, factor) in DRAWN.items():
            if cost == ("train_seconds" if timed else "core_seconds"):
                continue
            scaled = rows.assign(**{cost: factor * rows[cost]})
            means = scaled.groupby("label", sort=False)[[cost, "accuracy"]].mean()
            reached = (f"{label} {percent(accuracy)}% at {value:,.4g}" for label, value, accuracy in means.itertuples())
            alt = alt_text(f"{cell_name(cell)} accuracy against {xlabel}", reached)
            draw = partial(accuracy_by_cost, scaled, variant_styles(data.plan), cost=cost, xlabel=xlabel, error=error)
            text = f"{title}, {cell_name(cell)}", subtitle(data, *rows["variant"].unique())
            height = lines_height(labels, LABEL_WIDTH - 5)
            panels.append(Panel(draw, *text, width=4.4, height=height, alt=alt))
    if not panels:
        return None
    without = any(data.rows(cell, data.plan.baseline).empty for cell in cells)
    where = ", or all on a test on which the baseline is not scored" if without else ""
    seeds = n_words(pd.concat(shown.values()))
    caption = (
        f"Variants comparable with the baseline{where}; means over {seeds}; bars: {OVER_SEEDS}. Time is of training "
        f"alone. {BUSY}"
    )
    return Plot("cost", "Accuracy against time and parameters", caption, panels)


def _comparable_rows(data: StudyData, cell: Cell) -> pd.DataFrame:
    """Return the scores of the variants that are comparable with the baseline on a test, with core_seconds: 0 for one
    that is not trained.
    """
    rows = data.rows(cell)
    rows = rows[~rows["variant"].isin(not_comparable(data, cell))]
    seconds = {
        str(name): data.core_seconds(str(name)) if training_effort(data.settings[str(name)])["n_updates"] else 0.0
        for name in rows["variant"].unique()
    }
    return rows.assign(core_seconds=rows["variant"].map(seconds))


def cost_table(data: StudyData) -> ReportTable | None:
    """Return what each variant costs to train and to use; None without a run."""
    rows = {variant: data.rows(data.headline, variant) for variant in data.variants}
    rows = {
        variant: own.assign(
            **training_effort(data.settings[variant]),
            core_seconds=data.core_seconds(variant),
            n_adapted=[n_adapted(data.settings[variant], count) for count in own["n_generated"]],
        )
        for variant, own in rows.items()
        if len(own)
    }
    if not rows:
        return None
    columns = [one for one in COLUMNS if any(own[one.key].notna().any() for own in rows.values())]
    numbers = [{"variant": name, **{one.key: one.number(own) for one in columns}} for name, own in rows.items()]
    words = [
        {"variant": data.label(str(row["variant"])), **{one.header: one.words(row[one.key]) for one in columns}}
        for row in numbers
    ]
    older = OLDER if any(has_own_cnn(settings) for settings in data.settings.values()) else ""
    caption = (
        "Training images: support and query images of all training episodes, each time they are drawn. Updates: steps "
        "of the optimizer. Query losses: answers that training learns from; `train_support = each` takes several from "
        "one image. Seconds of one core: processor time of an update, without validation, times the updates. "
        f"Adapting: median time for one new episode and its queries.{older} Own weights: weights of the classifier "
        "that an episode has of its own, generated from codes or adapted. Adapted: numbers that the inner loop changes "
        f"for an episode. Times and memory are means over seeds. {BUSY}"
    )
    return ReportTable("cost", caption, pd.DataFrame(numbers), pd.DataFrame(words))
