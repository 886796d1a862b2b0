"""Figure of a search: the importance of its settings."""

from functools import partial

from leo_bench.figures.importance import importance_floor, search_importance
from leo_bench.report.panels import Panel, Plot, alt_text
from leo_bench.report.search.data import SearchData


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
    shares = (
        f"{row['parameter']} {row['importance']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
        for row in frame.to_dict("records")
    )
    alt = alt_text("Importance of settings for accuracy", shares)
    height = 1.15 + 0.24 * len(frame)
    draw = partial(search_importance, frame)
    panel = Panel(draw, "Importance", subtitle(data), height=height, alt=alt)
    caption = (
        f"Share of the variance of accuracy by {frame['evaluator'].iloc[0]}, n = {frame['n_trials'].iloc[0]} complete "
        "trials: mean and 5th to 95th percentile over bootstrap resamples of the trials. Planted noise: a random "
        f"number that no run used. Shaded, up to {importance_floor(frame):.2f}: the high end of its interval. "
        "Filled marks: the whole interval lies above; other settings cannot be told from noise."
    )
    return Plot("importance", "Importance for accuracy", caption, [panel])
