"""Figures of the trials: accuracy by trial, validation curves, and the Pareto front."""

from functools import partial

import pandas as pd

from leo_bench import figures
from leo_bench.report.panels import Panel, Plot
from leo_bench.report.search.captions import below_words, bounds_of, colour_words, n_words, near_ceiling, subtitle
from leo_bench.report.search.data import SearchData, millions
from leo_bench.report.sentences import error_words
from leo_bench.report.table import percent


def history_plot(data: SearchData) -> Plot | None:
    """Return the figure of accuracy by trial, and the best so far."""
    if data.best_number is None:
        return None
    frame, best = data.frame, data.best_number
    pruned = frame[frame["state"] == "pruned"]
    accuracy = data.complete_frame.set_index("number")["accuracy"]
    rises = accuracy[accuracy > accuracy.cummax().shift(fill_value=-1.0)]
    alt = f"Accuracy by trial; the best so far rises to {percent(accuracy.max())}% in trial {best}: " + ", ".join(
        f"trial {number} {percent(value)}%" for number, value in rises.items()
    )
    error = near_ceiling(data)
    panel = Panel(
        partial(figures.search_history, frame, best=best, error=error),
        "Best so far",
        subtitle(data),
        right=1.15,
        alt=alt,
    )
    states = "".join(f"; {data.counts[state]} {state}" for state in ("pruned", "failed") if data.counts[state])
    caption = (
        f"Accuracy on validation characters by trial number: {n_words(data)}{states}. Line: the "
        "best so far."
        + (" Crosses: pruned trials at their last accuracy." if len(pruned) else "")
        + (" Ticks at the lower edge: failed trials." if data.counts["failed"] else "")
        + below_words(data, pruned["last"], figures.HISTORY_SHARE)
        + error_words([error])
    )
    return Plot("history", "Accuracy by trial", caption, [panel])


def curve_frame(data: SearchData) -> pd.DataFrame:
    """Return the accuracies that trials reported in training: columns number, state, episode, accuracy, final."""
    rows = []
    for trial in data.trials.trials:
        final = trial.values[0] if trial.state == "complete" and trial.values else float("nan")
        rows += [
            {"number": trial.number, "state": trial.state, "episode": episode, "accuracy": accuracy, "final": final}
            for episode, accuracy in trial.curve
        ]
    return pd.DataFrame(rows, columns=["number", "state", "episode", "accuracy", "final"])


def curves_plot(data: SearchData) -> Plot | None:
    """Return the figure of every trial's validation accuracy in training."""
    frame = curve_frame(data)
    if frame["episode"].nunique() < 2:
        return None
    shown = frame.drop_duplicates("number")["state"].value_counts()
    ended = frame.groupby("number").last()
    pruned = ended[ended["state"] == "pruned"]
    error = bool(data.complete) and near_ceiling(data)
    alt = f"Validation accuracy in training of {int(shown.sum())} trials"
    if data.best_number in ended.index:
        at_end = ended["accuracy"].to_dict()[data.best_number]
        alt += f"; the best, trial {data.best_number}, ends at {percent(at_end)}%"
    if len(pruned):
        alt += (
            f"; {len(pruned)} pruned after {pruned['episode'].min():,} to {pruned['episode'].max():,} episodes at "
            f"{percent(pruned['accuracy'].min())} to {percent(pruned['accuracy'].max())}%"
        )
    bounds = bounds_of(data) if data.complete else None
    panel = Panel(
        partial(figures.trial_curves, frame, best=data.best_number, bounds=bounds, error=error),
        "Validation accuracy in training",
        subtitle(data),
        height=3.1,
        right=0.95,
        alt=alt,
    )
    counted = ", ".join(f"{count} {state}" for state, count in shown.items())
    caption = (
        f"Validation accuracy in training: n = {counted}. Solid: complete trials, coloured "
        "by their final accuracy; heavy, with a star: the best."
        + (" Dashed, ending in a cross: pruned." if len(pruned) else "")
        + (" Dashed, ending in a tick: failed." if shown.get("failed") else "")
        + (" Dashed, open: not ended." if shown.get("running") else "")
        + (colour_words(data) if data.complete else "")
        + error_words([error])
    )
    return Plot("curves", "Validation curves", caption, [panel])


def front_plot(data: SearchData) -> Plot | None:
    """Return the figure of accuracy against multiply-adds, with the Pareto front."""
    if not data.has_cost or not data.complete:
        return None
    frame = data.complete_frame
    front = data.front
    frame = frame.assign(on_front=frame["number"].isin(front["number"]))
    labels = {} if data.study is None else data.study.plan.labels
    chosen = {
        choice.number: f"trial {choice.number}, {labels.get(choice.variant, choice.variant)}" for choice in data.choices
    }
    error = near_ceiling(data)
    alt = f"Accuracy against multiply-adds of {len(frame)} trials; on the Pareto front: " + ", ".join(
        f"trial {row['number']} {percent(row['accuracy'])}% at {millions(row['multiply_adds'])}"
        for row in front.to_dict("records")
    )
    panel = Panel(
        partial(figures.search_front, frame, chosen=chosen, error=error),
        "Accuracy against cost",
        subtitle(data),
        height=3.1,
        right=1.45,
        alt=alt,
    )
    caption = (
        f"Accuracy on validation characters against multiply-adds to answer one episode (log scale), "
        f"{n_words(data)}. Line and blue marks: the Pareto front, {len(front)} trials. Each is one "
        "seed, so a place on the front is no verdict."
        + (" Named in the key: trials measured on test." if chosen else "")
        + below_words(data)
        + error_words([error])
    )
    return Plot("front", "The Pareto front", caption, [panel])
