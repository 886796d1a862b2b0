"""Good and bad parts of each searched range."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from leo_bench.records.search import Parameter, SearchPlan, Trials
from leo_bench.search.complete import accuracy, complete
from leo_bench.statistics import ALPHA, holm

N_PARTS = 4
"""Parts into which a range is cut."""


def ranges(plan: SearchPlan, trials: Trials) -> pd.DataFrame:
    """Return one row per part of each range: the complete trials inside it against those outside.

    A range has N_PARTS parts, equal in width (on the log scale if it is searched on one); each choice is a part.
    verdict: good or bad if Welch's t test of inside against outside, corrected by Holm over all parts, has p below
    ALPHA; else open. The sampler prefers settings with high accuracy, so this describes the trials and proves nothing.
    """
    found = complete(trials)
    rows: list[dict[str, Any]] = []
    for parameter in plan.space:
        parts = _parts(parameter)
        place = np.array([_part_of(trial.parameters[parameter.name], parts) for trial in found])
        values = np.array([accuracy(trial) for trial in found])
        for part, (low, high, choice) in enumerate(parts):
            inside, outside = values[place == part], values[place != part]
            rows.append(
                {
                    "parameter": parameter.name,
                    "part": part,
                    "low": low,
                    "high": high,
                    "choice": choice,
                    "n_trials": len(inside),
                    "mean": inside.mean() if len(inside) else None,
                    "std_error": inside.std(ddof=1) / len(inside) ** 0.5 if len(inside) > 1 else None,
                    "best": inside.max() if len(inside) else None,
                    "p": _welch(inside, outside),
                    "higher": len(inside) > 0 and len(outside) > 0 and inside.mean() > outside.mean(),
                }
            )
    corrected = holm([row["p"] for row in rows])
    for row, p in zip(rows, corrected, strict=True):
        higher = row.pop("higher")
        row["p"] = p
        row["verdict"] = "open" if p is None or p >= ALPHA else "good" if higher else "bad"
    return pd.DataFrame(rows)


def _parts(parameter: Parameter) -> list[tuple[float | None, float | None, Any]]:
    """Return (low, high, choice) of each part of a range, or of each choice."""
    if parameter.choices is not None:
        return [(None, None, choice) for choice in parameter.choices]
    low, high = float(parameter.low or 0), float(parameter.high or 0)
    if parameter.whole and not parameter.log:
        cuts = [round(cut) for cut in np.linspace(low, high + 1, min(N_PARTS, int(high - low) + 1) + 1)]
        return [(float(a), float(b - 1), None) for a, b in itertools.pairwise(cuts)]
    space = np.geomspace if parameter.log else np.linspace
    cuts = space(low, high, N_PARTS + 1).tolist()
    return [(a, b, None) for a, b in itertools.pairwise(cuts)]


def _part_of(value: Any, parts: Sequence[tuple[float | None, float | None, Any]]) -> int:
    """Return the index of the part that a value lies in. A part includes its lower end."""
    if parts[0][0] is None:
        return [choice for _, _, choice in parts].index(value)
    return max((part for part, (low, _, _) in enumerate(parts) if low is not None and low <= value), default=0)


def _welch(inside: np.ndarray, outside: np.ndarray) -> float | None:
    """Return the p of Welch's t test; None if a side has fewer than two trials or no side varies."""
    if min(len(inside), len(outside)) < 2 or np.ptp(inside) == np.ptp(outside) == 0:
        return None
    return float(stats.ttest_ind(inside, outside, equal_var=False).pvalue)
