"""Smallest true differences that a study can detect."""

from dataclasses import dataclass

import pandas as pd

from leo_bench.statistics import ALPHA, minimum_detectable_effect


@dataclass(frozen=True)
class Detectable:
    """True difference that 4 of 5 studies like this one would detect. Fractions.

    sd: median over variants of the standard deviation over seeds of a paired difference.
    """

    sd: float
    n_seeds: int
    n_compared: int
    alone: float
    """Detected by one paired t test against zero."""
    among_all: float
    """Detected with a verdict of better or worse: interval beyond the margin, and Holm's first step over all
    comparisons."""


def detectable(effect_frame: pd.DataFrame, margin: float) -> Detectable | None:
    """Return what the variants with several seeds allow to detect; None with one seed."""
    several = effect_frame[effect_frame["n_seeds"] > 1]
    if several.empty:
        return None
    sd, n_seeds, n_compared = float(several["sd"].median()), int(several["n_seeds"].median()), len(several)
    alone = minimum_detectable_effect(sd, n_seeds)
    corrected = minimum_detectable_effect(sd, n_seeds, alpha=ALPHA / n_compared)
    if alone is None or corrected is None:
        return None
    return Detectable(sd, n_seeds, n_compared, alone, max(margin + alone, corrected))
