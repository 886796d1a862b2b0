"""Tables of a report: each as numbers (for CSV) and as words (for the pages), made from the same frame."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from leo_bench.figures import BANDS, signed
from leo_bench.report.compare import effects, mean_accuracy
from leo_bench.report.gather import (
    Cell,
    StudyData,
    cell_name,
    changed_words,
    problems,
    seed_words,
    setting_names,
    switch_variants,
)

NONE = "-"
TEXT_COLUMNS = [
    *"changes verdict message status command run test state with item answer evidence value settings".split(),
    "why not compared",
]
"""Columns of words that are set to the left, as the first one is."""
BUSY = "The machine may have done other work while times were measured: read them as upper bounds."
DASH = f' "{NONE}": not scored on that test, or nothing to compare with.'
TONES = {"better": "better", "yes": "better", "good": "better", "worse": "worse", "bad": "worse"}
"""How a verdict or an answer is coloured; anything else is neutral."""


@dataclass(frozen=True)
class Table:
    """`numbers` goes to tables/<name>.csv; `words`, all text, to the pages and to tables/<name>.tex."""

    name: str
    caption: str
    numbers: pd.DataFrame
    words: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    """What a reader must know of single rows."""

    @property
    def text_columns(self) -> list[str]:
        return [name for name in self.words.columns if name in TEXT_COLUMNS]

    def tone(self, value: str) -> str:
        """Class of a cell in a page: better, worse or unsure."""
        return TONES.get(value, "unsure")


def main_numbers(data: StudyData) -> pd.DataFrame:
    """One row per variant with at least one done run: accuracy, interval, other tests, paired effect, cost. Fractions
    and seconds.
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
        for name in ("difference", "low", "high", "holm_p", "sign_flip_p", "verdict", "note"):
            value = (
                effect.loc[variant, name]
                if variant in effect.index
                else {"verdict": "baseline", "note": ""}.get(name, np.nan)
            )
            row[{"low": "difference_low", "high": "difference_high"}.get(name, name)] = value
        row |= {
            "train_seconds": own["train_seconds"].mean(),
            "adapt_ms": own["adapt_ms"].mean(),
            "peak_memory_mb": own["peak_memory_mb"].mean(),
            "n_parameters": int(own["n_parameters"].iloc[0]),
            "n_generated": int(own["n_generated"].iloc[0]),
            "k_shot": int(own["k_shot"].iloc[0]),
            "image_size": int(own["image_size"].iloc[0]),
            "n_train_images": int(own["n_train_images"].iloc[0]),
            "batch_norm": own["batch_norm"].iloc[0],
        }
        rows.append(row)
    return pd.DataFrame(rows)


MOST_CHANGES = 5


def few_changes(changed: str) -> str:
    """What a variant changes, as a table has room for it; the CSV beside it has all."""
    parts = changed.split(", ")
    if len(parts) <= MOST_CHANGES:
        return changed
    return f"{', '.join(parts[: MOST_CHANGES - 1])} and {len(parts) - MOST_CHANGES + 1} more"


def main_words(data: StudyData, numbers: pd.DataFrame) -> pd.DataFrame:
    """The main table as text."""
    headline, others = cell_name(data.headline), [cell for cell in data.cells if cell != data.headline]
    rows = []
    for row in numbers.to_dict("records"):
        words = {
            "variant": row["label"],
            "changes": few_changes(row["changed"]),
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
        words |= {
            "training, s": f"{row['train_seconds']:,.0f}",
            "parameters": f"{row['n_parameters']:,}",
        }
        rows.append(words)
    return pd.DataFrame(rows)


def main_tables(data: StudyData) -> list[Table]:
    """The main table, and apart from it the variants that may not be set against the baseline."""
    numbers = main_numbers(data)
    if numbers.empty:
        return []
    apart = numbers["verdict"] == "not compared"
    found = [
        Table(
            "main",
            main_caption(data, numbers[~apart]),
            numbers[~apart],
            main_words(data, numbers[~apart]),
            notes_of(numbers[~apart]),
        )
    ]
    if apart.any():
        caption = "Measured under other conditions than the baseline, so not set against it."
        words = (
            main_words(data, numbers[apart])
            .drop(columns="difference, points")
            .rename(columns={"verdict": "why not compared"})
        )
        words["why not compared"] = list(numbers[apart]["note"])
        words["document expects"] = [
            document_words(data, data.headline, name) or NONE for name in numbers[apart]["variant"]
        ]
        found.append(Table("not-compared", caption, numbers[apart], words))
    return found


def main_caption(data: StudyData, numbers: pd.DataFrame) -> str:
    """What the main table's numbers are: protocol, intervals, n."""
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
        f"Differences are paired with the baseline, seed by seed; the margin that matters is "
        f"{100 * data.plan.margin:g} points. "
        f"Other accuracies are means over seeds, in percent. {BUSY}{DASH}"
    )


def switch_table(data: StudyData, switch: str) -> Table:
    """Every setting of one switch: accuracy on each test, paired difference and verdict."""
    variants = switch_variants(data, switch)
    names = setting_names(data, switch, variants)
    numbers: list[dict[str, Any]] = []
    words: list[dict[str, str]] = []
    effect = {cell: effects(data, cell).set_index("variant") for cell in data.cells}
    for variant in variants:
        row: dict[str, Any] = {"setting": names[variant], "variant": variant}
        text = {switch: row["setting"] + (" (baseline)" if variant == data.plan.baseline else "")}
        text |= {f"{cell_name(data.headline)}, %": NONE, "difference, points": NONE}
        text |= {"verdict": "baseline" if variant == data.plan.baseline else NONE, "seeds": "0"}
        for cell in data.cells:
            name, interval = f"{cell[0]}way_{cell[1]}", mean_accuracy(data, cell, variant)
            row |= {f"accuracy_{name}": np.nan, f"low_{name}": np.nan, f"high_{name}": np.nan}
            text[f"{cell_name(cell)}, %"] = NONE
            if interval is not None:
                row |= {f"accuracy_{name}": interval.mean, f"low_{name}": interval.low, f"high_{name}": interval.high}
                row["n_seeds"] = data.rows(cell, variant)["seed"].nunique()
                text["seeds"] = str(row["n_seeds"])
                text[f"{cell_name(cell)}, %"] = with_interval(interval.mean, interval.low, interval.high, interval.kind)
        for cell in data.cells:
            if variant in effect[cell].index:
                found = effect[cell].loc[variant]
                suffix = f"{cell[0]}way_{cell[1]}"
                row |= {f"difference_{suffix}": found["difference"], f"verdict_{suffix}": found["verdict"]}
        if data.headline in effect and variant in effect[data.headline].index:
            own: Any = effect[data.headline].loc[variant]
            text["difference, points"] = difference(own["difference"], own["low"], own["high"], own["kind"])
            text["verdict"] = own["verdict"]
        numbers.append(row)
        words.append(text)
    headline = cell_name(data.headline)
    caption = (
        f"Settings of {switch}; difference and verdict on {headline}, those on other tests under paired differences. "
        f"Intervals: 95% over seeds (e: over episodes).{DASH}"
    )
    return Table(f"switch-{switch}", caption, pd.DataFrame(numbers), pd.DataFrame(words))


def effects_table(data: StudyData) -> Table:
    """Paired differences with the baseline on every test."""
    frames = [effects(data, cell).assign(test=cell_name(cell)) for cell in data.cells]
    numbers = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    words = [
        {
            "test": row["test"],
            "variant": row["label"],
            "seeds": str(row["n_seeds"]),
            "difference, points": difference(row["difference"], row["low"], row["high"], row["kind"]),
            "BCa": ends(row["bca_low"], row["bca_high"]) or NONE,
            "Holm's p": p_value(row["holm_p"]),
            "sign-flip p": p_value(row["sign_flip_p"]),
            "ahead in": f"{100 * row['ahead']:.0f}% of seeds "
            f"({100 * row['ahead_low']:.0f} to {100 * row['ahead_high']:.0f})",
            "verdict": row["verdict"],
        }
        for row in numbers.to_dict("records")
        if row["compared"]
    ]
    return Table(
        "effects",
        "Paired differences with the baseline on every test; Holm's family is one test. The t interval, Holm's p and "
        "the margin decide; BCa (bootstrap interval, points) and the sign-flip test are checks. In brackets after the "
        "share of seeds: its exact 95% interval. "
        f'"{NONE}": there are too few seeds for it.',
        numbers,
        pd.DataFrame(words),
    )


def problem_table(data: StudyData) -> Table:
    """Runs that are not done; those with the same status and message in one row."""
    numbers = problems(data.view)
    words = []
    for (status, variant, message), rows in numbers.groupby(["status", "variant", "message"], sort=False):
        keys = [] if status == "missing" else list(rows["run_key"])
        words.append(
            {
                "status": str(status),
                "variant": data.label(str(variant)),
                "seeds": seed_words([int(seed) for seed in rows["seed"]]),
                "attempts": str(rows["attempts"].max()),
                "message": str(message),
                "run": ", ".join(keys) or NONE,
            }
        )
    return Table("not-done", "Runs that are not part of any number above.", numbers, pd.DataFrame(words))


def redo_table(data: StudyData) -> Table:
    """The command that makes each row again, and each run: a done one is compared with its record."""
    plan = data.plan
    words = []
    for variant in data.variants:
        runs = [run for run in data.view.runs if run.planned.variant == variant]
        seeds = seed_words([run.planned.seed for run in runs])
        part = f"leo-bench study {plan.study} --profile {plan.profile} --only {variant}"
        row = {"variant": data.label(variant), "command": f"{part} --seeds {seeds}", "seeds": seeds, "state": ""}
        words.append(row)
        for run in sorted(runs, key=lambda run: run.planned.seed):
            one = {
                "variant": f"{data.label(variant)}, seed {run.planned.seed}",
                "command": f"leo-bench reproduce --key {run.planned.run_key}"
                if run.status == "done"
                else f"{part} --seeds {run.planned.seed}" + (" --retry" if run.status == "failed" else ""),
            }
            words.append({**one, "seeds": str(run.planned.seed), "state": run.status})
    frame = pd.DataFrame(words, columns=["variant", "command", "seeds", "state"])
    return Table(
        "redo",
        "Copy a line to make its rows again; a run that is done is done again and compared, bit for bit.",
        frame,
        frame,
    )


def documented_band(data: StudyData, cell: Cell, variant: str) -> tuple[float, float] | None:
    """Accuracy that the source document expects of this variant on this test: Omniglot, mixed alphabets, LEO; else
    None.
    """
    settings = data.settings[variant]
    if settings["dataset"] != "omniglot" or cell[1] != "mixed" or settings["learner"] != "leo":
        return None
    return BANDS.get((cell[0], int(settings["k_shot"])))


def document_words(data: StudyData, cell: Cell, variant: str) -> str:
    """`97 to 99%`, or nothing where the document says nothing."""
    band = documented_band(data, cell, variant)
    return f"{100 * band[0]:.0f} to {100 * band[1]:.0f}%" if band else ""


def percent(value: float) -> str:
    return NONE if np.isnan(value) else f"{100 * value:.1f}"


def with_interval(mean: float, low: float | None, high: float | None, kind: str) -> str:
    """`80.6 ± 1.2`; an interval over episodes is marked e."""
    if low is None or high is None or pd.isna(low) or pd.isna(high):
        return percent(mean)
    return f"{percent(mean)} ± {100 * (high - low) / 2:.1f}{' e' if kind == 'episodes' else ''}"


def difference(mean: float, low: float, high: float, kind: str) -> str:
    """`+1.2 [-0.3, +2.7]` points; an interval over episodes is marked e."""
    if np.isnan(mean):
        return NONE
    bounds = ends(low, high)
    return f"{signed(100 * mean)}{f' {bounds}' if bounds else ''}{' e' if bounds and kind == 'episodes' else ''}"


def ends(low: float, high: float) -> str:
    """`[-0.3, +2.7]` points; nothing where there is no interval."""
    return "" if np.isnan(low) else f"[{signed(100 * low)}, {signed(100 * high)}]"


def notes_of(frame: pd.DataFrame) -> list[str]:
    """Notes on compared rows, each with its variant's label."""
    return [f"{label}: {note}." for label, note in zip(frame["label"], frame["note"], strict=True) if note]


def p_value(p: float) -> str:
    return NONE if np.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"
