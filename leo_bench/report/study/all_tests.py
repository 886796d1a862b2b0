"""All tests together: interquartile means of paired differences, and performance profiles."""

from functools import partial

import numpy as np
import pandas as pd

from leo_bench import figures
from leo_bench.report.panels import Panel, Plot
from leo_bench.report.study.captions import lines_height, rows_of, subtitle, variant_groups
from leo_bench.report.study.data import StudyData, cell_name, not_comparable
from leo_bench.report.study.main_table import named_beside
from leo_bench.report.table import NONE, ReportTable, percent
from leo_bench.statistics.across_tests import interquartile_mean, interquartile_mean_interval, performance_profile

INTERVAL_SEEDS = 5
"""Fewest seeds for a bootstrap over runs; with fewer it is little more than the range of the values."""


def score_matrices(data: StudyData) -> dict[str, pd.DataFrame]:
    """Return variant -> accuracies, a row per seed, a column per test as in data.cells.

    Only variants scored on every test under the baseline's conditions; a seed that lacks a test is left out. Empty if
    there is only one test.
    """
    if len(data.cells) < 2:
        return {}
    unlike = set().union(*(not_comparable(data, cell) for cell in data.cells))
    found: dict[str, pd.DataFrame] = {}
    for variant in data.variants:
        if variant in unlike:
            continue
        rows = data.scores[data.scores["variant"] == variant]
        table = rows.pivot_table(index="seed", columns=["n_way", "episode_mode"], values="accuracy")
        if not set(data.cells) - set(table.columns.to_flat_index()):
            whole = table[data.cells].dropna()
            if len(whole):
                found[variant] = whole.astype(float)
    return found


def all_tests_table(data: StudyData) -> ReportTable | None:
    """Return the gain of each change over all tests, for variants scored on all of them; None with fewer than two.

    The gain is the interquartile mean of the paired differences, seeds times tests. Accuracies differ more between
    tests than between variants, so the middle half of the accuracies themselves would be those of the middle tests.
    """
    matrices = score_matrices(data)
    if len(matrices) < 2 or data.plan.baseline not in matrices:
        return None
    numbers, words = [], []
    for variant, scores in matrices.items():
        other = data.compared_with(variant)
        base = matrices.get(other, scores[:0])
        seeds = base.index.intersection(scores.index)
        differences = (scores.loc[seeds] - base.loc[seeds]).to_numpy()
        row = {
            "variant": variant,
            "label": data.label(variant),
            "n_seeds": len(seeds),
            "n_tests": scores.shape[1],
            "mean": scores.to_numpy().mean(),
            "worst": scores.to_numpy().min(),
            **dict.fromkeys(("interquartile_difference", "least", "most", "low", "high"), np.nan),
        }
        if variant != data.plan.baseline and len(seeds):
            single = [interquartile_mean(run) for run in differences]
            row |= {
                "interquartile_difference": interquartile_mean(differences),
                "least": min(single),
                "most": max(single),
            }
            if len(seeds) >= INTERVAL_SEEDS:
                interval = interquartile_mean_interval(differences, same_runs=True)
                row |= {"low": interval.low, "high": interval.high}
        if data.plan.against:
            row["against"] = "" if variant == data.plan.baseline else data.label(other)
        numbers.append(row)
        words.append(
            {
                "variant": row["label"],
                **({"compared with": row["against"] or NONE} if data.plan.against else {}),
                "seeds": str(len(seeds)),
                "interquartile mean of differences, points": points(row["interquartile_difference"]),
                "single seeds, points": span(row["least"], row["most"]),
                "95% interval, points": span(row["low"], row["high"]),
                "mean accuracy, %": percent(row["mean"]),
                "lowest score, %": percent(row["worst"]),
            }
        )
    tests = ", ".join(cell_name(cell) for cell in data.cells)
    caption = (
        f"Over {len(data.cells)} tests ({tests}): mean of the middle half of all differences with the baseline"
        f"{named_beside(data)}, seeds times tests, paired by seed and test; beside it the lowest and the highest "
        f"single seed. The interval is a bootstrap over whole runs, from {INTERVAL_SEEDS} seeds on. Verdicts are "
        "those of the single tests."
    )
    scored = set(data.scores["variant"])
    rest = [data.label(name) for name in data.variants if name in scored and name not in matrices]
    notes = [f"Not scored on all of these tests under the baseline's conditions: {', '.join(rest)}."] if rest else []
    return ReportTable("across-tests", caption, pd.DataFrame(numbers), pd.DataFrame(words), notes)


def points(value: float) -> str:
    """Return a difference in points, with its sign."""
    return NONE if np.isnan(value) else figures.signed(100 * value)


def span(low: float, high: float) -> str:
    """Return `+1.2 to +3.4`."""
    return NONE if np.isnan(low) else f"{points(low)} to {points(high)}"


def profiles_plot(data: StudyData) -> Plot | None:
    """Return the performance profiles over all tests, a panel per switch."""
    matrices = score_matrices(data)
    frame = profile_frame(data, matrices)
    panels = []
    for group in variant_groups(data):
        rows = rows_of(data, frame, group)
        names = list(rows["variant"].unique())
        if len(names) < 2:
            continue
        middles = rows.groupby("label", sort=False)["middle"].first()
        alt = f"Share of scores above each accuracy for {group.title}; means: " + ", ".join(
            f"{label} {percent(middle)}%" for label, middle in middles.items()
        )
        panels.append(
            Panel(
                partial(figures.performance_profiles, rows, data.styles),
                group.title,
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
        f"Share of a variant's scores ({n_seeds} seeds times {len(data.cells)} tests) that lie above each accuracy. A "
        "curve that is nowhere below another one is ahead at any required accuracy. Marks: medians; numbers in the "
        "key: means."
    )
    return Plot("profiles", "Performance profiles over all tests", caption, panels, columns=3)


def profile_frame(data: StudyData, matrices: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return performance profiles: columns variant, label, threshold, share, middle (mean of all scores).

    Thresholds are the scores of the variant, where the share falls, and both ends.
    """
    parts = []
    for variant, table in matrices.items():
        scores = table.to_numpy()
        thresholds = np.unique([0.0, *scores.ravel(), 1.0])
        profile = {
            "variant": variant,
            "label": data.label(variant),
            "threshold": thresholds,
            "share": performance_profile(scores, thresholds),
            "middle": scores.mean(),
        }
        parts.append(pd.DataFrame(profile))
    columns = ["variant", "label", "threshold", "share", "middle"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
