"""Parts of captions: data, number of runs, kind of interval; and the groups of variants that share a panel."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pandas as pd
from matplotlib.axes import Axes

from leo_bench.figures import LEAST_SEEDS, interval_is_cut
from leo_bench.report.panels import Panel
from leo_bench.report.study.data import Cell, StudyData, not_comparable
from leo_bench.report.study.switches import setting_names, switch_variants


def subtitle(data: StudyData, *variants: str) -> str:
    """Return data set with digest, image size and shots of the variants drawn: `omniglot 5f1c0ffe, 28 px, 1-shot`."""
    chosen = [data.settings[name] for name in variants or data.variants if name in data.settings]
    sizes = "/".join(str(size) for size in sorted({int(settings["image_size"]) for settings in chosen}))
    shots = "/".join(str(shot) for shot in sorted({int(settings["k_shot"]) for settings in chosen}))
    return f"{data.data_name()}, {sizes} px, {shots}-shot"


def n_words(rows: pd.DataFrame) -> str:
    """Return the number of runs behind each mean: `3 seeds`, `2 to 3 seeds`."""
    counts = rows.groupby("variant")["seed"].nunique()
    few, many = int(counts.min()), int(counts.max())
    return f"{few} seed{'s' if few > 1 else ''}" if few == many else f"{few} to {many} seeds"


def interval_caption(rows: pd.DataFrame) -> str:
    """Return n and the kind of interval."""
    counts = rows.groupby("variant")["seed"].nunique()
    dotted = "; dotted, with one seed: over its test episodes" if counts.min() < 2 else ""
    interval = (
        "one seed each: dotted bars are 95% intervals over the test episodes of one model, not over seeds"
        if counts.max() < 2
        else over_seeds(rows, "bars") + dotted
    )
    return f"n = {n_words(rows)} per setting, {episode_words(rows)}; {interval}"


def over_seeds(rows: pd.DataFrame, drawn: str) -> str:
    """Return how intervals over seeds are drawn, or why there are none. drawn: `bars`, `shaded`."""
    counts = rows.groupby("variant")["seed"].nunique()
    if counts.max() < LEAST_SEEDS:
        return f"no interval over seeds below {LEAST_SEEDS} seeds"
    some = f", where there are at least {LEAST_SEEDS}" if counts.min() < LEAST_SEEDS else ""
    return f"{drawn}: 95% t interval over seeds{some}"


def cut_words(rows: pd.DataFrame, by: list[str], value: str = "accuracy") -> str:
    """Return the caption's sentence on intervals cut at 0 or 100%; empty if none is. by: columns that identify
    a mean.
    """
    cut = rows.groupby(by)[value].agg(interval_is_cut).astype(bool).any()
    return " An interval that extends beyond 0 or 100% is cut there." if cut else ""


def episode_words(rows: pd.DataFrame) -> str:
    """Return `1,000 test episodes each`."""
    return f"{', '.join(f'{n:,}' for n in sorted(rows['n_test_episodes'].unique()))} test episodes each"


@dataclass(frozen=True)
class VariantGroup:
    """Variants that share a panel."""

    title: str
    switch: str
    variants: list[str]


def variant_groups(data: StudyData) -> list[VariantGroup]:
    """Return a group per switch: its variants that have a run and are comparable with the baseline.

    A variant measured under other conditions has a group of its own. Without switches there is one group of all
    variants.
    """
    done, alone = set(data.scores["variant"]), not_comparable(data, data.headline)
    found = []
    for switch in data.plan.switches:
        variants = [name for name in switch_variants(data, switch) if name in done]
        together = [name for name in variants if name not in alone]
        if len(together) > 1:
            found.append(VariantGroup(switch, switch, together))
        found += [VariantGroup(f"{data.label(name)}, alone", switch, [name]) for name in variants if name in alone]
    rest = [name for name in data.variants if name in done and name not in alone]
    return found or [VariantGroup("all variants", "", rest)]


def rows_of(data: StudyData, frame: pd.DataFrame, group: VariantGroup) -> pd.DataFrame:
    """Return the group's rows of a frame, each variant labelled by its setting, as on the axis of its switch."""
    rows = frame[frame["variant"].isin(group.variants)]
    if not group.switch:
        return rows
    return rows.assign(label=rows["variant"].map(setting_names(data, group.switch, group.variants)))


def lines_height(n_lines: int) -> float:
    """Return the height in inches of a panel whose lines are labelled at their ends, so that the labels fit."""
    return max(2.75, 1.0 + 0.125 * n_lines)


def lines_panel(
    data: StudyData,
    group: VariantGroup,
    rows: pd.DataFrame,
    title: str,
    draw: Callable[..., Axes],
    error: bool,
    alt: str,
) -> Panel:
    """Return a panel of lines that are labelled at their ends, one per variant of the group."""
    return Panel(
        partial(draw, rows, data.styles, error=error),
        title,
        subtitle(data, *group.variants),
        height=lines_height(rows["variant"].nunique()),
        right=1.1,
        alt=alt,
    )


def headline_and_hardest(data: StudyData) -> list[Cell]:
    """Return the headline test, and the mixed test with most ways."""
    return list(dict.fromkeys([data.headline, *[cell for cell in data.cells if cell[1] == "mixed"][-1:]]))
