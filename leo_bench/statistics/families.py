"""Verdicts for frames of paired differences: a row for each difference, the rows with the same `family` are one family.

Columns that are read: variant, family, compared (False if there is no difference), n_seeds, difference and sd (mean and
standard deviation over seeds), error (mean error of both variants), base_error (of the one compared with). Fractions.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from leo_bench.statistics.moderation import Prior, fit_prior
from leo_bench.statistics.verdicts import SETTLED, Difference, judge, margin_of, seeds_to_settle


def prior_of(frames: list[pd.DataFrame]) -> Prior:
    """Return what differences over several seeds say of the variance of one."""
    rows = [row for frame in frames for row in frame.to_dict("records") if row["n_seeds"] > 1]
    if not rows:
        return Prior()
    variances, degrees = [row["sd"] ** 2 for row in rows], [row["n_seeds"] - 1 for row in rows]
    return fit_prior(variances, degrees, [row["error"] for row in rows], len({row["variant"] for row in rows}))


def as_difference(row: "pd.Series[Any] | Mapping[str, Any]", margin: float, prior: Prior) -> Difference:
    """Return a row of several seeds as a difference with a moderated variance."""
    n_seeds = int(row["n_seeds"])
    own = Difference(
        float(row["difference"]),
        float(row["sd"]) ** 2,
        n_seeds - 1,
        n_seeds,
        margin_of(float(row["base_error"]), margin),
    )
    return prior.applied(own, float(row["error"]))


def with_verdicts(
    frame: pd.DataFrame,
    margin: float,
    prior: Prior | None = None,
    asked: list[bool] | None = None,
    n_looks: int = 1,
) -> pd.DataFrame:
    """Return the rows with low, high, margin, p, holm_p, verdict and seeds_to_settle.

    prior: by default that of these rows. asked: for each row whether it has a place in a family; by default all that
    are compared over several seeds have. n_looks: as in judge.
    """
    frame, prior = frame.copy(), prior or prior_of([frame])
    chosen = frame["compared"].astype(bool) & (frame["n_seeds"] > 1)
    if asked is not None:
        chosen &= pd.Series(asked, index=frame.index, dtype=bool)
    for _, rows in frame[chosen].groupby("family"):
        family = [as_difference(row, margin, prior) for _, row in rows.iterrows()]
        for index, own, found in zip(rows.index, family, judge(family, n_looks), strict=True):
            frame.loc[index, ["low", "high"]] = [own.interval.low, own.interval.high]
            frame.loc[index, ["margin", "p", "holm_p"]] = [own.margin, own.p, found.holm_p]
            frame.loc[index, "verdict"] = found.verdict
            if found.verdict not in SETTLED:
                seeds = seeds_to_settle(own, len(family) * n_looks)
                frame.loc[index, "seeds_to_settle"] = np.nan if seeds is None else seeds
    return frame
