"""The main table: accuracy, paired difference, verdict and cost of every variant."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leo_bench.report.sentences import seed_words
from leo_bench.report.study.data import StudyData, cell_name
from leo_bench.report.study.differences import effects, mean_accuracy
from leo_bench.report.study.documented import document_words
from leo_bench.report.study.switches import changed_words
from leo_bench.report.table import NONE, ReportTable, difference, notes_of, percent, with_interval

BUSY = "The machine may have done other work while times were measured: read them as upper bounds."
DASH = f' "{NONE}": not scored on that test, or nothing to compare with.'


@dataclass(frozen=True)
class Column:
    """A column at the end of the main table, made from a column of scores.csv."""

    key: str
    """Name in scores.csv, and in tables/main.csv."""
    header: str = ""
    """Head of the column on the page; without one it is in the CSV file alone."""
    form: str = ""
    """Format of a number on the page, as in an f-string."""
    measured: bool = False
    """True if it differs from seed to seed: the table has the mean."""

    def number(self, own: pd.DataFrame) -> Any:
        """Return the column's value for the score rows of one variant on one test."""
        return own[self.key].mean() if self.measured else own[self.key].iloc[0]

    def words(self, value: Any) -> str:
        """Return a value as text."""
        return format(value, self.form)


COLUMNS = (
    Column("train_seconds", "training, s", ",.0f", measured=True),
    Column("adapt_ms", measured=True),
    Column("peak_memory_mb", measured=True),
    Column("n_parameters", "parameters", ","),
    Column("n_generated"),
    Column("k_shot"),
    Column("image_size"),
    Column("n_train_images"),
    Column("batch_norm"),
)
"""Cost and conditions of a variant. A new column of the main table is one line here."""


def main_numbers(data: StudyData) -> pd.DataFrame:
    """Return one row per variant with a done run: accuracy, interval, other tests, paired difference, cost.

    Accuracies and differences are fractions, times are seconds.
    """
    headline = data.headline
    effect = effects(data, headline).set_index("variant")
    rows = []
    for variant in data.variants:
        interval = mean_accuracy(data, headline, variant)
        if interval is None:
            continue
        own = data.rows(headline, variant)
        row: dict[str, Any] = {
            "variant": variant,
            "label": data.label(variant),
            "changed": changed_words(data, variant),
            "accuracy": interval.mean,
            "low": np.nan if interval.low is None else interval.low,
            "high": np.nan if interval.high is None else interval.high,
            "interval_over": interval.kind,
            "n_seeds": own["seed"].nunique(),
            "seeds": seed_words([int(seed) for seed in own["seed"]]),
            "accuracy_before": own["accuracy_before"].mean(),
        }
        for cell in data.cells:
            if cell != headline:
                row[f"accuracy_{cell[0]}way_{cell[1]}"] = data.rows(cell, variant)["accuracy"].mean()
        if data.plan.against:
            row["against"] = effect.loc[variant, "against"] if variant in effect.index else ""
        for name in ("difference", "low", "high", "holm_p", "sign_flip_p", "verdict", "note"):
            value = (
                effect.loc[variant, name]
                if variant in effect.index
                else {"verdict": "baseline", "note": ""}.get(name, np.nan)
            )
            row[{"low": "difference_low", "high": "difference_high"}.get(name, name)] = value
        rows.append(row | {column.key: column.number(own) for column in COLUMNS})
    return pd.DataFrame(rows)


def named_beside(data: StudyData) -> str:
    """Return the addition to captions if some variants are compared with another one than the baseline."""
    return ', or with the variant under "compared with"' if data.plan.against else ""


MOST_CHANGES = 5


def few_changes(changed: str) -> str:
    """Return a variant's changes shortened to fit the table; the CSV file has the full list."""
    parts = changed.split(", ")
    if len(parts) <= MOST_CHANGES:
        return changed
    return f"{', '.join(parts[: MOST_CHANGES - 1])} and {len(parts) - MOST_CHANGES + 1} more"


def main_words(data: StudyData, numbers: pd.DataFrame) -> pd.DataFrame:
    """Return the main table as text."""
    headline, others = cell_name(data.headline), [cell for cell in data.cells if cell != data.headline]
    rows = []
    for row in numbers.to_dict("records"):
        words = {
            "variant": row["label"],
            "changes": few_changes(row["changed"]),
            **({"compared with": row["against"] or NONE} if "against" in row else {}),
            f"{headline}, %": with_interval(row["accuracy"], row["low"], row["high"], row["interval_over"]),
            "difference, points": difference(
                row["difference"], row["difference_low"], row["difference_high"], row["interval_over"]
            ),
            "verdict": row["verdict"],
            "seeds": str(row["n_seeds"]),
            "before adaptation": percent(row["accuracy_before"]),
        }
        for cell in others:
            words[f"{cell_name(cell)}, %"] = percent(row[f"accuracy_{cell[0]}way_{cell[1]}"])
        rows.append(words | {column.header: column.words(row[column.key]) for column in COLUMNS if column.header})
    return pd.DataFrame(rows)


def main_tables(data: StudyData) -> list[ReportTable]:
    """Return the main table, and a second one of the variants that are not comparable with the baseline."""
    numbers = main_numbers(data)
    if numbers.empty:
        return []
    apart = numbers["verdict"] == "not compared"
    found = [
        ReportTable(
            "main",
            main_caption(data, numbers[~apart]),
            numbers[~apart],
            main_words(data, numbers[~apart]),
            notes_of(numbers[~apart]),
        )
    ]
    if apart.any():
        caption = "Measured under other conditions than the baseline, so not compared with it."
        words = (
            main_words(data, numbers[apart])
            .drop(columns="difference, points")
            .rename(columns={"verdict": "why not compared"})
        )
        words["why not compared"] = list(numbers[apart]["note"])
        words["document expects"] = [
            document_words(data, data.headline, name) or NONE for name in numbers[apart]["variant"]
        ]
        found.append(ReportTable("not-compared", caption, numbers[apart], words))
    return found


def main_caption(data: StudyData, numbers: pd.DataFrame) -> str:
    """Return the main table's caption: test, intervals, n."""
    kinds = set(numbers["interval_over"])
    over = {
        frozenset({"seeds"}): "95% t intervals over seeds",
        frozenset(
            {"episodes"}
        ): "95% intervals over the test episodes of one trained model (marked e): they say nothing about other seeds",
    }.get(
        frozenset(kinds), "95% t intervals over seeds; with one seed, over the test episodes of that model (marked e)"
    )
    test = data.rows(data.headline)
    episodes = ", ".join(f"{n:,}" for n in sorted(test["n_test_episodes"].unique()))
    return (
        f"{data.data_name()}, {cell_name(data.headline)}, {episodes} fixed test episodes, the same for every run. "
        f"{over}. "
        f"Differences are paired with the baseline{named_beside(data)}, seed by seed; the margin that matters is "
        f"{100 * data.plan.margin:g} points. "
        f"Other accuracies are means over seeds, in percent. {BUSY}{DASH}"
    )
