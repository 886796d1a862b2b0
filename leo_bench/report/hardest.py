"""Which alphabets and characters are missed most, and whether all variants miss the same: from counts by character."""

from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from leo_bench import figures
from leo_bench.report.captions import Plot, n_words, subtitle
from leo_bench.report.drawing import Panel
from leo_bench.report.gather import StudyData, apart, cell_name
from leo_bench.report.tables import NONE, Table, percent

MOST = 10
NOT_RECORDED = "The runs do not record which characters were asked and answered, so there is nothing to show here."
LEVELS = {"alphabet": "alphabets", "name": "characters"}
"""Column that groups queries -> what the groups are called."""


def counts(data: StudyData, variant: str) -> pd.DataFrame:
    """Queries of the headline test by character, of each run of a variant that recorded them: columns seed, alphabet,
    name (`Alphabet/character07`), asked, correct, missed.
    """
    found = []
    for seed in data.rows(data.headline, variant)["seed"]:
        run, test = data.test(variant, int(seed), data.headline)
        frame = run.by_character(test)
        if frame is not None:
            found.append(frame.assign(seed=int(seed), name=frame["alphabet"] + "/" + frame["character"]))
    if not found:
        return pd.DataFrame(columns=["seed", "alphabet", "name", "asked", "correct", "missed"])
    whole = pd.concat(found, ignore_index=True)
    return whole.assign(missed=whole["asked"] - whole["correct"])


def hardest(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    """Groups of queries, hardest first, over all seeds together: columns by, asked, missed, error (fraction), share (of
    all missed queries), least and most (error of a single seed). rows: as `counts` gives them.
    """
    groups = rows.groupby(by)[["asked", "missed"]].sum()
    single = rows.groupby([by, "seed"])[["asked", "missed"]].sum()
    errors = (single["missed"] / single["asked"]).groupby(level=by)
    total = max(int(groups["missed"].sum()), 1)
    frame = groups.assign(
        error=groups["missed"] / groups["asked"],
        share=groups["missed"] / total,
        least=errors.min(),
        most=errors.max(),
    )
    return frame.sort_values(["error", "asked"], ascending=False, kind="stable").reset_index()


def hardest_tables(data: StudyData) -> list[Table]:
    """The baseline's hardest alphabets and characters, and how alike the variants are in what they miss.

    Nothing where no run of the baseline recorded it.
    """
    rows = counts(data, data.plan.baseline)
    if rows.empty:
        return []
    return [*(_hardest_table(data, rows, by) for by in LEVELS), agreement_table(data, rows)]


def _hardest_table(data: StudyData, rows: pd.DataFrame, by: str) -> Table:
    whole = hardest(rows, by)
    shown = whole.head(MOST)
    what = LEVELS[by]
    words = pd.DataFrame(
        {
            what[:-1]: _names(shown[by]),
            "queries": [f"{n:,}" for n in shown["asked"]],
            "error, %": [percent(value) for value in shown["error"]],
            "single seeds, %": [
                f"{percent(low)} to {percent(high)}" for low, high in zip(shown["least"], shown["most"], strict=True)
            ],
            "share of all errors, %": [percent(value) for value in shown["share"]],
        }
    )
    n_seeds = rows["seed"].nunique()
    caption = (
        f"Hardest {len(shown)} of {len(whole)} {what} for {data.label(data.plan.baseline)}, "
        f"{cell_name(data.headline)}, {n_seeds} seed{'s' if n_seeds > 1 else ''} together: "
        f"{percent(shown['share'].sum())}% of all errors in {percent(shown['asked'].sum() / rows['asked'].sum())}% of "
        "the queries. The first of a ranking look worse than they are where queries are few."
    )
    return Table(f"hardest-{what}", caption, whole.rename(columns={"name": "character"}), words)


def agreement_table(data: StudyData, rows: pd.DataFrame) -> Table:
    """Rank correlation over characters of error rates: each variant with the baseline, seed by seed; and of the
    baseline's own seeds with each other, which is as much as chance lets one expect.
    """
    errors = _error_table(rows)
    numbers = []
    own = [_rank_correlation(errors[a], errors[b]) for a, b in combinations(errors, 2)]
    if own:
        numbers.append(_agreement(data, data.plan.baseline, "its own other seeds", own))
    alone = apart(data, data.headline)
    for variant in data.variants:
        other = counts(data, variant)
        if variant == data.plan.baseline or variant in alone or other.empty:
            continue
        theirs = _error_table(other)
        found = [_rank_correlation(errors[seed], theirs[seed]) for seed in errors if seed in theirs]
        if found:
            numbers.append(_agreement(data, variant, "the baseline, same seed", found))
    frame = pd.DataFrame(numbers, columns=["variant", "label", "with", "n_pairs", "correlation", "least", "most"])
    words = [
        {
            "variant": row["label"],
            "with": row["with"],
            "pairs": str(row["n_pairs"]),
            "rank correlation": NONE if np.isnan(row["correlation"]) else f"{row['correlation']:.2f}",
            "lowest to highest": f"{row['least']:.2f} to {row['most']:.2f}" if row["n_pairs"] > 1 else NONE,
        }
        for row in frame.to_dict("records")
    ]
    caption = (
        "Are the same characters hard for every variant? Spearman's rank correlation of error rates over characters, "
        f"{cell_name(data.headline)}, mean over pairs of runs; 1: the same order."
    )
    return Table("hardest-agreement", caption, frame, pd.DataFrame(words))


def _agreement(data: StudyData, variant: str, other: str, found: list[float]) -> dict[str, object]:
    return {
        "variant": variant,
        "label": data.label(variant),
        "with": other,
        "n_pairs": len(found),
        "correlation": float(np.mean(found)),
        "least": min(found),
        "most": max(found),
    }


def _error_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Error rate of each character (row) in each seed (column); NaN where it was never asked."""
    return rows.assign(error=rows["missed"] / rows["asked"]).pivot(index="name", columns="seed", values="error")


def _rank_correlation(a: "pd.Series[float]", b: "pd.Series[float]") -> float:
    """Spearman's correlation over what both have; NaN where one of them is constant."""
    both = pd.concat([a, b], axis=1, join="inner").dropna()
    if len(both) < 3 or both.nunique().min() < 2:
        return np.nan
    return float(stats.spearmanr(both.iloc[:, 0], both.iloc[:, 1]).statistic)


def hardest_plot(data: StudyData) -> Plot | None:
    """The baseline's error by alphabet, and of its hardest characters."""
    rows = counts(data, data.plan.baseline)
    if rows.empty:
        return None
    overall = float(rows["missed"].sum() / rows["asked"].sum())
    panels = []
    for by, what in LEVELS.items():
        order = hardest(rows, by).head(2 * MOST)
        single = rows.groupby([by, "seed"])[["asked", "missed"]].sum().reset_index()
        single = single.assign(error=single["missed"] / single["asked"])
        single = single[single[by].isin(order[by])].set_index(by).loc[list(order[by])].reset_index()
        frame = pd.DataFrame({"group": _names(single[by]), "seed": single["seed"], "error": single["error"]})
        longest = max(len(name) for name in frame["group"])
        alt = f"Error of {data.label(data.plan.baseline)} by {what[:-1]}, hardest first: " + ", ".join(
            f"{name} {percent(error)}%" for name, error in zip(_names(order[by]), order["error"], strict=True)
        )
        draw = partial(figures.error_by_group, frame, data.styles[data.plan.baseline], overall=overall)
        panels.append(
            Panel(
                draw,
                f"{len(order)} hardest {what}, {cell_name(data.headline)}",
                subtitle(data, data.plan.baseline),
                height=1.15 + 0.17 * len(order),
                left=min(0.3 + 0.071 * longest, 2.3),
                right=0.5,
                alt=alt,
            )
        )
    caption = (
        f"Share of wrong answers by what the query shows, {data.label(data.plan.baseline)} after adaptation: large "
        f"marks, means over {n_words(data.rows(data.headline, data.plan.baseline))}; small: single seeds; bars: 95% t "
        "interval over seeds; dashed line: all queries."
    )
    return Plot("hardest", "Hardest alphabets and characters", caption, panels)


def _names(values: "pd.Series[str]") -> list[str]:
    """Names for reading: `Old Church Slavonic 07` for Old_Church_Slavonic/character07."""
    return [str(value).replace("_", " ").replace("/character", " ").replace("/", " ") for value in values]
