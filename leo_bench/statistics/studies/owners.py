"""Which study owns a pair of variants.

Two studies may compare the same two variants on the same runs, each within a family of its own, and so come to two
verdicts. The pair then belongs to one of them, and the other shows the verdict of the owner and names it.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from leo_bench.errors import LeoBenchError
from leo_bench.records import Plan, read_record
from leo_bench.statistics.studies.comparable import NOT_A_CHANGE
from leo_bench.statistics.studies.study import StudyData


class Owner(NamedTuple):
    """The study that owns a pair, and the pair as it has it."""

    data: StudyData
    variant: str
    reversed: bool
    """True if the owner takes the difference the other way round."""


def owner_of(data: StudyData, variant: str) -> Owner | None:
    """Return the owner of a variant and the one it is compared with; None if it is this study.

    Among the studies of one folder that compare the two on the same runs, the owner is the one that compares most
    variants; among equals, the first by name.
    """
    pair = (variant, data.compared_with(variant))
    for study in _larger_siblings(data):
        for own in study.variants:
            other = study.compared_with(own)
            if own == other:
                continue
            for way in (pair, pair[::-1]):
                if all(_identity(data, a) == _identity(study, b) for a, b in zip(way, (own, other), strict=True)):
                    return Owner(study, own, way != pair)
    return None


def _larger_siblings(data: StudyData) -> list[StudyData]:
    """Return the studies of the same folder that share runs with this one and go before it, the first one first."""
    return data.remembered("siblings", lambda: _read_siblings(data))


def _read_siblings(data: StudyData) -> list[StudyData]:
    plans = sorted(_plans_beside(data.view.folder).items(), key=lambda item: _rank(item[1]))
    return [
        data.studies.load(folder) for folder, plan in plans if plan.claims is None and _goes_before(plan, data.plan)
    ]


def studies_that_read(folder: Path) -> list[Path]:
    """Return the studies beside a study whose reports may show what it has: those that judge claims, and those that
    leave pairs to it."""
    plan = read_record(folder / "study.json", Plan)
    return [
        other
        for other, its in _plans_beside(folder).items()
        if its.claims is not None or (plan.claims is None and _goes_before(plan, its))
    ]


def _plans_beside(folder: Path) -> dict[Path, Plan]:
    """Return folder -> plan of the other studies beside a study, in name order."""
    plans = {}
    for path in sorted(folder.parent.glob("*/study.json")):
        if path.parent != folder:
            with suppress(LeoBenchError):  # a broken study owns nothing; its own report names it
                plans[path.parent] = read_record(path, Plan)
    return plans


def _goes_before(plan: Plan, other: Plan) -> bool:
    """Return True if a study owns the pairs that both studies compare on the same runs."""
    shared = {run.run_key for run in plan.runs} & {run.run_key for run in other.runs}
    return bool(shared) and _rank(plan) < _rank(other)


def _rank(plan: Plan) -> tuple[int, str, str]:
    return -len({run.variant for run in plan.runs}), plan.study, plan.profile


def _identity(data: StudyData, variant: str) -> tuple[Any, ...]:
    """Return the seeds and settings of a variant: equal for two variants with the same runs."""
    seeds = sorted(seed for name, seed in data.runs if name == variant)
    settings = data.settings[variant].items()
    return seeds, sorted((name, repr(value)) for name, value in settings if name not in NOT_A_CHANGE)
