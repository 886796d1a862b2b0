"""Estimates of what a study can decide: before it starts, and while seeds are added."""

from pathlib import Path

import numpy as np

from leo_bench.config import make_settings, planned_tests
from leo_bench.records import RUNS, Plan, PlannedRun, RunState, StudyView, run_state
from leo_bench.statistics import OPEN, POWER, chance_of_verdict, smallest_settled
from leo_bench.statistics.families import as_difference
from leo_bench.statistics.studies.differences import all_effects, variance_prior
from leo_bench.statistics.studies.study import Cell, StudyData, study_data


def open_comparisons(data: StudyData) -> list[tuple[str, str]]:
    """Return variant and the one it is compared with, for each comparison on the headline test that is open or has too
    few seeds for a verdict."""
    frame = all_effects(data, data.headline)
    found = frame.loc[frame["compared"] & frame["verdict"].isin([*OPEN, "one seed"]), "variant"]
    return [(variant, data.compared_with(variant)) for variant in found]


def power_words(plan: Plan, results: Path) -> str:
    """Return how many comparisons of a plan can be expected to be decided, from the spreads on record.

    Runs of results/ and of results/official/ count, also those of another version of the source: a spread is not a
    result.
    """
    data = study_data(StudyView(plan, results / plan.study, [_on_record(plan, run, results) for run in plan.runs], []))
    seeds: dict[str, set[int]] = {}
    for run in plan.runs:
        seeds.setdefault(run.variant, set()).add(run.seed)
    most = max(len(own) for own in seeds.values())
    if most < 2:
        return "  power     with one seed no comparison gets a verdict; use at least three seeds"
    prior, chances, unknown, single = variance_prior(data), [], 0, 0
    smallest: list[float] = []
    for cell in data.cells:
        frame = all_effects(data, cell)
        for _, row in frame.iterrows():
            variant = str(row["variant"])
            if not all(_is_scored(data, name, cell) for name in (variant, data.compared_with(variant))):
                continue
            n_compared = plan.n_looks * int((frame["family"] == row["family"]).sum())
            n_seeds = len(seeds[variant] & seeds[data.compared_with(variant)])
            if n_seeds < 2:
                single += 1
                continue
            if not row["compared"] or row["n_seeds"] < 2:
                unknown += 1
                continue
            known = as_difference(row, plan.margin, prior)
            chances.append(chance_of_verdict(known, n_seeds, n_compared))
            degrees = known.degrees + n_seeds - known.n_seeds
            least = smallest_settled(known.variance, degrees, n_seeds, known.margin, n_compared)
            smallest.append(least if least is not None else np.nan)
    if single and not chances and not unknown:
        return "  power     each comparison is planned with one seed, which gives no verdict; use at least three seeds"
    if not chances:
        return "  power     unknown: no comparison has two seeds on record yet"
    expected = f"about {sum(chances):.0f} of {len(chances)} comparisons can be expected to get a verdict"
    later = f"; {unknown} more have no two seeds on record yet" if unknown else ""
    later += f"; {single} more are planned with one seed, which gives no verdict" if single else ""
    return (
        f"  power     {expected} with {most} seeds, from the spreads on record{later}; a true difference of "
        f"{100 * float(np.median(smallest)):.1f} points is found in {100 * POWER:.0f}% of such studies (median)"
    )


def _is_scored(data: StudyData, variant: str, cell: Cell) -> bool:
    """Return True if a variant is to be scored on a test."""
    tests = planned_tests(make_settings(data.settings[variant]))
    return cell in {(test.n_way, test.episode_mode) for test in tests}


def _on_record(plan: Plan, run: PlannedRun, results: Path) -> RunState:
    """Return the state of a planned run in the store, or else among the published runs."""
    own = run_state(run, results / RUNS / run.run_key, True)
    if own.status == "done":
        return own
    return run_state(run, results / "official" / RUNS / run.run_key, True)
