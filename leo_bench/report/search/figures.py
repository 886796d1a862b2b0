"""Figures of a search: importance, and accuracy against cost and against each setting."""

from functools import partial

import numpy as np

from leo_bench import figures
from leo_bench.records.search import Parameter
from leo_bench.report.panels import Panel, Plot
from leo_bench.report.search.data import SearchData, value_words
from leo_bench.report.sentences import error_words
from leo_bench.report.table import percent

COST = "multiply-adds, millions"


def all_plots(data: SearchData) -> dict[str, Plot]:
    """Return every figure that the search's files allow, by name, in the report's order."""
    plots = [importance_plot(data), settings_plot(data)]
    return {plot.name: plot for plot in plots if plot is not None}


def subtitle(data: SearchData) -> str:
    """Return data set with digest, image size and shots: `omniglot 5f1c0ffe, 28x28 px, 5-way 1-shot, validation`."""
    base = data.plan.base
    size = base["image_size"]
    return f"{data.data_name}, {size}x{size} px, {base['n_way']}-way {base['k_shot']}-shot, validation"


def importance_plot(data: SearchData) -> Plot | None:
    """Return the figure of the importance of each setting, above the planted noise."""
    frame = data.importance
    if frame.empty:
        return None
    alt = "Importance of settings for accuracy: " + ", ".join(
        f"{row['parameter']} {row['importance']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
        for row in frame.to_dict("records")
    )
    height = 1.15 + 0.24 * len(frame)
    draw = partial(figures.search_importance, frame)
    panel = Panel(draw, "Importance", subtitle(data), height=height, alt=alt)
    caption = (
        f"Share of the variance of accuracy by {frame['evaluator'].iloc[0]}, n = {frame['n_trials'].iloc[0]} complete "
        "trials: mean and 5th to 95th percentile over bootstrap resamples of the trials. Planted noise: a random "
        f"number that no run used. Shaded, up to {figures.importance_floor(frame):.2f}: the high end of its interval. "
        "Filled marks: the whole interval lies above; other settings cannot be told from noise."
    )
    return Plot("importance", "Importance for accuracy", caption, [panel])


def settings_plot(data: SearchData) -> Plot | None:
    """Return the figure of accuracy against cost if it is an objective, each setting, and the trial's number."""
    if len(data.complete) < 2 or data.best_number is None:
        return None
    best, error = data.best_number, figures.near_ceiling(data.complete.assign(variant=data.complete["number"]))
    frame, front = (
        rows.assign(trial=rows["number"], **{COST: rows["multiply_adds"] / 1e6}) for rows in (data.frame, data.front)
    )
    own = frame[frame["number"] == best].iloc[0]
    axes = [*data.space, Parameter(name="trial", low=0, high=float(frame["trial"].max()), whole=True)]
    if data.has_cost:
        axes.insert(0, Parameter(name=COST, low=float(frame[COST].min()), high=float(frame[COST].max()), log=True))
    panels = []
    for one in axes:
        shown, parts = frame[frame[one.name].notna()], data.ranges[data.ranges["parameter"] == one.name]
        parts = parts[np.isfinite(parts["mean"].astype(float))]
        at = own[one.name] if isinstance(own[one.name], str) else value_words(float(own[one.name]))
        line = front if one.name == COST else None
        draw = partial(figures.accuracy_by_parameter, shown, one, parts, best=best, front=line, error=error)
        alt = f"Accuracy against {one.name}; the best trial, {percent(own['accuracy'])}%, is at {at}"
        panels.append(Panel(draw, one.name, subtitle(data), alt=alt))
    episodes = f", {data.n_episodes:,} validation episodes each" if data.n_episodes else ""
    caption = (
        f"Accuracy on validation characters, n = {len(data.complete)} complete trials, one seed each{episodes}. Star: "
        "the best trial. Bars: mean of the trials in a part of the range, shaded by one standard error, while the "
        "other settings vary; green with the word good, orange with the word bad, if the table of parts says so. Ticks "
        "at the upper edge: pruned trials. Arrowheads at the lower edge: trials below the axis."
        + (" Line: the Pareto front of accuracy and multiply-adds to answer one episode." if data.has_cost else "")
        + error_words([error])
    )
    return Plot("settings", "Accuracy against each setting", caption, panels, 2)
