"""Figure of training: accuracy on training and validation episodes."""

import re
from collections.abc import Mapping
from functools import partial
from itertools import pairwise

import pandas as pd

from leo_bench.figures.accuracy_axis import near_ceiling
from leo_bench.figures.learning_curves import learning_curves
from leo_bench.figures.style import LABEL_WIDTH, variant_styles
from leo_bench.report.panels import Panel, Plot, alt_text
from leo_bench.report.study.captions import OVER_SEEDS, lines_height, n_words, subtitle
from leo_bench.report.study.switches import setting_names, switch_variants
from leo_bench.report.table import percent
from leo_bench.statistics.studies.study import StudyData, not_comparable

IN_SAMPLE = "in-sample"
NOT_COMPARED = ", not compared"
"""End of the title of a panel whose variants are not compared with the baseline."""
MOST_LINES = 6
"""Variants in a panel; more are drawn in several panels, each with the baseline."""
COLUMNS = "variant seed episode accuracy part in_sample".split()


def curves_plot(data: StudyData) -> Plot | None:
    """Return the figure of accuracy in training, a panel per switch. Variants that are not comparable with the baseline
    have panels of their own."""
    frame, alone = curve_frame(data), not_comparable(data, data.headline).keys() - set(data.plan.equal_time)
    panels: list[Panel] = []
    drawn: set[str] = set()
    for switch in data.plan.switches or [""]:
        for title, variants in _lines(data, switch, set(frame["variant"]), set(alone)):
            rows = frame[frame["variant"].isin(variants)]
            if rows["episode"].nunique() < 2:
                continue
            drawn.update(variants)
            names = setting_names(data, switch, variants) if switch else {name: data.label(name) for name in variants}
            names = with_ways(names, {name: data.settings[name]["n_way"] for name in variants})
            mark = rows["in_sample"].map({True: f", {IN_SAMPLE}", False: ""})
            panels.append(_panel(data, rows.assign(label=rows["variant"].map(names) + mark), title))
    if not panels:
        return None
    ways = ", and of those of other ways" if any(data.rows(data.headline, name).empty for name in drawn) else ""
    if drawn & set(alone):
        ways += ", and in panels of their own of those that are not, such as with other batch norm"
    caption = (
        f"Accuracy while training, of variants comparable with the baseline{ways}: on validation episodes (with marks) "
        f"and on training episodes (dashed), means over {n_words(frame)}; shaded: {OVER_SEEDS}. "
        "Training episodes can have other ways and queries than validation, so a dashed line may lie below a solid "
        "one. Variants that test the same trained models have one line."
    )
    if frame["in_sample"].any():
        caption += (
            f" Dotted, {IN_SAMPLE}: this model was trained on the validation characters too (train_classes trainval), "
            "so its validation accuracy says nothing about new characters."
        )
    return Plot("curves", "Training and validation curves", caption, panels, columns=3)


def with_ways(names: Mapping[str, str], ways: Mapping[str, int]) -> dict[str, str]:
    """Return the names of lines with the ways of their episodes, if these differ and the names do not say them."""
    if len(set(ways.values())) < 2:
        return dict(names)
    tails = {name: f"{n_way}-way" for name, n_way in ways.items()}
    said = {name: re.search(rf"\b{tails[name]}", words) for name, words in names.items()}
    return {name: words if said[name] else f"{words}, {tails[name]}" for name, words in names.items()}


def _lines(data: StudyData, switch: str, trained: set[str], alone: set[str]) -> list[tuple[str, list[str]]]:
    """Return title and variants of each panel of a switch: those comparable with the baseline, then the others.

    switch: empty for all variants. trained: variants with a curve; alone: variants that are not comparable.
    """
    variants = [name for name in (switch_variants(data, switch) if switch else data.variants) if name in trained]
    beside = one_for_each_training(data, [name for name in variants if name not in alone])
    apart = one_for_each_training(data, [name for name in variants if name in alone])
    if len(beside) < min(2, len(data.plan.switches) + 1):  # the baseline by itself, which another panel has
        beside = []
    found = []
    for remark, chosen in (("", beside), (NOT_COMPARED, apart)):
        parts = in_parts(chosen, data.plan.baseline)
        for number, part in enumerate(parts, start=1):
            place = f", {number} of {len(parts)}" if len(parts) > 1 else ""
            found.append((f"{switch or 'all variants'}{remark}{place}", part))
    return [(title, part) for title, part in found if part]


def _panel(data: StudyData, rows: pd.DataFrame, title: str) -> Panel:
    """Return the panel of some variants. rows: COLUMNS and `label`."""
    last = rows[rows["episode"] == rows.groupby("variant")["episode"].transform("max")]
    last = last[last["part"] == "validation"]
    error = len(last) > 0 and near_ceiling(last)
    means = last.groupby("label", sort=False)["accuracy"].mean()
    reached = (f"{label} {percent(value)}%" for label, value in means.items())
    alt = alt_text(f"Training and validation accuracy for {title}; last validation", reached)
    draw = partial(learning_curves, rows, variant_styles(data.plan), error=error)
    height = lines_height(list(rows["label"].unique()), LABEL_WIDTH)
    return Panel(draw, title, subtitle(data, *rows["variant"].unique()), height=height, alt=alt)


def one_for_each_training(data: StudyData, variants: list[str]) -> list[str]:
    """Return the variants without those that only test the same trained models in another way."""
    seen: list[set[str]] = []
    found = []
    for name in variants:
        keys = {run.run_key for run in data.plan.runs if run.variant == name}
        if not any(keys <= others for others in seen):
            seen.append(keys)
            found.append(name)
    return found


def in_parts(variants: list[str], baseline: str) -> list[list[str]]:
    """Return the variants in parts of about the same size, each of at most MOST_LINES and with the baseline."""
    others = [name for name in variants if name != baseline]
    if len(variants) <= MOST_LINES:
        return [variants]
    own = [name for name in variants if name == baseline]
    n_parts = -(-len(others) // (MOST_LINES - len(own)))
    ends = [round(len(others) * number / n_parts) for number in range(n_parts + 1)]
    return [[*own, *others[start:end]] for start, end in pairwise(ends)]


def curve_frame(data: StudyData) -> pd.DataFrame:
    """Return training and validation curves of the runs that count: COLUMNS; in_sample of the validation."""
    rows = []
    for run in data.runs.values():
        own = run.planned
        if run.result is None:
            continue
        in_sample = own.settings["train_classes"] == "trainval"
        seen = [("training", point.episode, point.train_accuracy) for point in run.result.curve]
        seen += [("validation", point.episode, point.accuracy) for point in run.result.validation]
        rows += [(own.variant, own.seed, episode, accuracy, part, in_sample) for part, episode, accuracy in seen]
    return pd.DataFrame(rows, columns=COLUMNS)
