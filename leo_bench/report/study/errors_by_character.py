"""Errors of the baseline by alphabet and by character."""

from functools import partial

import pandas as pd

from leo_bench import figures
from leo_bench.report.panels import Panel, Plot
from leo_bench.report.study.captions import OVER_SEEDS, n_words, subtitle
from leo_bench.report.study.data import StudyData, cell_name
from leo_bench.report.table import ReportTable, percent

IN_FIGURE, IN_TABLE = 20, 10
"""Most alphabets, and most characters, that the figure and the page's table show; the CSV file has all."""
NOT_RECORDED = "The runs have no counts by character, so there is nothing to show here."
LEVELS = {"alphabet": "alphabets", "character": "characters"}
"""Column that groups queries -> name of the groups."""


def character_counts(data: StudyData) -> pd.DataFrame:
    """Return the queries of the headline test by character, for each run of the baseline that recorded them.

    Columns seed, alphabet, character (`Old Church Slavonic 07`), asked, missed.
    """
    rows = []
    for seed in data.rows(data.headline, data.plan.baseline)["seed"]:
        run, test = data.test(data.plan.baseline, int(seed), data.headline)
        for name, (asked, correct) in zip(*(run.by_character(test) or ([], [])), strict=True):
            alphabet, character = name.decode().replace("_", " ").split("/", 1)
            readable = f"{alphabet} {character.removeprefix('character')}"
            rows.append((int(seed), alphabet, readable, int(asked), int(asked - correct)))
    return pd.DataFrame(rows, columns=["seed", "alphabet", "character", "asked", "missed"])


def error_rates(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return error rates of groups of queries over all seeds, hardest group first.

    rows: from `character_counts`. Columns: by, asked, missed, error (fraction), share (of all missed queries).
    """
    groups = rows.groupby(by)[["asked", "missed"]].sum()
    total = max(int(groups["missed"].sum()), 1)
    frame = groups.assign(error=groups["missed"] / groups["asked"], share=groups["missed"] / total)
    return frame.sort_values(["error", "asked"], ascending=False, kind="stable").reset_index()


def character_table(data: StudyData) -> ReportTable | None:
    """Return the hardest alphabets, then the hardest characters; None if no run recorded counts by character."""
    rows = character_counts(data)
    if rows.empty:
        return None
    levels = [error_rates(rows, by).rename(columns={by: "name"}).assign(level=by) for by in LEVELS]
    shown = pd.concat([level.head(IN_TABLE) for level in levels], ignore_index=True)
    words = pd.DataFrame(
        {
            "hardest": shown["name"],
            "what": shown["level"],
            "queries": shown["asked"].map("{:,}".format),
            "error, %": shown["error"].map(percent),
            "share of all errors, %": shown["share"].map(percent),
        }
    )
    caption = (
        f"Wrong answers of {data.label(data.plan.baseline)} by what the query shows, {cell_name(data.headline)}, all "
        "seeds together. The first of a ranking look worse than they are if queries are few."
    )
    return ReportTable("hardest", caption, pd.concat(levels, ignore_index=True), words)


def ranking_words(n_shown: int, n_all: int, what: str) -> str:
    """Return `10 hardest of 242 characters`, or `All 20 alphabets, hardest first` if all are shown."""
    return f"All {n_all} {what}, hardest first" if n_shown == n_all else f"{n_shown} hardest of {n_all} {what}"


def character_plot(data: StudyData) -> Plot | None:
    """Return the figure of the baseline's error by alphabet, and of its hardest characters."""
    rows, baseline = character_counts(data), data.plan.baseline
    if rows.empty:
        return None
    overall, panels = float(rows["missed"].sum() / rows["asked"].sum()), []
    for by, what in LEVELS.items():
        whole = error_rates(rows, by)
        shown = whole.head(IN_FIGURE)
        single = rows.groupby([by, "seed"])[["asked", "missed"]].sum().reset_index(level="seed").loc[list(shown[by])]
        frame = single.assign(error=single["missed"] / single["asked"]).rename_axis("group").reset_index()
        draw = partial(figures.error_by_group, frame, data.styles[baseline], overall=overall)
        title = f"{ranking_words(len(shown), len(whole), what)}, {cell_name(data.headline)}"
        errors = zip(shown[by], shown["error"], strict=True)
        alt = f"Error of {data.label(baseline)} by {by}: " + ", ".join(
            f"{name} {percent(rate)}%" for name, rate in errors
        )
        height = 1.15 + 0.17 * len(shown)
        panels.append(Panel(draw, title, subtitle(data, baseline), height=height, alt=alt))
    caption = (
        f"Share of wrong answers by what the query shows, {data.label(baseline)} after adaptation: large "
        f"marks, means over {n_words(data.rows(data.headline, baseline))}; small: single seeds; "
        f"bars: {OVER_SEEDS}; dashed line: all queries."
    )
    return Plot("hardest", "Hardest alphabets and characters", caption, panels)
