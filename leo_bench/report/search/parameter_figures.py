"""Figures of the searched parameters: importance, parts of ranges, accuracy against each and against pairs."""

from functools import partial
from itertools import combinations

from leo_bench import figures
from leo_bench.report.panels import Panel, Plot
from leo_bench.report.search.captions import below_words, bounds_of, colour_words, n_words, near_ceiling, subtitle
from leo_bench.report.search.data import SearchData
from leo_bench.report.search.tables import part_words
from leo_bench.report.sentences import error_words
from leo_bench.report.table import percent

MOST_PAIRS = 2


def importance_plot(data: SearchData) -> Plot | None:
    """Return the figure of the importance of each parameter, above the planted noise."""
    frame = data.importance
    if frame.empty:
        return None
    floor, first = figures.importance_floor(frame), frame.iloc[0]
    alt = "Importance of parameters for accuracy: " + ", ".join(
        f"{row['parameter']} {row['importance']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
        for row in frame.to_dict("records")
    )
    longest = max(len(str(name)) for name in frame["parameter"])
    panel = Panel(
        partial(figures.search_importance, frame),
        "Importance",
        subtitle(data),
        height=1.15 + 0.24 * len(frame),
        left=0.35 + 0.075 * longest,
        right=0.5,
        alt=alt,
    )
    caption = (
        f"Share of the variance of accuracy that each setting explains, by {first['evaluator']}, n = "
        f"{first['n_trials']} complete trials: mean over bootstrap resamples of the trials, bars from the 5th to the "
        "95th percentile. Shaded, up to "
        f"{floor:.2f}: the floor, the high end for a planted random number that was never used (dashed: its mean). "
        "Filled: the whole bar lies above the floor; open marks cannot be told from noise."
    )
    return Plot("importance", "Importance for accuracy", caption, [panel])


def ranges_plot(data: SearchData) -> Plot | None:
    """Return the figure of mean accuracy in each part of each range."""
    table = data.ranges[data.ranges["parameter"].isin(list(data.scales))]
    if table.empty or not data.complete:
        return None
    order = list(data.scales)
    frame = table.assign(text=[part_words(row) for row in table.to_dict("records")])
    frame = frame.sort_values("parameter", key=lambda names: names.map(order.index), kind="stable")
    overall = float(data.complete_frame["accuracy"].mean())
    verdicts = frame[frame["verdict"].isin(["good", "bad"])]
    alt = "Mean accuracy by part of each range; " + (
        ", ".join(
            f"{row['parameter']} {row['text']} {percent(row['mean'])}% {row['verdict']}"
            for row in verdicts.to_dict("records")
        )
        or "every part is open"
    )
    longest = max(len(str(text)) for text in [*frame["text"], *frame["parameter"]])
    panel = Panel(
        partial(figures.range_parts, frame, overall=overall),
        "Parts of the ranges",
        subtitle(data),
        width=4.3,
        height=1.2 + 0.19 * (len(frame) + 1.35 * frame["parameter"].nunique()),
        left=0.3 + 0.062 * longest,
        right=0.75,
        alt=alt,
    )
    caption = (
        "Mean accuracy of the complete trials in each part of a range (a quarter of it, on a log scale where it is "
        f"searched on one; of whole numbers, and of choices, one a group), bars: one standard error; {n_words(data)}, "
        f"of which each part has the number on the right. Dashed: the mean of all, {percent(overall)}%. Filled green "
        "circles: good, filled orange squares: bad (Welch's t test against the trials elsewhere, Holm's p over all "
        "parts below 0.05); open diamonds: open. The sampler prefers settings with high accuracy, so this is a "
        "description, not a proof."
    )
    return Plot("ranges", "Which part of each range is good", caption, [panel])


def slices_plot(data: SearchData) -> Plot | None:
    """Return the figure of accuracy against each parameter."""
    if len(data.complete) < 2 or data.best_number is None:
        return None
    frame, best, error = data.frame, data.best_number, near_ceiling(data)
    own = frame[frame["number"] == best].iloc[0]
    panels = []
    for name, scale in data.scales.items():
        shown = frame[frame[name].notna()]
        value = scale.words(own[name])
        alt = f"Accuracy against {name}, a point a trial; the best, {percent(own['accuracy'])}%, at {value}"
        panels.append(
            Panel(
                partial(figures.accuracy_slice, shown, scale, best=best, error=error),
                name,
                subtitle(data),
                right=0.25,
                alt=alt,
            )
        )
    caption = (
        f"Accuracy on validation characters against each searched setting; the others vary too: {n_words(data)}; "
        "star: the best."
        + (" Ticks at the upper edge: settings of pruned trials." if data.counts["pruned"] else "")
        + below_words(data)
        + error_words([error])
    )
    columns = 2 if len(panels) in (2, 4) else 3
    return Plot("slices", "Accuracy against each setting", caption, panels, columns)


def part_edges(data: SearchData, name: str) -> list[float] | None:
    """Return the edges of a parameter's parts on its axis, n + 1 places in order; None if the analysis lacks them."""
    scale = data.scales[name]
    if scale.choices:
        return [index - 0.5 for index in range(len(scale.choices) + 1)]
    rows = data.ranges[data.ranges["parameter"] == name].sort_values("low")
    if rows.empty:
        return None
    lows, highs, room = list(rows["low"]), list(rows["high"]), 0.5 if scale.whole else 0.0
    between = [(high + low) / 2 for high, low in zip(highs[:-1], lows[1:], strict=True)]
    return [lows[0] - room, *between, highs[-1] + room]


def maps_plot(data: SearchData) -> Plot | None:
    """Return the figure of accuracy over the pairs of parameters that are most important together."""
    if len(data.complete) < 2 or data.best_number is None or data.importance.empty:
        return None
    frame, bounds = data.complete_frame, bounds_of(data)
    importance = dict(zip(data.importance["parameter"], data.importance["importance"], strict=True))
    edges = {name: found for name in data.scales if (found := part_edges(data, name)) is not None}
    pairs = sorted(
        combinations([name for name in data.scales if name in edges and name in importance], 2),
        key=lambda pair: -sum(importance[name] for name in pair),
    )
    panels = []
    for x, y in pairs[:MOST_PAIRS]:
        scales = (data.scales[x], data.scales[y])
        own = frame[frame["number"] == data.best_number].iloc[0]
        at = " and ".join(f"{scale.name} {scale.words(own[scale.name])}" for scale in scales)
        panels.append(
            Panel(
                partial(
                    figures.accuracy_map, frame, scales, (edges[x], edges[y]), bounds=bounds, best=data.best_number
                ),
                f"{x} and {y}",
                subtitle(data),
                height=3.1,
                left=0.4 + 0.075 * max(len(text) for _, text in scales[1].ticks()),
                right=0.95,
                alt=f"Accuracy over {x} and {y}, a point a trial over cells with their means; the best at {at}",
            )
        )
    if not panels:
        return None
    caption = (
        f"Accuracy over the {'pair' if len(panels) == 1 else 'two pairs'} of settings with the highest importance "
        f"together, {n_words(data)}. Each trial is a point in the colour of its accuracy, the best a star; below them "
        "each cell, a part of one range by a part of the other, in the colour of its trials' mean. A cell has few "
        "trials, so its colour is uncertain; cells without trials are left open. The other settings vary."
        + colour_words(data)
    )
    return Plot("maps", "Accuracy over two settings", caption, panels)


def parallel_plot(data: SearchData) -> Plot | None:
    """Return the figure of all settings of every complete trial."""
    if len(data.complete) < 2 or data.best_number is None:
        return None
    frame, scales = data.complete_frame, list(data.scales.values())
    if data.has_cost:
        costs = frame["multiply_adds"] / 1e6
        frame = frame.assign(cost=costs).rename(columns={"cost": "multiply-adds, millions"})
        scales.append(
            figures.Scale(
                "multiply-adds, millions", float(costs.min()), float(costs.max()), log=costs.max() > costs.min()
            )
        )
    own = frame[frame["number"] == data.best_number].iloc[0]
    at = ", ".join(f"{scale.name} {scale.words(own[scale.name])}" for scale in scales)
    alt = f"One line a complete trial through its settings to its accuracy; the best, {percent(own['accuracy'])}%: {at}"
    panel = Panel(
        partial(figures.parallel_coordinates, frame, scales, bounds=bounds_of(data), best=data.best_number),
        "All settings of each trial",
        subtitle(data),
        width=4.2,
        height=0.9 + 0.62 * (len(scales) + 1),
        left=0.25,
        right=0.25,
        top=0.5,
        bottom=0.08,
        alt=alt,
    )
    caption = (
        f"Parallel coordinates: one line a complete trial, through its settings from top to bottom to its accuracy, "
        f"{n_words(data)}. Colours: accuracy, as on the lowest axis; heavy, with a star: the best."
        + (" Lines of one choice are spread so that they can be seen." if any(s.choices for s in scales) else "")
        + colour_words(data)
    )
    return Plot("parallel", "All settings of each trial", caption, [panel])
