"""Parts of captions that a search's figures share."""

import pandas as pd

from leo_bench import figures
from leo_bench.figures.accuracy_axis import CEILING
from leo_bench.report.search.data import SearchData

BELOW = " Arrowheads at the lower edge: trials below the axis, which has room for the better half."


def subtitle(data: SearchData) -> str:
    """Data set with digest, image size, shots, and that it is validation: `omniglot 5f1c0ffe, 28x28 px, ...`."""
    base = data.plan.base
    size = base["image_size"]
    return f"{data.data_name}, {size}x{size} px, {base['n_way']}-way {base['k_shot']}-shot, validation"


def n_words(data: SearchData) -> str:
    """How many trials are drawn, and the episodes behind each accuracy."""
    n = len(data.complete)
    episodes = f", {data.n_episodes:,} validation episodes each" if data.n_episodes else ""
    return f"n = {n} complete trial{'' if n == 1 else 's'}, one seed each{episodes}"


def near_ceiling(data: SearchData) -> bool:
    """Whether errors are drawn: at least half of the complete trials are above CEILING."""
    return bool(data.complete_frame["accuracy"].median() > CEILING)


def bounds_of(data: SearchData) -> tuple[float, float]:
    """Ends of the colours, the same in every figure."""
    return figures.colour_bounds(list(data.complete_frame["accuracy"]))


def colour_words(data: SearchData) -> str:
    """What a caption says where accuracies lie below the lowest colour; nothing where none does."""
    low, _ = bounds_of(data)
    return " The lowest colour is of everything below, too." if data.complete_frame["accuracy"].min() < low else ""


def below_words(data: SearchData, others: "pd.Series[float] | None" = None, share: float = figures.UPPER_SHARE) -> str:
    """What a caption says where trials lie below the axis (`accuracy_limits`); nothing where none does."""
    values = [100 * value for value in data.complete_frame["accuracy"]]
    more = [] if others is None else [100 * value for value in others.dropna()]
    low, _ = figures.accuracy_limits(values, more, near_ceiling(data), share)
    return BELOW if min([*values, *more]) < low else ""
