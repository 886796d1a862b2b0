"""Errors of the baseline by alphabet and by character."""

import pandas as pd

from leo_bench.report.table import ReportTable, percent
from leo_bench.statistics.studies.pairs import VariantScores
from leo_bench.statistics.studies.study import StudyData, cell_name

MOST, MOST_IN_FILE = 10, 100
"""Most alphabets, and most characters, that the page shows, and that the CSV file has."""
LEVELS = ("alphabet", "character")
"""Columns that group queries."""


def character_counts(data: StudyData) -> pd.DataFrame:
    """Return the queries of the headline test by character, for each run of the baseline that recorded them.

    Columns seed, alphabet, character (`Old Church Slavonic 07`), asked, missed.
    """
    rows, scores = [], VariantScores(data, data.headline, data.plan.baseline)
    for seed in scores.rows:
        run, test = scores.recorded(seed)
        for name, (asked, correct) in zip(*(run.by_character(test) or ([], [])), strict=True):
            alphabet, character = name.decode().replace("_", " ").split("/", 1)
            readable = f"{alphabet} {character.removeprefix('character')}"
            rows.append((seed, alphabet, readable, int(asked), int(asked - correct)))
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
    shown = pd.concat([level.head(MOST) for level in levels], ignore_index=True)
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
    numbers = pd.concat([level.head(MOST_IN_FILE) for level in levels], ignore_index=True)
    return ReportTable("hardest", caption, numbers, words)
