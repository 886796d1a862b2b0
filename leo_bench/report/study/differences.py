"""Paired differences between variants on one test, with p-values and verdicts, as frames of numbers."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from leo_bench.report.study.comparable import why_not_comparable
from leo_bench.report.study.data import Cell, StudyData, not_comparable
from leo_bench.statistics import (
    Interval,
    bca_interval,
    episode_interval,
    holm,
    paired_episode_interval,
    paired_t_p,
    probability_of_improvement,
    seed_interval,
    sign_flip_p,
    verdict,
)

PAIR_COLUMNS = (
    "n_seeds difference low high kind bca_low bca_high p holm_p sign_flip_p ahead ahead_low ahead_high sd verdict "
    "compared note"
).split()
EFFECT_COLUMNS = ["variant", "label", "against", *PAIR_COLUMNS]
HOLM_NOTE = "its interval alone lies beyond the margin, but with this many comparisons Holm's p is {:.2f}"


def mean_accuracy(data: StudyData, cell: Cell, variant: str) -> Interval | None:
    """Return a variant's mean accuracy on one test, with its interval over seeds; None without a run.

    With one seed the interval is over the run's test episodes.
    """
    rows = data.rows(cell, variant)
    if rows.empty:
        return None
    if len(rows) > 1:
        return seed_interval(rows["accuracy"])
    return episode_interval(VariantScores(data, cell, variant).fractions(int(rows["seed"].iloc[0])))


def effects(data: StudyData, cell: Cell) -> pd.DataFrame:
    """Return the paired difference of every variant with the baseline, or with the variant that the plan names in its
    place, on one test, in plan order (columns EFFECT_COLUMNS).

    `against` is the label of the variant compared with. `compared` is False if the rows may not be compared or no seed
    is shared; `note` says why. Holm's family: all variants compared here. With one shared seed the interval is over the
    test episodes of these two trained models (kind "episodes").
    """
    if cell not in data.effects:
        names = [name for name in data.variants if name != data.plan.baseline]
        rows = [_effect(data, cell, name, data.compared_with(name)) for name in names]
        data.effects[cell] = with_verdicts(pd.DataFrame(rows, columns=EFFECT_COLUMNS), data.plan.margin)
    return data.effects[cell]


def _effect(data: StudyData, cell: Cell, variant: str, other: str) -> dict[str, Any]:
    """Return one row of EFFECT_COLUMNS, without Holm's p and the verdict: a variant minus another one."""
    name = "the baseline" if other == data.plan.baseline else data.label(other)
    row = paired_difference(VariantScores(data, cell, variant), VariantScores(data, cell, other), name)
    if row["compared"] and variant in data.plan.against and (why := not_comparable(data, cell).get(variant)):
        row["note"] = "; ".join(filter(None, [row["note"], f"not comparable with the baseline: {why}"]))
    return {"variant": variant, "label": data.label(variant), "against": data.label(other), **row}


def without_against(data: StudyData, frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows of `effects` without the column `against` if every variant is compared with the baseline."""
    return frame if data.plan.against else frame.drop(columns="against", errors="ignore")


def compared_label(data: StudyData, variant: str) -> str:
    """Return `full CNN`, or `full CNN against head 16` if the plan names another variant than the baseline."""
    other = data.compared_with(variant)
    return data.label(variant) + ("" if other == data.plan.baseline else f" against {data.label(other)}")


@dataclass(frozen=True)
class VariantScores:
    """Scores of one variant of a study on one test."""

    data: StudyData
    cell: Cell
    variant: str

    @cached_property
    def rows(self) -> dict[int, Any]:
        """Seed -> score row, as column -> value."""
        return {int(row["seed"]): row for row in self.data.rows(self.cell, self.variant).to_dict("records")}

    def fractions(self, seed: int) -> np.ndarray:
        """Return the accuracy of one run on each test episode after the last step, [n_test_episodes]."""
        run, test = self.data.test(self.variant, seed, self.cell)
        return run.correct(test)[:, -1] / (test.n_way * test.n_query)


def paired_difference(
    own: VariantScores, base: VariantScores, base_name: str = "the baseline", may_differ: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return own - base over the seeds that both have, as a row of PAIR_COLUMNS without Holm's p and the verdict.

    may_differ: columns of MUST_EQUAL that may differ because the comparison is about them.
    """
    row: dict[str, Any] = {**dict.fromkeys(PAIR_COLUMNS, np.nan), "n_seeds": 0, "kind": "", "compared": False}
    row["verdict"] = "not compared"
    seeds = [seed for seed in own.rows if seed in base.rows]
    if not seeds:
        lacking = (
            "no run done"
            if not own.rows
            else f"{base_name} has no run"
            if not base.rows
            else f"no seed shared with {base_name}"
        )
        return {**row, "note": f"{lacking} on this test"}
    refusals = {seed: _refusal(own, base, seed, may_differ) for seed in seeds}
    allowed = [seed for seed in seeds if not refusals[seed]]
    if not allowed:
        return {**row, "note": next(iter(refusals.values()))}
    differences = np.array([own.rows[seed]["accuracy"] - base.rows[seed]["accuracy"] for seed in allowed])
    notes = [f"seed {seed} left out: {refusals[seed]}" for seed in seeds if refusals[seed]]
    mode, base_mode = (side.rows[allowed[0]]["batch_norm"] for side in (own, base))
    if mode != base_mode:
        notes.append(f"part of the change: batch norm {mode} against {base_mode}")
    if set(allowed) != set(base.rows) and set(own.rows) <= set(base.rows):
        same = 100 * float(np.mean([base.rows[seed]["accuracy"] for seed in allowed]))
        notes.append(f"{base_name} has {same:.1f}% with the same {'seed' if len(allowed) == 1 else 'seeds'}")
    if len(allowed) == 1:
        interval = paired_episode_interval(own.fractions(allowed[0]), base.fractions(allowed[0]))
    else:
        interval = seed_interval(differences)
    bca, ahead = bca_interval(differences), probability_of_improvement(differences)
    return row | {
        "n_seeds": len(allowed),
        "difference": float(differences.mean()),
        "low": or_nan(interval.low),
        "high": or_nan(interval.high),
        "kind": interval.kind,
        "bca_low": or_nan(bca.low),
        "bca_high": or_nan(bca.high),
        "p": or_nan(paired_t_p(differences)),
        "sign_flip_p": or_nan(sign_flip_p(differences)),
        "ahead": ahead.mean,
        "ahead_low": or_nan(ahead.low),
        "ahead_high": or_nan(ahead.high),
        "sd": float(differences.std(ddof=1)) if len(allowed) > 1 else np.nan,
        "compared": True,
        "note": "; ".join(notes),
    }


def _refusal(own: VariantScores, base: VariantScores, seed: int, may_differ: tuple[str, ...]) -> str:
    """Return why the two runs of a seed may not be compared, in words; empty if they may."""
    row, base_row = own.rows[seed], base.rows[seed]
    if own.data is base.data and row["test_key"] == base_row["test_key"]:
        return f"the very same run: its settings are those of {base.data.label(base.variant)}"
    return why_not_comparable(row, base_row, skip=may_differ)


def with_verdicts(frame: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Fill Holm's p and the verdict into rows of `paired_difference`; the rows are one family of comparisons."""
    adjusted = holm([None if pd.isna(p) else float(p) for p in frame["p"]])
    frame["holm_p"] = pd.Series([or_nan(p) for p in adjusted], dtype=float, index=frame.index)
    for index in frame.index[frame["compared"].astype(bool)]:
        row = frame.loc[index]
        low, high = (None, None) if pd.isna(row["low"]) else (float(row["low"]), float(row["high"]))
        interval = Interval(float(row["difference"]), low, high, int(row["n_seeds"]), row["kind"])
        found = verdict(interval, margin, adjusted[int(index)])
        frame.loc[index, "verdict"] = found
        if found == "inconclusive" and verdict(interval, margin) != "inconclusive":
            frame.loc[index, "note"] = "; ".join(filter(None, [row["note"], HOLM_NOTE.format(row["holm_p"])]))
    return frame


def or_nan(value: float | None) -> float:
    return np.nan if value is None else value
