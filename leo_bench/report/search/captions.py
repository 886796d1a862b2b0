"""Parts of captions that a search's figures share."""

import pandas as pd

from leo_bench import figures
from leo_bench.figures.accuracy_axis import CEILING
from leo_bench.report.search.data import SearchData

BELOW = " Arrowheads at the lower edge: trials below the axis."


def subtitle(data: SearchData) -> str:
    """Return data set with digest, image size and shots: `omniglot 5f1c0ffe, 28x28 px, 5-way 1-shot, validation`."""
    base = data.plan.base
    size = base["image_size"]
    return f"{data.data_name}, {size}x{size} px, {base['n_way']}-way {base['k_shot']}-shot, validation"


def n_words(data: SearchData) -> str:
    """Return the number of trials drawn, and of validation episodes behind each accuracy."""
    n = len(data.complete)
    episodes = f", {data.n_episodes:,} validation episodes each" if data.n_episodes else ""
    return f"n = {n} complete trial{'' if n == 1 else 's'}, one seed each{episodes}"


def near_ceiling(data: SearchData) -> bool:
    """Return True if at least half of the complete trials are above CEILING, so that errors are drawn."""
    return bool(data.complete_frame["accuracy"].median() > CEILING)


def bounds_of(data: SearchData) -> tuple[float, float]:
    """Return the accuracies at the ends of the colour scale, the same in every figure."""
    return figures.colour_bounds(list(data.complete_frame["accuracy"]))


def colour_words(data: SearchData) -> str:
    """Return the caption's sentence on accuracies below the lowest colour; empty if there are none."""
    low, _ = bounds_of(data)
    return " The lowest colour also stands for everything below." if data.complete_frame["accuracy"].min() < low else ""


def below_words(data: SearchData, others: "pd.Series[float] | None" = None, share: float = figures.UPPER_SHARE) -> str:
    """Return the caption's sentence on trials below the axis (`accuracy_limits`); empty if there are none."""
    values = [100 * value for value in data.complete_frame["accuracy"]]
    more = [] if others is None else [100 * value for value in others.dropna()]
    low, _ = figures.accuracy_limits(values, more, near_ceiling(data), share)
    return BELOW if min([*values, *more]) < low else ""
