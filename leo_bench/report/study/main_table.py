"""The main table: accuracy, paired difference, verdict and cost of every variant."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leo_bench.records import listed
from leo_bench.report.sentences import seed_words
from leo_bench.report.study.captions import episode_words, without_against
from leo_bench.report.study.documented import document_words
from leo_bench.report.study.sentences import seeds_words
from leo_bench.report.study.switches import changed_words
from leo_bench.report.table import NONE, ReportTable, decimals_for, difference, notes_of, percent, with_interval
from leo_bench.statistics import OPEN, Interval, margin_of
from leo_bench.statistics.studies.differences import effects, mean_accuracy, whole_accuracy
from leo_bench.statistics.studies.study import Cell, StudyData, cell_name, is_transductive, other_batch_norm

BUSY = "The machine may have done other work while times were measured: read them as upper bounds."
DASH = f' "{NONE}": not scored on that test, or nothing to compare with.'


@dataclass(frozen=True)
class Column:
    """A column of costs or conditions, made from a column of scores.csv."""

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
        """Return a value as text; a dash if it was not measured."""
        return NONE if pd.isna(value) else format(value, self.form)


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


EFFECT = {name: name for name in ("difference", "margin", "holm_p", "verdict", "seeds_to_settle", "note")}
EFFECT |= {"low": "difference_low", "high": "difference_high", "kind": "difference_over", "against": "against"}
"""Column of the paired differences -> its name in the main table."""


def main_numbers(data: StudyData) -> pd.DataFrame:
    """Return one row per variant with a done run: accuracy on each test with its interval, paired difference, cost.

    Accuracies and differences are fractions, times are seconds. Without the name of a test: the headline test. A
    variant that was not scored on that test is not compared. `low`, `high`: interval over seeds; `low_whole`,
    `high_whole`: over seeds and test episodes.
    """
    rows = []
    for variant in data.variants:
        scored = [own for cell in (data.headline, *data.cells) if not (own := data.rows(cell, variant)).empty]
        if not scored:
            continue
        own, interval = scored[0], mean_accuracy(data, data.headline, variant)
        row: dict[str, Any] = {
            "variant": variant,
            "label": data.label(variant),
            "changed": changed_words(data, variant),
            **_ends("", interval),
            "interval_over": interval.kind if interval else "",
            "n_seeds": own["seed"].nunique(),
            "seeds": seed_words([int(seed) for seed in own["seed"]]),
            "accuracy_before": own["accuracy_before"].mean() if interval else np.nan,
        }
        for cell in data.cells:
            row |= _ends(f"_{cell[0]}way_{cell[1]}", mean_accuracy(data, cell, variant))
            row |= whole_ends(data, cell, variant, f"_{cell[0]}way_{cell[1]}")
        rows.append(row | {column.key: column.number(own) for column in COLUMNS})
    if not rows:
        return pd.DataFrame()
    effect = without_against(data, effects(data, data.headline).set_index("variant"))
    effect = effect[[name for name in EFFECT if name in effect]].rename(columns=EFFECT)
    frame = pd.DataFrame(rows).join(effect, on="variant")
    elsewhere = frame["accuracy"].isna()
    frame.loc[elsewhere, ["verdict", "note"]] = ["not compared", f"not scored on {cell_name(data.headline)}"]
    return frame.fillna({"verdict": "baseline", "note": "", **({"against": ""} if "against" in frame else {})})


def _ends(test: str, interval: Interval | None) -> dict[str, float | None]:
    """Return the columns of a mean accuracy and its interval on one test."""
    ends = (interval.mean, interval.low, interval.high) if interval else (np.nan, np.nan, np.nan)
    return dict(zip((f"accuracy{test}", f"low{test}", f"high{test}"), ends, strict=True))


def whole_ends(data: StudyData, test: Cell | str, variant: str, ending: str = "") -> dict[str, float | None]:
    """Return the columns of a mean accuracy's interval over seeds and test episodes."""
    interval = whole_accuracy(data, test, variant)
    return {f"{name}_whole{ending}": getattr(interval, name) if interval else np.nan for name in ("low", "high")}


def named_beside(data: StudyData) -> str:
    """Return the addition to captions if some variants are compared with another one than the baseline."""
    return ', or with the variant under "compared with"' if data.names_pairs else ""


def main_words(data: StudyData, numbers: pd.DataFrame) -> pd.DataFrame:
    """Return the main table as text."""
    headline, others = cell_name(data.headline), [cell for cell in data.cells if cell != data.headline]
    decimals = decimals_for(numbers["margin"])
    rows = []
    for row in numbers.to_dict("records"):
        words = {
            "variant": row["label"],
            f"{headline}, %": with_interval(row["accuracy"], row["low"], row["high"], row["interval_over"], decimals),
            "difference, points": difference(
                row["difference"], row["difference_low"], row["difference_high"], row["difference_over"], decimals
            ),
            "verdict": row["verdict"],
            **({"compared with": row["against"] or NONE} if "against" in row else {}),
            "changes": listed(row["changed"].split(", ")),
            "seeds": str(row["n_seeds"]) + (f" of {seeds_words(row)}" if row["verdict"] in OPEN else ""),
            "before adaptation": percent(row["accuracy_before"]),
        }
        for cell in others:
            words[f"{cell_name(cell)}, %"] = percent(row[f"accuracy_{cell[0]}way_{cell[1]}"])
        rows.append(words | {column.header: column.words(row[column.key]) for column in COLUMNS if column.header})
    return pd.DataFrame(rows)


def main_tables(data: StudyData) -> list[ReportTable]:
    """Return the main table; the table of the variants in other_batch_norm, if there are any; and that of the others
    that are not comparable with the baseline."""
    numbers = main_numbers(data)
    if numbers.empty:
        return []
    other = numbers["variant"].isin(other_batch_norm(data))
    apart = (numbers["verdict"] == "not compared") & ~other
    main = numbers[~apart & ~other]
    found = [ReportTable("main", main_caption(data), main, main_words(data, main), notes_of(main))]
    if other.any():
        rows = numbers[other].copy()
        if "against" in rows:
            rows.loc[rows["verdict"] == "not compared", "against"] = ""
        name, caption = batch_norm_words(data)
        found.append(ReportTable(name, caption, rows, main_words(data, rows), notes_of(rows)))
    if apart.any():
        caption = "Measured under other conditions than the baseline, so not compared with it."
        words = main_words(data, numbers[apart]).drop(columns="difference, points")
        words = words.rename(columns={"verdict": "why not compared"})
        words["why not compared"] = list(numbers[apart]["note"])
        expected = [document_words(data, data.headline, name) or NONE for name in numbers[apart]["variant"]]
        words["document expects"] = expected
        found.append(ReportTable("not-compared", caption, numbers[apart], words))
    return found


def batch_norm_words(data: StudyData) -> tuple[str, str]:
    """Return name and caption of the table of the variants in other_batch_norm."""
    if is_transductive(data, data.plan.baseline):
        return "inductive", (
            "An answer does not depend on the other queries, as it does for the baseline, so these are not compared "
            "with it."
        )
    return "transductive", (
        "Batch norm sees all queries of an episode at once, which makes it another task. Compared with one another "
        "where a variant is named, never with the baseline."
    )


def main_caption(data: StudyData) -> str:
    """Return the main table's caption: test, intervals, n."""
    test = data.rows(data.headline)
    errors = 1 - data.rows(data.headline, data.plan.baseline)["accuracy"]
    scored = f"{episode_words(test)}, the same for every run" if len(test) else "which no run is scored on yet"
    margin = "The baseline has no run yet. "
    if len(errors):
        points = 100 * margin_of(errors.mean(), data.plan.margin)
        margin = f"On this test a difference with the baseline matters from {points:.2f} points on. "
    return (
        f"{data.data_name(data.plan.baseline)}, {cell_name(data.headline)}, {scored}. "
        "±: 95% t interval over seeds (e: one seed, over the test episodes of that model, which says nothing about "
        f"other seeds). Differences are paired with the baseline{named_beside(data)}, seed by seed. "
        f"{margin}"
        'Seeds "3 of 12 seeds": there are 3, and about 12 would settle the comparison. '
        f"Other accuracies are means over seeds, in percent. {BUSY}{DASH}"
    )
