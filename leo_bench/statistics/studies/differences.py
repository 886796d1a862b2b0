"""Paired differences of a study with their verdicts, as frames of numbers.

The comparisons of one test are one family of Holm's; the steps of a chain are a family of their own. A pair of variants
that another study compares on the same runs has that study's verdict (owners.py).
"""

from typing import Any

import numpy as np
import pandas as pd

from leo_bench.statistics import Interval, Prior, episode_interval, seed_and_episode_interval, seed_interval, turned
from leo_bench.statistics.families import prior_of, with_verdicts
from leo_bench.statistics.studies.owners import owner_of
from leo_bench.statistics.studies.pairs import PAIR_COLUMNS, VariantScores, paired_difference
from leo_bench.statistics.studies.study import Cell, StudyData, not_comparable

EFFECT_COLUMNS = ["variant", "label", "against", *PAIR_COLUMNS]
OWNED = ("low", "high", "margin", "p", "holm_p", "verdict", "seeds_to_settle", "family")
"""Columns that come from the study that owns a pair."""
TIME_FACTOR = 1.25
"""Largest ratio of two training times that count as equal."""


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


def whole_accuracy(data: StudyData, test: Cell | str, variant: str) -> Interval | None:
    """Return a variant's mean accuracy on a test, its interval over seeds and test episodes; None without a run."""
    scores = VariantScores(data, test, variant)
    counts = [scores.fractions(seed) for seed in scores.rows]
    return seed_and_episode_interval(counts) if counts else None


def effects(data: StudyData, test: Cell | str) -> pd.DataFrame:
    """Return the paired difference of every variant but the baseline with the variant it is compared with, on one test,
    in plan order (columns EFFECT_COLUMNS).

    test: a test of the study, or the name of one elsewhere. `against` is the label of the variant compared with,
    `family` the comparisons that Holm's p allows for. `compared` is False if the rows may not be compared or no seed is
    shared; `note` says why.
    """
    frame = all_effects(data, test)
    return frame[frame["variant"] != data.plan.baseline].reset_index(drop=True)


def all_effects(data: StudyData, test: Cell | str) -> pd.DataFrame:
    """Return `effects` with the row of the baseline too, if it is a step of a chain."""
    return data.remembered(test, lambda: _decided(data, test))


def _decided(data: StudyData, test: Cell | str) -> pd.DataFrame:
    """Return the rows of all_effects, computed."""
    frame = _recorded(data, test)
    taken = [_owners_row(data, test, row) for row in frame.to_dict("records")]
    asked, prior = [row is None for row in taken], variance_prior(data, isinstance(test, str))
    frame = with_verdicts(frame, data.plan.margin, prior, asked, data.plan.n_looks)
    for index, row in enumerate(taken):
        for name, value in (row or {}).items():
            frame.loc[index, name] = value
    return frame


def _recorded(data: StudyData, test: Cell | str) -> pd.DataFrame:
    """Return the rows of all_effects without verdicts."""
    names = [name for name in data.variants if name != data.plan.baseline or name in data.before]

    def make() -> pd.DataFrame:
        frame = pd.DataFrame([_effect(data, test, name) for name in names], columns=EFFECT_COLUMNS)
        return frame.astype({"compared": bool})

    return data.remembered(("recorded", test), make)


def _effect(data: StudyData, test: Cell | str, variant: str) -> dict[str, Any]:
    """Return one row of EFFECT_COLUMNS without a verdict."""
    other = data.compared_with(variant)
    name = "the baseline" if other == data.plan.baseline else data.label(other)
    may_differ = ("n_train_images",) if variant in data.plan.equal_time else ()
    row = paired_difference(VariantScores(data, test, variant), VariantScores(data, test, other), name, may_differ)
    if may_differ and row["compared"]:
        row |= _equal_time(data, variant, other)
    elif row["compared"] and other != data.plan.baseline and isinstance(test, tuple):
        why = not_comparable(data, test).get(variant)
        row["note"] = "; ".join(filter(None, [row["note"], f"not comparable with the baseline: {why}" if why else ""]))
    row["family"] = "steps" if data.before.get(variant) == other else "equal time" if may_differ else "variants"
    return {"variant": variant, "label": data.label(variant), "against": data.label(other), **row}


def _equal_time(data: StudyData, variant: str, other: str) -> dict[str, Any]:
    """Return the columns of a comparison at equal training time: a note, and a refusal if the times are not equal."""
    own, base = data.core_seconds(variant), data.core_seconds(other)
    if not base / TIME_FACTOR <= own <= TIME_FACTOR * base:
        times = ["not recorded" if np.isnan(time) else f"{time:,.0f} s" for time in (own, base)]
        note = f"training time {times[0]} of one core against {times[1]}, which is not equal"
        return {"compared": False, "verdict": "not compared", "note": note}
    return {"note": f"at equal time, not equal images: {own:,.0f} s of one core against {base:,.0f} s"}


def _owners_row(data: StudyData, test: Cell | str, row: dict[Any, Any]) -> dict[Any, Any] | None:
    """Return the columns of one difference that another study decides; None if this study does."""
    owner = owner_of(data, row["variant"]) if row["compared"] and row["n_seeds"] > 1 else None
    if owner is None:
        return None
    frame = all_effects(owner.data, test)
    found = frame[(frame["variant"] == owner.variant) & (frame["n_seeds"] == row["n_seeds"])].to_dict("records")
    if not found:
        return None
    taken = {name: found[0][name] for name in OWNED}
    if owner.reversed:
        taken |= {"low": -taken["high"], "high": -taken["low"]}
        taken["verdict"] = turned(taken["verdict"])
    words = f"the verdict is that of the study {owner.data.plan.study}, which compares the same runs"
    family = f"{taken['family']} of {owner.data.plan.study}"
    return taken | {"family": family, "note": "; ".join(filter(None, [row["note"], words]))}


def variance_prior(data: StudyData, elsewhere: bool = False) -> Prior:
    """Return what the study's differences on all of its tests say of the variance of one.

    elsewhere: those on tests elsewhere count too. Without them, more tests change no verdict of the study's own.
    """
    tests: list[Cell | str] = [*data.cells, *(data.elsewhere["test"].unique() if elsewhere else [])]
    return data.remembered(("prior", elsewhere), lambda: prior_of([_recorded(data, test) for test in tests]))
