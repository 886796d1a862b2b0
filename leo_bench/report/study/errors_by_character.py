"""Errors by alphabet and by character, and whether variants agree in them."""

from functools import partial

import numpy as np
import pandas as pd

from leo_bench import figures
from leo_bench.report.panels import Panel, Plot
from leo_bench.report.study.captions import cut_words, n_words, over_seeds, subtitle
from leo_bench.report.study.data import StudyData, cell_name, not_comparable
from leo_bench.report.table import NONE, ReportTable, percent

MOST = 10
NOT_RECORDED = "The runs have no counts by character, so there is nothing to show here."
AGREEMENT_COLUMNS = "variant label n_other_seeds other_seeds least most n_same_seed same_seed".split()
LEVELS = {"alphabet": "alphabets", "name": "characters"}
"""Column that groups queries -> name of the groups."""


def character_counts(data: StudyData, variant: str) -> pd.DataFrame:
    """Return the headline test's queries by character, for each run of a variant that recorded them.

    Columns seed, name (`Alphabet/character07`), asked, correct, missed.
    """
    seeds = [int(seed) for seed in data.rows(data.headline, variant)["seed"]]
    tests = [(seed, *data.test(variant, seed, data.headline)) for seed in seeds]
    found = [(seed, *one) for seed, run, test in tests if (one := run.by_character(test)) is not None]
    if not found:
        return pd.DataFrame(columns=["seed", "name", "asked", "correct", "missed"])
    names, counts = (np.concatenate(column) for column in list(zip(*found, strict=True))[1:])
    frame = pd.DataFrame(counts, columns=["asked", "correct"])
    frame["seed"] = np.repeat([seed for seed, *_ in found], [len(own) for _, own, _ in found])
    frame["name"] = np.char.decode(names)
    return frame.assign(missed=frame["asked"] - frame["correct"])


def _with_alphabets(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(alphabet=[name.split("/", 1)[0] for name in rows["name"]])


def error_rates(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return error rates of groups of queries over all seeds, hardest group first.

    rows: from `character_counts`. Columns: by, asked, missed, error (fraction), share (of all missed queries), least
    and most (error of a single seed).
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


def character_tables(data: StudyData) -> list[ReportTable]:
    """Return the baseline's hardest alphabets and characters, and how far variants agree in their errors.

    Empty if no run of the baseline recorded counts by character.
    """
    rows = _with_alphabets(character_counts(data, data.plan.baseline))
    if rows.empty:
        return []
    return [*(_character_table(data, rows, by) for by in LEVELS), agreement_table(data, rows)]


def _character_table(data: StudyData, rows: pd.DataFrame, by: str) -> ReportTable:
    whole = error_rates(rows, by)
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
        f"{ranking_words(len(shown), len(whole), what).capitalize()}, for {data.label(data.plan.baseline)}, "
        f"{cell_name(data.headline)}, {n_seeds} seed{'s' if n_seeds > 1 else ''} together: "
        f"{percent(shown['share'].sum())}% of all errors in {percent(shown['asked'].sum() / rows['asked'].sum())}% of "
        "the queries. The first of a ranking look worse than they are if queries are few."
    )
    return ReportTable(f"hardest-{what}", caption, whole.rename(columns={"name": "character"}), words)


def ranking_words(n_shown: int, n_all: int, what: str) -> str:
    """Return `10 hardest of 242 characters`, or `all 20 alphabets, hardest first` if all are shown."""
    return f"all {n_all} {what}, hardest first" if n_shown == n_all else f"{n_shown} hardest of {n_all} {what}"


def agreement_table(data: StudyData, rows: pd.DataFrame) -> ReportTable:
    """Return rank correlations of error rates over characters, between each variant's runs and the baseline's.

    Runs of other seeds and of the same seed are kept apart. The reference for other seeds is the correlation among the
    baseline's own seeds: two runs of one method that share no seed.
    """
    own, base = _ranks(rows), data.plan.baseline
    pairs = _correlations(own, own)
    upper = np.triu(np.ones(pairs.shape, bool), k=1)
    numbers = [_agreement(data, base, pairs.to_numpy()[upper], np.empty(0))] if upper.any() else []
    alone = not_comparable(data, data.headline)
    for variant in data.variants:
        if variant == base or variant in alone:
            continue
        theirs = character_counts(data, variant)
        if not theirs.empty:
            pairs = _correlations(own, _ranks(theirs))
            same = np.equal.outer(pairs.index.to_numpy(), pairs.columns.to_numpy())
            numbers.append(_agreement(data, variant, pairs.to_numpy()[~same], pairs.to_numpy()[same]))
    frame = pd.DataFrame(numbers, columns=AGREEMENT_COLUMNS)
    words = [
        {
            "variant": row["label"],
            "other seeds": _correlation_words(row["other_seeds"]),
            "lowest to highest": f"{row['least']:.2f} to {row['most']:.2f}" if row["n_other_seeds"] > 1 else NONE,
            "same seed": _correlation_words(row["same_seed"]),
            "pairs": f"{row['n_other_seeds']} and {row['n_same_seed']}",
        }
        for row in frame.to_dict("records")
    ]
    label = data.label(base)
    caption = (
        "Are the same characters hard for every variant? Spearman's rank correlation of error rates over characters, "
        f"{cell_name(data.headline)}, mean over pairs of runs, one of the variant, one of {label}; 1: the same order. "
        f"Compare the column of other seeds with the row of {label}, its own seeds among each other. Runs of the same "
        "seed share initial weights and episodes, so they may agree more for that reason. Pairs: of other seeds and of "
        f'the same seed. "{NONE}": no such pair, or equal error rates.'
    )
    return ReportTable("hardest-agreement", caption, frame, pd.DataFrame(words))


def _agreement(data: StudyData, variant: str, other: np.ndarray, same: np.ndarray) -> dict[str, object]:
    """Return a row of AGREEMENT_COLUMNS from the correlations of pairs of other seeds and of the same seed."""
    return {
        "variant": variant,
        "label": data.label(variant),
        "n_other_seeds": len(other),
        "other_seeds": other.mean() if len(other) else np.nan,
        "least": other.min() if len(other) else np.nan,
        "most": other.max() if len(other) else np.nan,
        "n_same_seed": len(same),
        "same_seed": same.mean() if len(same) else np.nan,
    }


def _correlation_words(value: float) -> str:
    return NONE if np.isnan(value) else f"{value:.2f}"


def _ranks(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the ranks of characters (rows) by their error rate with each seed (columns), centred, of length 1.

    rows: from `character_counts`. NaN in the column of a seed whose error rates are all equal. The dot product of two
    columns is Spearman's rank correlation.
    """
    errors = rows.assign(error=rows["missed"] / rows["asked"]).pivot(index="name", columns="seed", values="error")
    ranks = errors.rank()
    centred = ranks - ranks.mean()
    length = np.sqrt((centred**2).sum())
    return centred / length.where(length > 0)


def _correlations(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Return the correlation of each seed of a (rows) with each of b (columns), over the characters of `_ranks`.

    Compared tests have the same episodes, so both ask the same characters.
    """
    return a.T @ b.reindex(a.index)


def character_plot(data: StudyData) -> Plot | None:
    """Return the figure of the baseline's error by alphabet, and of its hardest characters."""
    rows = _with_alphabets(character_counts(data, data.plan.baseline))
    if rows.empty:
        return None
    overall = float(rows["missed"].sum() / rows["asked"].sum())
    panels, singles = [], []
    for by, what in LEVELS.items():
        whole = error_rates(rows, by)
        order = whole.head(2 * MOST)
        single = rows.groupby([by, "seed"])[["asked", "missed"]].sum().reset_index()
        single = single.assign(error=single["missed"] / single["asked"])
        single = single[single[by].isin(order[by])].set_index(by).loc[list(order[by])].reset_index()
        frame = pd.DataFrame({"group": _names(single[by]), "seed": single["seed"], "error": single["error"]})
        singles.append(frame)
        alt = f"Error of {data.label(data.plan.baseline)} by {what[:-1]}, hardest first: " + ", ".join(
            f"{name} {percent(error)}%" for name, error in zip(_names(order[by]), order["error"], strict=True)
        )
        draw = partial(figures.error_by_group, frame, data.styles[data.plan.baseline], overall=overall)
        panels.append(
            Panel(
                draw,
                f"{ranking_words(len(order), len(whole), what).capitalize()}, {cell_name(data.headline)}",
                subtitle(data, data.plan.baseline),
                height=1.15 + 0.17 * len(order),
                alt=alt,
            )
        )
    caption = (
        f"Share of wrong answers by what the query shows, {data.label(data.plan.baseline)} after adaptation: large "
        f"marks, means over {n_words(data.rows(data.headline, data.plan.baseline))}; small: single seeds; "
        f"{over_seeds(rows.assign(variant=data.plan.baseline), 'bars')}; dashed line: all queries."
        f"{cut_words(pd.concat(singles), ['group'], 'error')}"
    )
    return Plot("hardest", "Hardest alphabets and characters", caption, panels)


def _names(values: "pd.Series[str]") -> list[str]:
    """Return readable names: `Old Church Slavonic 07` for Old_Church_Slavonic/character07."""
    return [str(value).replace("_", " ").replace("/character", " ").replace("/", " ") for value in values]
