"""What each change is worth: paired effects against the baseline, and means over seeds, as frames of numbers."""

from typing import Any

import numpy as np
import pandas as pd

from leo_bench.report.gather import Cell, StudyData, why_not
from leo_bench.stats import (
    Interval,
    episode_interval,
    holm,
    minimum_detectable_effect,
    paired_episode_interval,
    paired_t_p,
    probability_of_improvement,
    seed_interval,
    sign_flip_p,
    verdict,
)

EFFECT_COLUMNS = (
    "variant label n_seeds difference low high kind p holm_p sign_flip_p ahead sd verdict compared note".split()
)


HOLM_NOTE = "its interval alone lies beyond the margin, but with this many comparisons Holm's p is {:.2f}"


def mean_accuracy(data: StudyData, cell: Cell, variant: str) -> Interval | None:
    """A variant's accuracy on one test: over seeds, or with one seed over that run's episodes; None without a run."""
    rows = data.rows(cell, variant)
    if rows.empty:
        return None
    if len(rows) > 1:
        return seed_interval(rows["accuracy"])
    run, test = data.test(variant, int(rows["seed"].iloc[0]), cell)
    return episode_interval(_fractions(run.correct(test), test.n_way * test.n_query))


def effects(data: StudyData, cell: Cell) -> pd.DataFrame:
    """Paired difference of every variant with the baseline on one test, in plan order (columns EFFECT_COLUMNS).

    `compared` is False where rows may not be compared or no seed is shared; `note` says why. Holm's family: the
    variants compared here. With one shared seed the interval is over the test episodes of these two trained models
    (kind "episodes").
    """
    if cell not in data.effects:
        data.effects[cell] = _effects(data, cell)
    return data.effects[cell]


def _effects(data: StudyData, cell: Cell) -> pd.DataFrame:
    base_rows = data.rows(cell, data.plan.baseline).set_index("seed")
    found = []
    for variant in data.variants:
        if variant == data.plan.baseline:
            continue
        rows = data.rows(cell, variant).set_index("seed")
        found.append(_effect(data, cell, variant, rows, base_rows))
    frame = pd.DataFrame(found, columns=EFFECT_COLUMNS)
    adjusted = holm([None if pd.isna(p) else float(p) for p in frame["p"]])
    frame["holm_p"] = pd.Series([np.nan if p is None else p for p in adjusted], dtype=float, index=frame.index)
    for index in frame.index[frame["compared"].astype(bool)]:
        row = frame.loc[index]
        low, high = (None, None) if pd.isna(row["low"]) else (float(row["low"]), float(row["high"]))
        interval = Interval(float(row["difference"]), low, high, int(row["n_seeds"]), row["kind"])
        found_verdict = verdict(interval, data.plan.margin, adjusted[int(index)])
        frame.loc[index, "verdict"] = found_verdict
        if found_verdict == "inconclusive" and verdict(interval, data.plan.margin) != "inconclusive":
            frame.loc[index, "note"] = "; ".join(filter(None, [row["note"], HOLM_NOTE.format(row["holm_p"])]))
    return frame


def _effect(data: StudyData, cell: Cell, variant: str, rows: pd.DataFrame, base_rows: pd.DataFrame) -> dict[str, Any]:
    """One row of `effects`, verdict and Holm aside."""
    empty = dict.fromkeys(("difference", "low", "high", "p", "sign_flip_p", "ahead", "sd"), np.nan)
    row: dict[str, Any] = {
        "variant": variant,
        "label": data.label(variant),
        "n_seeds": 0,
        **empty,
        "kind": "",
        "verdict": "not compared",
        "compared": False,
    }
    seeds = [seed for seed in rows.index if seed in base_rows.index]
    if rows.empty or base_rows.empty or not seeds:
        lacking = (
            "no run done"
            if rows.empty
            else "the baseline has no run"
            if base_rows.empty
            else "no seed shared with the baseline"
        )
        return {**row, "note": f"{lacking} on this test"}
    refusals = {seed: why_not(rows.loc[seed], base_rows.loc[seed]) for seed in seeds}
    allowed = [seed for seed in seeds if not refusals[seed]]
    if not allowed:
        return {**row, "note": next(iter(refusals.values()))}
    differences = np.array([rows.loc[seed, "accuracy"] - base_rows.loc[seed, "accuracy"] for seed in allowed], float)
    notes = [f"seed {seed} left out: {refusals[seed]}" for seed in seeds if refusals[seed]]
    mode, base_mode = rows.loc[allowed[0], "batch_norm"], base_rows.loc[allowed[0], "batch_norm"]
    if mode != base_mode:
        notes.append(f"part of the change: batch norm {mode} against {base_mode}")
    interval = seed_interval(differences)
    if len(allowed) == 1:
        own, other = (data.test(name, int(allowed[0]), cell) for name in (variant, data.plan.baseline))
        queries = own[1].n_way * own[1].n_query
        interval = paired_episode_interval(
            _fractions(own[0].correct(own[1]), queries), _fractions(other[0].correct(other[1]), queries)
        )
    row |= {
        "n_seeds": len(allowed),
        "difference": float(differences.mean()),
        "low": np.nan if interval.low is None else interval.low,
        "high": np.nan if interval.high is None else interval.high,
        "kind": interval.kind,
        "p": _or_nan(paired_t_p(differences)),
        "sign_flip_p": _or_nan(sign_flip_p(differences)),
        "ahead": probability_of_improvement(differences),
        "sd": float(differences.std(ddof=1)) if len(allowed) > 1 else np.nan,
        "compared": True,
        "note": "; ".join(notes),
    }
    return row


def detectable(effect_frame: pd.DataFrame) -> tuple[float, float, int] | None:
    """(median sd of paired differences, smallest detectable difference, seeds) of the variants compared; None with one
    seed.
    """
    several = effect_frame[effect_frame["n_seeds"] > 1]
    if several.empty:
        return None
    sd, n_seeds = float(several["sd"].median()), int(several["n_seeds"].median())
    smallest = minimum_detectable_effect(sd, n_seeds)
    return None if smallest is None else (sd, smallest, n_seeds)


def _fractions(correct: np.ndarray, n_queries: int) -> np.ndarray:
    """Accuracy of each test episode after the last step, [n_test_episodes]."""
    return correct[:, -1] / n_queries


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value
