"""All tests together: interquartile means and performance profiles of the variants that took every test."""

from functools import partial

import numpy as np
import pandas as pd

from leo_bench import figures
from leo_bench.aggregate import interquartile_mean, interquartile_mean_interval, performance_profile
from leo_bench.report.captions import Plot, families, lines_height, rows_of, subtitle
from leo_bench.report.drawing import Panel
from leo_bench.report.gather import StudyData, apart, cell_name
from leo_bench.report.tables import Table, percent


def score_matrices(data: StudyData) -> dict[str, np.ndarray]:
    """Variant -> accuracies [n_seeds, n_tests], tests as in data.cells.

    Only variants that were scored on every test under the baseline's conditions; a seed that lacks a test is left out.
    Nothing where there is one test.
    """
    if len(data.cells) < 2:
        return {}
    unlike = set().union(*(apart(data, cell) for cell in data.cells))
    found = {}
    for variant in data.variants:
        if variant in unlike:
            continue
        rows = data.scores[data.scores["variant"] == variant]
        table = rows.pivot_table(index="seed", columns=["n_way", "episode_mode"], values="accuracy")
        if not set(data.cells) - set(table.columns.to_flat_index()):
            whole = table[data.cells].dropna()
            if len(whole):
                found[variant] = whole.to_numpy(float)
    return found


def across_table(data: StudyData) -> Table | None:
    """Interquartile mean over all tests of each variant that took them all; None before two variants have."""
    matrices = score_matrices(data)
    if len(matrices) < 2:
        return None
    numbers, words = [], []
    for variant, scores in matrices.items():
        interval = interquartile_mean_interval(scores, same_runs=True)
        low, high = (np.nan if end is None else end for end in (interval.low, interval.high))
        row = {
            "variant": variant,
            "label": data.label(variant),
            "n_seeds": len(scores),
            "n_tests": scores.shape[1],
            "interquartile_mean": interval.mean,
            "low": low,
            "high": high,
            "mean": scores.mean(),
            "worst": scores.min(),
        }
        numbers.append(row)
        words.append(
            {
                "variant": row["label"],
                "seeds": str(len(scores)),
                "interquartile mean, %": percent(interval.mean),
                "95% interval": "-" if np.isnan(low) else f"{percent(low)} to {percent(high)}",
                "mean, %": percent(row["mean"]),
                "lowest score, %": percent(row["worst"]),
            }
        )
    tests = ", ".join(cell_name(cell) for cell in data.cells)
    caption = (
        f"Over {len(data.cells)} tests ({tests}): mean of the middle half of all scores, seeds times tests; "
        "95% bootstrap interval over whole runs, too narrow with few seeds."
    )
    scored = set(data.scores["variant"])
    rest = [data.label(name) for name in data.variants if name in scored and name not in matrices]
    notes = [f"Not scored on all of these tests under the baseline's conditions: {', '.join(rest)}."] if rest else []
    return Table("across-tests", caption, pd.DataFrame(numbers), pd.DataFrame(words), notes)


def profiles_plot(data: StudyData) -> Plot | None:
    """Performance profiles over all tests, a panel per switch."""
    matrices = score_matrices(data)
    frame = profile_frame(data, matrices)
    panels = []
    for family in families(data):
        rows = rows_of(data, frame, family)
        names = list(rows["variant"].unique())
        if len(names) < 2:
            continue
        middles = rows.groupby("label", sort=False)["middle"].first()
        alt = f"Share of scores above each accuracy for {family.title}; interquartile means: " + ", ".join(
            f"{label} {percent(middle)}%" for label, middle in middles.items()
        )
        panels.append(
            Panel(
                partial(figures.score_profiles, rows, data.styles),
                family.title,
                subtitle(data, *names),
                height=lines_height(len(names)),
                right=1.1,
                alt=alt,
            )
        )
    if not panels:
        return None
    seeds = sorted({len(scores) for scores in matrices.values()})
    n_seeds = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    caption = (
        f"Share of a variant's scores ({n_seeds} seeds times {len(data.cells)} tests) that lie above each accuracy; a "
        "curve that is nowhere below another's is ahead whatever accuracy one asks for. Marks: medians; numbers in the "
        "key: interquartile means, whose intervals the table has."
    )
    return Plot("profiles", "Performance profiles over all tests", caption, panels, columns=3)


def profile_frame(data: StudyData, matrices: dict[str, np.ndarray]) -> pd.DataFrame:
    """Performance profiles: columns variant, label, threshold, share, middle (interquartile mean).

    Thresholds are where the share falls, each score of the variant, and both ends.
    """
    parts = []
    for variant, scores in matrices.items():
        thresholds = np.unique([0.0, *scores.ravel(), 1.0])
        profile = {
            "variant": variant,
            "label": data.label(variant),
            "threshold": thresholds,
            "share": performance_profile(scores, thresholds),
            "middle": interquartile_mean(scores),
        }
        parts.append(pd.DataFrame(profile))
    columns = ["variant", "label", "threshold", "share", "middle"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
